"""Random nets, layer by layer: onnxruntime against plain numpy, and against OpenCV where it computes as Caffe does."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from made_nets import images, largest_difference, plain_of, run
from random_nets import nets

from converters.caffe.graph import build
from converters.caffe.net import Net
from converters.caffe.opencv import OpenCV

COUNT = 5
examples = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def labels_agree(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the largest scores are in the same places, unless two are as good as equal."""
    ranked = np.sort(expected, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 1e-5
    return bool((found.argmax(axis=1) == expected.argmax(axis=1))[clear].all())


@examples
@given(nets())
def test_a_random_net_answers_in_onnxruntime_as_in_numpy(made: tuple[Net, tuple[int, int, int]]) -> None:
    """Scores within 1e-4 relative, and the same labels."""
    net, sides = made
    built = build(net)
    inputs = images((COUNT, *sides))
    found = run(built, inputs)[0].reshape(COUNT, -1)
    expected = plain_of(net, built).scores(inputs)

    assert largest_difference(found, expected) <= 1e-4
    assert labels_agree(found, expected)


@examples
@given(nets(both=True))
def test_a_random_net_answers_in_onnxruntime_as_in_opencv(made: tuple[Net, tuple[int, int, int]]) -> None:
    """The same, with another reader and another arithmetic."""
    pytest.importorskip("cv2")
    net, sides = made
    built = build(net)
    inputs = images((COUNT, *sides))
    found = run(built, inputs)[0].reshape(COUNT, -1)
    # OpenCV takes a Reshape's batch as the file writes it
    pairs = [inputs[at : at + 2] for at in range(0, COUNT - 1, 2)]
    other = OpenCV(net, built.outputs[0].layer, built.results)
    expected = np.concatenate([other.scores(pair) for pair in pairs])

    assert largest_difference(found[: len(expected)], expected) <= 1e-4
    assert labels_agree(found[: len(expected)], expected)
