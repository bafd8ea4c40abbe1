"""Who reads what: a net whose names may be written again and again becomes references to results.

Caffe lets a layer write in place over what it read, and a later reader gets the newer value; a reader before it keeps
the older one (Caffe: insert_splits.cpp). With references instead of names both come out right.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from converters.caffe.layers import LOSSES, SINKS
from converters.caffe.net import Layer, Net
from converters.caffe.nodes import called
from converters.refusals import SourceDamaged, SourceIncomplete

_INPUT = -1


class Ref(NamedTuple):
    """A result: top number `at` of layer number `layer`; input number `at` of the net where `layer` is -1."""

    layer: int
    at: int

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the net."""
        return self.layer == _INPUT


@dataclass(frozen=True)
class Wiring:
    """`bottoms`: what each layer reads. `latest`: the newest result under each name. `finals`: the net's outputs."""

    bottoms: tuple[tuple[Ref, ...], ...]
    latest: dict[str, Ref]
    finals: tuple[Ref, ...]


def tops_of(layer: Layer) -> tuple[str, ...]:
    """The layer's tops; a loss without any (Caffe gives it a nameless one) has one under the layer's name."""
    return layer.tops or ((layer.name,) if layer.type in LOSSES else ())


def wire(net: Net) -> Wiring:
    """The references of a net; raises SourceDamaged for a bottom that nothing gives and a top given twice.

    A measure reads nothing here, and a loss only the scores that it judges: labels are no part of inference.
    """
    latest = {name: Ref(_INPUT, at) for at, name in enumerate(net.inputs)}
    bottoms = []
    for number, layer in enumerate(net.layers):
        read = () if layer.type in SINKS else layer.bottoms[:1] if layer.type in LOSSES else layer.bottoms
        for name in read:
            if name not in latest:
                raise SourceDamaged(f"{called(layer)} reads {name[:80]!r}, which nothing before it gives")
        bottoms.append(tuple(latest[name] for name in read))
        for at, name in enumerate(tops_of(layer)):
            if name in latest and name not in layer.bottoms:
                raise SourceDamaged(
                    f"{called(layer)} writes top {name[:80]!r}, which is there already; only a layer that reads"
                    " it may write it again"
                )
            latest[name] = Ref(number, at)
    return Wiring(tuple(bottoms), latest, tuple(_finals(net, bottoms)))


def _finals(net: Net, bottoms: list[tuple[Ref, ...]]) -> Iterator[Ref]:
    """Results that nobody reads, in order; neither a mask of a pooling nor a loss beside its Softmax are scores."""
    read = {ref for refs in bottoms for ref in refs}
    softened = {refs[0] for layer, refs in zip(net.layers, bottoms, strict=True) if layer.type == "Softmax" and refs}
    for number, layer in enumerate(net.layers):
        beside = layer.type == "SoftmaxWithLoss" and bool(softened.intersection(bottoms[number]))
        if layer.type in SINKS or beside:
            continue
        tops = tops_of(layer)[:1] if layer.type == "Pooling" or layer.type in LOSSES else tops_of(layer)
        yield from (Ref(number, at) for at in range(len(tops)) if Ref(number, at) not in read)


def outputs_of(net: Net, wiring: Wiring, wish: str | None) -> tuple[Ref, ...]:
    """The wished output, a top or a layer by its name, or all final ones; raises SourceIncomplete."""
    if wish is None:
        if not wiring.finals:
            raise SourceIncomplete(
                "no layer of the net gives anything that no other layer reads; name a top with --output"
            )
        return wiring.finals
    if wish in wiring.latest and not wiring.latest[wish].is_input:
        return (wiring.latest[wish],)
    named = [number for number, layer in enumerate(net.layers) if layer.name == wish and tops_of(layer)]
    if named:
        return (Ref(named[-1], 0),)
    known = [name for name, ref in wiring.latest.items() if not ref.is_input]
    near = difflib.get_close_matches(wish, known, 1, 0.5)
    hint = (
        f"did you mean {near[0][:80]!r}" if near else "known are " + ", ".join(repr(name[:40]) for name in known[-12:])
    )
    raise SourceIncomplete(f"there is no top {wish[:80]!r} in the net; {hint}")


def needed(wiring: Wiring, outputs: Iterable[Ref]) -> set[int]:
    """The numbers of the layers that the outputs need."""
    found: set[int] = set()
    waiting = [ref.layer for ref in outputs]
    while waiting:
        number = waiting.pop()
        if number < 0 or number in found:
            continue
        found.add(number)
        waiting += [ref.layer for ref in wiring.bottoms[number]]
    return found
