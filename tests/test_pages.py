"""The two pages that a newcomer reads first stay readable, and the docs say what is there."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"benchmark/run.py": ("play", "run"), "copycats/training.py": ("train",)}
GENERIC = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager", "engine", "tools"}
PACKAGES = ("benchmark", "oracles", "copycats", "converters")


def modules() -> list[Path]:
    """Every module of the four packages."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def nesting(node: ast.AST, depth: int = 0) -> int:
    """How deep blocks stand in blocks."""
    deeper = isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try)
    return max([depth + deeper, *(nesting(child, depth + deeper) for child in ast.iter_child_nodes(node))])


@pytest.mark.parametrize(("page", "function"), [(page, name) for page, names in PAGES.items() for name in names])
def test_the_two_pages_fit_on_a_screen(page: str, function: str) -> None:
    """At most 50 lines, 6 parameters and 3 levels for the function; the file at most two screens."""
    source = (ROOT / page).read_text()
    found = next(
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.name == function
    )
    arguments = found.args

    assert (found.end_lineno or 0) - found.lineno + 1 <= 50
    assert len(arguments.args) + len(arguments.kwonlyargs) <= 6
    assert nesting(found) <= 3
    assert source.count("\n") <= 110


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_is_small_named_for_its_content_and_opens_with_a_sentence(path: Path) -> None:
    """No file over 300 lines, no generic name, a first line that says what is in it."""
    text = path.read_text()

    assert text.count("\n") <= 300
    assert path.stem.strip("_") not in GENERIC
    assert ast.get_docstring(ast.parse(text))


def test_no_machine_path_and_no_registry_host_is_in_the_project() -> None:
    """What is committed works on another machine."""
    for path in [
        *modules(),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "constraints.txt",
        ROOT / "Makefile",
    ]:
        text = path.read_text()
        for word in ("/work/", "/root/", "--index-url", "find-links", "@ file:"):
            assert word not in text, f"{word} in {path}"


def test_constraints_hold_names_and_versions_of_all_that_the_project_wants() -> None:
    """Every dependency has its tested version, and every line is `name==version`."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {line.partition(";")[0].partition(">")[0].partition("[")[0].strip().lower() for line in wanted}

    assert all("==" in line and " " not in line for line in lines)
    assert names - {"onnxruntime", "copycat-benchmark", "xgboost"} <= pinned


def test_the_readme_names_only_what_exists() -> None:
    """Every make target, verb and file that the README shows is there."""
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()

    for target in ("paper", "smoke", "test", "check", "bench", "zoo"):
        assert f"make {target}" in readme
        assert f"\n{target}: " in makefile
    for path in (
        "docs/architecture.md",
        "docs/decisions",
        "docs/LOG.md",
        "CHANGELOG.md",
        "docs/schemas/record.json",
        "docs/results/paper.md",
    ):
        assert path in readme
        assert (ROOT / path).exists(), path
