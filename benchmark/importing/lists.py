"""The import of a copycat_framework configuration into a folder of problems, pools, recipes, cards and suites."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.importing.configuration import read_configuration
from benchmark.importing.imported import Imported
from benchmark.ledger import write_once
from benchmark.pools.pool import load_pool
from benchmark.problems import load_problem
from benchmark.recipes import load_recipe
from benchmark.refusals import EnvironmentRefused, Mismatch, Refused
from benchmark.strict_toml import read_toml
from benchmark.suites.suite import load_suite
from oracles.card import DroppedCard

ALWAYS_LOST = (
    "the copycat normalises its images in its own way (copycat_framework gives it plain ones), the test set is "
    "looked at once, at the end, and there are no snapshots"
)


class Import(NamedTuple):
    """What was written, and what could not be carried over."""

    problems: tuple[Path, ...]
    suites: tuple[Path, ...]
    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def import_lists(config: Path, folder: Path, root: Path, strip: Sequence[str] = ()) -> Import:
    """Write what a configuration says into `folder`; its list files, below `root`, are read and stay as they are.

    `strip` names folders with which the paths inside the lists begin and which are not there on this machine.
    Raises Mismatch for a configuration that cannot be used, Refused where `folder` holds a file of such a name that
    says something else, EnvironmentRefused when it cannot be written; then nothing is written.
    """
    root = root.expanduser().absolute()
    if not root.is_dir():
        raise Refused(f"{root}: no such folder. Name the one that the configuration's list files are in with --root.")
    texts: dict[str, str] = {}
    remarks = [ALWAYS_LOST]
    for given in read_configuration(config):
        imported = Imported(given, config.name, root, tuple(strip))
        for name, text in imported.files():
            if name.casefold() in map(str.casefold, texts):
                raise Mismatch(
                    f"{config.name}: problem {given.key}: two files of this import would be called {name}. Rename the "
                    "data set or the problem after which it is called."
                )
            texts[name] = text
        remarks += [f"{given.key}: {remark}" for remark in dict.fromkeys(imported.remarks)]
    _check(texts)
    _refuse_others(texts, folder)
    for name, text in texts.items():
        write_once(folder / name, text.encode())
    paths = {name: folder / name for name in texts}
    suites = tuple(path for name, path in paths.items() if name.endswith("_suite.toml"))
    problems = tuple(path.with_name(path.name.replace("_suite.toml", ".toml")) for path in suites)
    return Import(problems, suites, tuple(paths.values()), tuple(remarks))


def _check(texts: dict[str, str]) -> None:
    """Read every file as its users will. Raises BadToml or UnknownName."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in texts.items():
            path = Path(scratch, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for path in sorted(Path(scratch).glob("*_suite.toml")):
            suite = load_suite(path)
            for problem in suite.problems:
                load_problem(problem)
            for pool in suite.pools if suite.budgets else ():
                load_pool(pool)
            for recipe in (*suite.recipe, str(path).replace("_suite.toml", "_target.toml")):
                load_recipe(recipe)
        for path in Path(scratch, "oracles").glob("*.toml"):
            read_toml(path, DroppedCard)


def _refuse_others(texts: dict[str, str], folder: Path) -> None:
    for name, text in texts.items():
        path = folder / name
        try:
            other = path.exists() and path.read_bytes() != text.encode()
        except OSError as error:
            raise EnvironmentRefused(
                f"{path}: cannot be read ({error.strerror}). Give another folder with -o."
            ) from None
        if other:
            raise Refused(f"{path}: is there already and says something else. Give another folder with -o.")
