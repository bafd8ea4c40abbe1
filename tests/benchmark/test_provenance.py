"""Provenance: versions and commits of made-up checkouts, and nothing that names a person or a host."""

import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmark import provenance as module
from benchmark.provenance import find_commit, find_versions, provenance


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder, with a made-up author."""
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *author, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A git checkout with a committed package in it."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "provenance.py").write_text("first")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return folder


def test_commit_and_changes_are_found(package: Path) -> None:
    """The commit is git's own, and uncommitted changes are said."""
    found = find_commit(package)
    assert (found.commit, found.dirty) == (git(package, "rev-parse", "HEAD"), False)
    (package / "provenance.py").write_text("second")
    find_commit.cache_clear()
    assert find_commit(package).dirty is True


def test_package_inside_a_foreign_checkout_has_no_commit(package: Path) -> None:
    """A copy installed below somebody's checkout is not a state of that checkout."""
    installed = package.parent / "venv"
    installed.mkdir()
    (installed / "provenance.py").write_text("installed")
    assert find_commit(installed).commit is None


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No git, or no checkout, is no error."""
    assert find_commit(tmp_path).commit is None
    monkeypatch.setenv("PATH", "")
    assert find_commit(tmp_path / "elsewhere").commit is None


def test_versions_are_those_installed() -> None:
    """What the packages say of themselves; what is not installed is not listed."""
    versions = dict(find_versions())
    assert versions["numpy"] == np.__version__
    assert set(versions) <= set(module.PACKAGES)


def test_provenance_names_no_host() -> None:
    """Records are published: machine and system are described, not named."""
    found = provenance("cpu", 1)
    assert (found.device, found.threads) == ("cpu", 1)
    assert found.python.endswith(platform.python_version())
    if len(platform.node()) > 3:
        assert platform.node() not in found.model_dump_json()
