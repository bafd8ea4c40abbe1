"""Networks that a text names: timm's and torchvision's architectures, and code of the user's own."""

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import nn

from converters.conversion import Wishes
from converters.pytorch.weights import Weights, aligned, fill, read_weights
from converters.refusals import ConversionRefused, RunsCode, SourceIncomplete, UnknownFormat
from converters.torch_exporter import silently

LIBRARIES = ("timm", "torchvision")


class Net(NamedTuple):
    """A module in eval mode with its weights; `assumed` and `size` are what its library says of its pretrained one."""

    module: nn.Module
    files: tuple[Path, ...] = ()
    assumed: Mapping[str, Any] = {}
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


class _Entry(NamedTuple):
    """An architecture of a library: how it is built, and where its first and last layers' weights are."""

    build: Callable[..., nn.Module]
    head: Callable[[nn.Module], str]
    stem: Callable[[nn.Module], str]
    assumed: Mapping[str, Any]
    size: tuple[int, int] | None


def named(text: str, wishes: Wishes) -> Net:
    """The network of `timm:NAME` or `torchvision:NAME` with the user's weights; nothing is downloaded.

    Class count and image channels are those of the weights' last and first layers. Raises UnknownFormat (no such
    name), SourceIncomplete (no weights, or weights of another network).
    """
    library, _, name = text.partition(":")
    entry = {"timm": _timm, "torchvision": _torchvision}[library](name)
    if wishes.weights is None:
        raise SourceIncomplete(
            f"{text} names an architecture without weights, and a random network is no oracle; give its weights with"
            " --weights FILE (safetensors or a state dict)"
        )
    weights = read_weights(wishes.weights)
    with silently(), torch.random.fork_rng(devices=[]):
        module = _fitting(entry, weights, text, wishes)
        notes = fill(module, weights, text)
    return Net(module.eval(), (weights.file,), entry.assumed, entry.size, notes)


def _fitting(entry: _Entry, weights: Weights, text: str, wishes: Wishes) -> nn.Module:
    """The architecture with as many classes and channels as the weights say, of the image size that the user says."""
    sized = {} if wishes.size is None else {"img_size": wishes.size}
    try:
        module = entry.build(**sized)
    except (TypeError, AssertionError):  # most networks take any size and know no such option
        sized = {}
        module = entry.build()
    state = aligned(weights, module.state_dict()).state
    options: dict[str, int] = {}
    head, stem = state.get(f"{entry.head(module)}.weight"), state.get(f"{entry.stem(module)}.weight")
    if (
        head is not None
        and head.ndim > 0
        and head.shape[0] != module.get_parameter(f"{entry.head(module)}.weight").shape[0]
    ):
        options["num_classes"] = head.shape[0]
    if wishes.classes is not None and head is not None and head.ndim > 0 and head.shape[0] != wishes.classes:
        raise SourceIncomplete(
            f"{weights.file.name} answers {head.shape[0]} classes, but --classes says {wishes.classes}; leave it out"
        )
    if stem is not None and stem.ndim == 4 and stem.shape[1] in (1, 3) and text.startswith("timm:"):
        options["in_chans"] = stem.shape[1]
    return entry.build(**sized, **options) if options else module


def _timm(name: str) -> _Entry:
    import timm  # noqa: PLC0415 - takes seconds to import

    _known(name, timm.list_models(), "timm")
    config = timm.get_pretrained_cfg(name)
    about = config.to_dict() if config is not None else {}
    assumed = {key: tuple(about[key]) for key in ("mean", "std") if about.get(key)}
    size = about.get("input_size")
    return _Entry(
        build=lambda **options: timm.create_model(name, pretrained=False, **options),
        head=lambda _: _first_of(about.get("classifier")),
        stem=lambda _: _first_of(about.get("first_conv")),
        assumed={"range": (0, 1), **assumed} if assumed else {},
        size=(int(size[1]), int(size[2])) if size else None,
    )


def _first_of(names: str | Sequence[str] | None) -> str:
    return names if isinstance(names, str) else next(iter(names or ("",)))


def _torchvision(name: str) -> _Entry:
    import torchvision  # noqa: PLC0415 - takes seconds to import

    _known(name, torchvision.models.list_models(module=torchvision.models), "torchvision")
    how = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    crop = how.crop_size if isinstance(how.crop_size, int) else how.crop_size[0]
    own_start = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return _Entry(
        build=lambda **options: torchvision.models.get_model(name, weights=None, **own_start, **options),
        head=lambda module: _layers(module)[-1],
        stem=lambda module: _layers(module)[0],
        assumed={"range": (0, 1), "mean": tuple(how.mean), "std": tuple(how.std)},
        size=(crop, crop),
    )


def _layers(module: nn.Module) -> list[str]:
    return [name for name, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.Linear)]


def _known(name: str, names: Sequence[str], library: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        way = f"the nearest is {near[0]}" if near else f"{library} lists its names with {library}.models.list_models()"
        raise UnknownFormat(f"{library} has no architecture {name!r}; {way.replace('timm.models.', 'timm.')}")


def own_code(text: str, wishes: Wishes) -> Net:
    """The network that `package.module:callable` or `path/file.py:callable` builds, with the user's weights if given.

    The callable takes nothing, or `num_classes` where --classes is said, and gives a torch module; a module itself
    will do. Runs that code, so `wishes.allow_code` must be. Raises RunsCode, SourceIncomplete, ConversionRefused.
    """
    place, _, name = text.rpartition(":")
    if not wishes.allow_code:
        raise RunsCode(f"{text} is code, and opening it runs it; if it is yours or you trust it, add --allow-code")
    try:
        with _importing(place) as home:
            made = _called(getattr(home, name), wishes)
    except (Exception, SystemExit) as error:
        cause = (str(error) or type(error).__name__).splitlines()[0]
        raise ConversionRefused(f"{text} gives no network ({type(error).__name__}: {cause}); correct it") from error
    if not isinstance(made, nn.Module):
        raise ConversionRefused(
            f"{text} gives {type(made).__name__}, not a torch.nn.Module; name what builds the network"
        )
    file = getattr(home, "__file__", None)
    files = (Path(file).resolve(),) if file else ()
    if wishes.weights is None:
        return Net(made.eval(), files, notes=(f"weights as {text} made them",))
    weights = read_weights(wishes.weights)
    with silently():
        notes = fill(made, weights, text)
    return Net(made.eval(), (*files, weights.file), notes=notes)


def _called(found: Any, wishes: Wishes) -> Any:
    if isinstance(found, nn.Module) or not callable(found):
        return found
    takes = inspect.signature(found).parameters if wishes.classes is not None else {}
    key = next((key for key in ("num_classes", "classes") if key in takes), None)
    with torch.random.fork_rng(devices=[]):
        return found() if key is None else found(**{key: wishes.classes})


@contextmanager
def _importing(place: str) -> Iterator[ModuleType]:
    """The module, imported with its own folder (of a file) or the current one (of a name) last on the path."""
    file = Path(place)
    before = list(sys.path)
    sys.path.append(str(file.resolve().parent if file.suffix == ".py" else Path.cwd()))
    try:
        if file.suffix != ".py":
            yield importlib.import_module(place)
            return
        spec = importlib.util.spec_from_file_location(f"_source_{file.stem}", file.resolve())
        if spec is None or spec.loader is None:
            raise ImportError(f"{place} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses and pickles of the module look themselves up there
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path[:] = before
