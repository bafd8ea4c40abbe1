"""Where a result comes from: versions, machine and commit."""

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

PACKAGES = (
    "copycat-benchmark",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "pillow",
    "pydantic",
    "safetensors",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
)


class Provenance(BaseModel):
    """What was installed, what it ran on, and which state of the code it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    versions: dict[str, str]
    python: str
    platform: str
    machine: str  # architecture, processor, number of cores; no names of hosts or users
    device: str
    threads: int
    commit: str | None  # None where the code is not a git checkout
    dirty: bool | None  # whether the checkout had changes that are not in the commit


class Commit(BaseModel):
    """The state of a git checkout."""

    model_config = ConfigDict(frozen=True)

    commit: str | None
    dirty: bool | None


def provenance(device: str, threads: int) -> Provenance:
    """The provenance of what runs here and now on that device with that many threads."""
    code = find_commit(Path(__file__).resolve().parent)
    return Provenance(
        versions=dict(find_versions()),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        machine=f"{platform.machine()}, {find_processor()}, {os.cpu_count()} cores",
        device=device,
        threads=threads,
        commit=code.commit,
        dirty=code.dirty,
    )


def digest_file(path: Path) -> str:
    """sha-256 (hex) of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def find_versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of the packages that numbers may depend on, as far as they are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # one of the two onnxruntime packages always is
            continue
    return tuple(found)


@cache
def find_processor() -> str:
    """The processor's model name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "processor unknown"


@cache
def find_commit(folder: Path) -> Commit:
    """The commit of the checkout that tracks the package in `folder`; None, None for an installed copy.

    A package that merely lies inside somebody's checkout (a virtual environment) is not tracked by it.
    """
    unknown = Commit(commit=None, dirty=None)
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return unknown
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    return unknown if not commit or changes is None else Commit(commit=commit, dirty=bool(changes))


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None when it cannot say (no git, no checkout, no commit yet)."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
