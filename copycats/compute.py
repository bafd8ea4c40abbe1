"""What this machine does well: number format and memory layout, by rules that were measured, with the reason said.

Rules and not a stopwatch: a choice that changes numbers must not depend on what else the machine does at that moment.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from copycats.recipe import Recipe


@dataclass(frozen=True)
class Compute:
    """How the steps of a training are computed, and why."""

    device: torch.device
    bf16: bool
    channels_last: bool
    decisions: dict[str, str] = field(default_factory=dict)

    def place(self, net: nn.Module) -> None:
        """Move the network to the device and into the layout, in place."""
        net.to(device=self.device)
        if self.channels_last:
            net.to(memory_format=torch.channels_last)

    def arrange(self, images_NHWC: torch.Tensor) -> torch.Tensor:
        """Images [n, h, w, c] as [n, c, h, w]; channels_last costs nothing, for it is how they lie in memory."""
        images_NCHW = images_NHWC.permute(0, 3, 1, 2)
        return images_NCHW if self.channels_last else images_NCHW.contiguous()

    def look(self, net: nn.Module, images_NCHW: torch.Tensor) -> torch.Tensor:
        """The net's logits in float32, computed in the number format chosen."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits: torch.Tensor = net(images_NCHW)
        return logits.float()


def choose(recipe: Recipe, device: str) -> Compute:
    """The settings for this machine.

    bf16 where the processor computes in it (elsewhere it is ten times slower; with it 1.2 to 1.8 times faster),
    channels_last always (1.2 to 1.7 times faster on CPUs, and how images lie in memory), compilation never (30 to 75
    s to warm up, more than it saves on nets that train for minutes).
    """
    place = torch.device(device)
    native = has_native_bf16(place)
    bf16 = native if recipe.precision == "auto" else recipe.precision == "bf16"
    found = f"{place.type} has {'' if native else 'no '}native bf16"
    why = found if recipe.precision == "auto" else "as the recipe says"
    decisions = {
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else device,
        "precision": f"{'bf16 autocast' if bf16 else 'float32'} ({why})",
        "layout": "channels_last",
        "compilation": "none (warm-up longer than the gain)",
        "threads": str(torch.get_num_threads()),
        "deterministic": "yes" if place.type == "cpu" else "no (sums on a GPU have no fixed order)",
    }
    return Compute(place, bf16, True, decisions)


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 numbers itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device.type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


@contextlib.contextmanager
def reproducible(device: torch.device, rng: np.random.Generator) -> Iterator[None]:
    """Deterministic algorithms on a CPU, drop-out drawn from `rng`; torch's global state comes back as it was."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    switches: Any = torch.utils.deterministic  # a module whose one setting is a property, which type checkers miss
    filling = switches.fill_uninitialized_memory
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        seed = int(rng.integers(2**63))
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        torch.use_deterministic_algorithms(device.type == "cpu")
        switches.fill_uninitialized_memory = False  # fills every new tensor with nan: time for nothing
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            switches.fill_uninitialized_memory = filling
