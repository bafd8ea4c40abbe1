"""Which networks a thief can train, by name: very small ones, CIFAR's, the papers', timm's, third parties'.

Light to import: torch, timm and the networks are imported when a network is built.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from copycats.refusals import UnknownArchitecture

if TYPE_CHECKING:
    from copycats.copycat import Built, Copycat, Order

GROUP = "copycat_benchmark.architectures"

# name -> module and function `(order: copycats.copycat.Order) -> copycats.copycat.Built`
OURS: dict[str, str] = {
    "small_vgg": "copycats.small_nets:small_vgg",
    "small_alexnet": "copycats.small_nets:small_alexnet",
    "small_resnet": "copycats.small_nets:small_resnet",
    "resnet20": "copycats.cifar_nets:resnet20",
    "resnet32": "copycats.cifar_nets:resnet32",
    "resnet56": "copycats.cifar_nets:resnet56",
    "small_fasternet": "copycats.narrow_nets:small_fasternet",
    "paper_vgg16": "copycats.paper_nets:paper_vgg16",
    "paper_alexnet": "copycats.paper_nets:paper_alexnet",
    "example_cnn": "copycats.example_net:example_cnn",
}

Pretrained = Literal["never", "auto", "require"]


def names(pattern: str = "*") -> list[str]:
    """All names that fit a shell pattern: ours, third parties', timm's (imports timm: 5 s)."""
    from fnmatch import fnmatchcase  # noqa: PLC0415

    from copycats import timm_names  # noqa: PLC0415

    own = [name for name in (*OURS, *entry_points(group=GROUP).names) if fnmatchcase(name, pattern)]
    return list(dict.fromkeys([*own, *timm_names.names(pattern)]))


def ensure_known(name: str) -> None:
    """Raises UnknownArchitecture with the nearest names; does not import torch or timm for a name that exists."""
    if name in OURS or name in entry_points(group=GROUP).names:
        return
    from copycats import timm_names  # noqa: PLC0415

    if not timm_names.is_known(name):
        raise UnknownArchitecture(name, names())


def preload(name: str) -> None:
    """Import what building this network needs, and nothing else: for a process whose children will build it."""
    ensure_known(name)
    if name in OURS:
        import_module(OURS[name].partition(":")[0])
    elif name not in entry_points(group=GROUP).names:
        import_module("timm")


def build(
    name: str,
    *,
    classes: int,
    size: tuple[int, int],
    channels: int = 3,
    pretrained: Pretrained = "never",
    weights: Path | None = None,
    seed: int = 0,
) -> "Copycat":
    """A fresh Copycat for images of `size` (h, w), its random weights drawn from `seed` alone.

    `pretrained`: "auto" takes timm's weights when they are to be had and says in `knowledge` when not; "require"
    refuses then. `weights` is a file of weights (.safetensors, else a state dict of torch). torch's global generator
    is left as it was. Raises UnknownArchitecture, UnfitArchitecture, WeightsRefused.
    """
    from copycats.copycat import Order  # noqa: PLC0415
    from copycats.weights import kernels_are_kept, load_into  # noqa: PLC0415

    order = Order(name, classes, size, channels)
    if weights is None:
        return assemble(order, pretrained=pretrained, seed=seed)
    copycat = assemble(order, learnt=kernels_are_kept(weights), seed=seed)
    copycat.knowledge.update(load_into(copycat, weights))
    return copycat


def reopen(path: Path) -> "Copycat":
    """The copycat that `weights.save` wrote, in eval mode. Raises WeightsRefused when the file is not such a one."""
    from copycats.weights import fill, read_kept  # noqa: PLC0415

    kept = read_kept(path)
    copycat = assemble(kept.order, learnt=kept.knowledge["pretrained"] != "none")
    copycat.knowledge = kept.knowledge
    fill(copycat, kept.state, path)
    return copycat.eval()


def assemble(order: "Order", *, pretrained: Pretrained = "never", learnt: bool = False, seed: int = 0) -> "Copycat":
    """A fresh Copycat; `learnt`: its kernels keep their shape, for weights are to come."""
    ensure_known(order.name)
    import torch  # noqa: PLC0415

    from copycats.copycat import Copycat  # noqa: PLC0415

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the GPUs' generators
        return Copycat(order, _builder(order.name)(order, pretrained, learnt))


def _builder(name: str) -> "Callable[[Order, Pretrained, bool], Built]":
    """The function that builds the network: ours, a third party's or timm's."""
    from copycats import pretraining  # noqa: PLC0415

    if name in OURS:
        module, _, function = OURS[name].partition(":")
        return pretraining.without_weights(getattr(import_module(module), function))
    for found in entry_points(group=GROUP, name=name):
        loaded: Any = found.load()
        return pretraining.without_weights(loaded)
    return pretraining.of_timm
