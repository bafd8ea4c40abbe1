"""Networks of the timm library by their names, fitted to the problem's images."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from copycats.copycat import NATURAL_MEAN, NATURAL_STD, Built, Order, Size
from copycats.refusals import UnfitArchitecture, WeightsRefused
from copycats.small_inputs import TOO_SMALL, patch_for, runs, widen

SECONDS_TO_ANSWER = 3.0  # for the hub that holds the weights: a machine without network is told from one with


def build(order: Order, *, learnt: bool, fetch: bool) -> Built:
    """The network for the order. `learnt`: kernels are kept for weights to come; `fetch`: with timm's own weights.

    Raises UnfitArchitecture when no way is found to feed it such images, WeightsRefused when the weights cannot be had.
    """
    import timm  # noqa: PLC0415

    config = timm.get_pretrained_cfg(order.name)
    if fetch and not (config and config.has_weights):
        raise WeightsRefused(f"{order.name}: timm has no weights for it. Say pretrained = never, or name another.")
    net, way, notes = _fit(order, _ways(order, config), new_kernels=not learnt and not fetch)
    if fetch:
        net = _fetched(order.name, _options(order, way))
        if not way.options:
            widen(net, way.inner(order), new_kernels=False)
    known = config is not None and (fetch or learnt)
    mean, std = _normalisation(config, order.channels) if known else ((NATURAL_MEAN,), (NATURAL_STD,))
    tag = f"{config.architecture}.{config.tag}" if fetch else "none"
    head = config.classifier if config and isinstance(config.classifier, str) else "head"
    return Built(net, head, mean, std, way.enlarged_to, (*way.notes, *notes), {"pretrained": tag})


@dataclass(frozen=True)
class Way:
    """One way to feed images of the problem's size to a net: options of its constructor, or enlarging the images."""

    options: dict[str, Any] = field(default_factory=dict)
    enlarged_to: Size | None = None

    def inner(self, order: Order) -> Order:
        """The order as the net sees it."""
        return replace(order, size=self.enlarged_to or order.size)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it."""
        if self.enlarged_to:
            return (f"images enlarged to {self.enlarged_to[0]}x{self.enlarged_to[1]} inside the network",)
        return (f"built for {', '.join(f'{k} {v}' for k, v in self.options.items())}",) if self.options else ()


def _ways(order: Order, config: Any) -> list[Way]:
    """What to try, the best first: images as they are, and enlarged to the usual size as the last resort."""
    usual = (config.input_size[1], config.input_size[2]) if config else (224, 224)
    last = [Way(enlarged_to=usual)] if usual != order.size else []
    if not (config and config.fixed_input_size) or not last:
        return [Way(), *last]
    patch = patch_for(order.size, _patch_of(order.name))
    return [Way({"img_size": order.size, "patch_size": patch}), Way({"img_size": order.size}), *last]


def _options(order: Order, way: Way) -> dict[str, Any]:
    return {"num_classes": order.classes, "in_chans": order.channels, **way.options}


def _fit(order: Order, ways: list[Way], *, new_kernels: bool) -> tuple[nn.Module, Way, list[str]]:
    """The first way that works, with the net made for it. Raises UnfitArchitecture when there is none."""
    import timm  # noqa: PLC0415

    for way in ways:
        try:
            net: nn.Module = timm.create_model(order.name, **_options(order, way))
        except (TypeError, *TOO_SMALL):  # the constructor does not know the option, or not this size
            continue
        notes = [] if way.options else widen(net, way.inner(order), new_kernels=new_kernels)
        if runs(net, way.inner(order)):
            return net, way, notes
    raise UnfitArchitecture(
        f"{order.name}: cannot take images of {order.size[0]}x{order.size[1]}, neither as they are nor enlarged. "
        "Name another architecture."
    )


def _patch_of(name: str) -> int:
    found = re.search(r"patch(\d+)", name)
    return int(found[1]) if found else 4  # Swin and its relatives


def _normalisation(config: Any, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread that the weights were trained with, for pixels 0..255; of one channel: the mean of the three."""
    mean, std = (tuple(255 * value for value in values) for values in (config.mean, config.std))
    return (mean, std) if channels == 3 else ((sum(mean) / 3,), (sum(std) / 3,))


def _fetched(name: str, options: dict[str, Any]) -> nn.Module:
    """The net with timm's weights; without network only what the hub's cache already holds, and at once."""
    import timm  # noqa: PLC0415

    try:
        with _offline_unless_answered():
            net: nn.Module = timm.create_model(name, pretrained=True, **options)
    except (OSError, RuntimeError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsRefused(
            f"{name}: its weights are not to be had ({cause}). Connect the machine, give a file of weights, "
            "or say pretrained = never."
        ) from error
    return net


@contextlib.contextmanager
def _offline_unless_answered() -> Iterator[None]:
    """Ask the hub once, without retries; where nobody answers, the hub's library is told to look into its cache only.

    Left alone it tries for 46 s (ten attempts with growing pauses) before it gives up.
    """
    from huggingface_hub import constants, get_session  # noqa: PLC0415

    before = constants.HF_HUB_OFFLINE
    answered = not before and _answers(lambda: get_session().head(constants.ENDPOINT, timeout=SECONDS_TO_ANSWER))
    constants.HF_HUB_OFFLINE = before or not answered
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception:  # noqa: BLE001 - each client of each version has its own tree of errors; all mean: no answer
        return False
    return True
