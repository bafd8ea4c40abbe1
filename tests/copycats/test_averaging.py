"""The running average of weights against numbers worked out by hand."""

import copy

import pytest
import torch

from copycats.architectures import build
from copycats.averaging import Average
from copycats.copycat import Copycat


@pytest.fixture
def copycat() -> Copycat:
    return build("small_vgg", classes=3, size=(16, 16), seed=1)


def set_all(copycat: Copycat, value: float) -> None:
    with torch.no_grad():
        for tensor in copycat.net.state_dict().values():
            tensor.fill_(value)


def test_first_steps_count_for_much_and_later_ones_for_what_is_not_kept(copycat: Copycat) -> None:
    set_all(copycat, 0.0)
    average = Average(copycat, keep=0.15)
    set_all(copycat, 1.0)

    seen = []
    for _ in range(3):
        average.follow()
        seen.append(float(average.twin.net.head.bias[0]))

    # kept: 1/10, then .15 twice, for 2/11 and 3/12 are more than .15
    assert seen == pytest.approx([0.9, 1 - 0.1 * 0.15, 1 - 0.1 * 0.15**2])


def test_batch_norm_statistics_are_averaged_and_counters_copied(copycat: Copycat) -> None:
    average = Average(copycat, keep=0.5)
    names = [name for name, value in copycat.state_dict().items() if not value.is_floating_point()]
    set_all(copycat, 7.0)

    average.follow()

    own = average.twin.state_dict()
    assert names
    assert all(own[name].item() == 7 for name in names)
    running = next(value for name, value in own.items() if name.endswith("running_mean"))
    assert running[0].item() == pytest.approx(0.1 * 0 + 0.9 * 7)


def test_handing_over_gives_the_average_and_the_twin_never_learns(copycat: Copycat) -> None:
    average = Average(copycat, keep=0.5)
    before = copy.deepcopy(average.twin.state_dict())
    set_all(copycat, 3.0)
    assert all(torch.equal(before[name], value) for name, value in average.twin.state_dict().items())
    assert not any(parameter.requires_grad for parameter in average.twin.parameters())

    average.hand_over()

    assert all(torch.equal(before[name], value) for name, value in copycat.state_dict().items())
    assert all(parameter.requires_grad for parameter in copycat.parameters())


def test_without_an_average_the_copycat_is_its_own_twin(copycat: Copycat) -> None:
    average = Average(copycat, keep=0.0)
    set_all(copycat, 2.0)
    average.follow()
    average.hand_over()

    assert average.twin is copycat
    assert copycat.net.head.bias[0].item() == 2.0
