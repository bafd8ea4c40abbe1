"""Which of several outputs holds the class scores: files for training keep the heads of auxiliary classifiers."""

from collections.abc import Sequence

from converters.caffe.layers import LOSSES
from converters.caffe.net import Net
from converters.caffe.weights import outputs_of
from converters.caffe.wiring import Ref, Wiring, tops_of, wire
from converters.refusals import SourceIncomplete

# what a classifier ends in, the surest first
_ENDS = (LOSSES | {"Softmax"}, frozenset({"InnerProduct"}))
_SHOWN = 12


def main_head(net: Net) -> tuple[str | None, str]:
    """The top that holds the class scores of a net for which nobody named one, and a note on it where it was chosen.

    (None, "") for a net with one output. Of several with as many classes each, as GoogLeNet has while it is trained,
    the one behind most layers is the classifier, and the others helped to train it. Raises SourceIncomplete, which
    names the outputs, for a net in which more than one may be meant.
    """
    wiring = wire(net)
    if len(wiring.finals) < 2:
        return None, ""
    ends = _ends(net, wiring)
    depths = _depths(wiring)
    deepest = max(depths[end.layer] for end in ends)
    found = [end for end in ends if depths[end.layer] == deepest]
    names = ", ".join(_name(net, end)[:80] for end in wiring.finals[:_SHOWN])
    if len(found) > 1 or len({_classes(net, wiring, end) for end in ends}) > 1:
        raise SourceIncomplete(
            f"the net has several outputs that may be the class scores ({names}); name one with --output"
        )
    name = _name(net, found[0])
    return name, f"output {name[:80]} is assumed, which most layers lead to; the net has the outputs {names}"


def _name(net: Net, ref: Ref) -> str:
    return tops_of(net.layers[ref.layer])[ref.at]


def _ends(net: Net, wiring: Wiring) -> Sequence[Ref]:
    """The outputs that look like a classifier's, one for each result that they judge; all of them where none does."""
    for kinds in _ENDS:
        found = [end for end in wiring.finals if net.layers[end.layer].type in kinds]
        if found:
            # a hinge loss beside a softmax says nothing new
            return list({wiring.bottoms[end.layer][:1]: end for end in reversed(found)}.values())
    return wiring.finals


def _depths(wiring: Wiring) -> list[int]:
    """For each layer, how many layers lie on the longest way from an input to it."""
    depths: list[int] = []
    for bottoms in wiring.bottoms:
        depths.append(1 + max((depths[ref.layer] for ref in bottoms if not ref.is_input), default=0))
    return depths


def _classes(net: Net, wiring: Wiring, end: Ref) -> int:
    """How many outputs the last layer with weights before a result has; 0 where there is none."""
    ref = end
    while not ref.is_input:
        count = outputs_of(net.layers[ref.layer].params)
        if count or not wiring.bottoms[ref.layer]:
            return count
        ref = wiring.bottoms[ref.layer][0]
    return 0
