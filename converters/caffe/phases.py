"""Which layers a net has in one state: Caffe's include and exclude rules (Net::FilterNet), for inference."""

from collections.abc import Sequence
from typing import Any

from converters.caffe import messages
from converters.refusals import SourceDamaged

# nets of NVIDIA DIGITS hold training and deployment in one file, told apart by this stage
_DEPLOY = "deploy"


def layers_of(net: Any, name: str, *, saved: bool = False) -> list[Any]:
    """The layers that a net has for inference, in order; `name` is the file's in refusals.

    The state is the file's own with the phase TEST, and with the stage "deploy" where rules speak of it. A net that was
    `saved` with its weights has been chosen already: if its rules speak of TRAIN only, that is the phase that it is
    read in. Raises SourceDamaged.
    """
    state = messages.NetState()
    state.CopyFrom(net.state)
    rules = [rule for layer in net.layer for rule in (*layer.include, *layer.exclude)]
    phases = {rule.phase for rule in rules if rule.HasField("phase")}
    state.phase = messages.TRAIN if saved and phases == {messages.TRAIN} else messages.TEST
    if any(_DEPLOY in (*rule.stage, *rule.not_stage) for rule in rules) and _DEPLOY not in state.stage:
        state.stage.append(_DEPLOY)
    return [layer for layer in net.layer if _kept(layer, state, name)]


def _kept(layer: Any, state: Any, name: str) -> bool:
    """Without include rules a layer stays unless an exclude rule is met; with them, if one of them is met."""
    if layer.include and layer.exclude:
        raise SourceDamaged(f"{name}: layer {layer.name[:80]!r} has include and exclude rules; Caffe takes one kind.")
    if layer.include:
        return _met(layer.include, state)
    return not _met(layer.exclude, state)


def _met(rules: Sequence[Any], state: Any) -> bool:
    """Whether the state meets one of the rules (Net::StateMeetsRule)."""
    stages = set(state.stage)
    return any(
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and stages.issuperset(rule.stage)
        and stages.isdisjoint(rule.not_stage)
        for rule in rules
    )
