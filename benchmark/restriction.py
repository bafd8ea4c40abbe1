"""An oracle for a problem whose classes are some of its own, or its own in another order."""

from collections.abc import Mapping
from pathlib import Path

import onnx

from benchmark.conversion import refuse_place
from benchmark.places import Places
from benchmark.problems import Problem, load_problem, names
from benchmark.refusals import Mismatch
from benchmark.shelf import open_file
from oracles import contract, seal
from oracles.restriction import restrict


def restrict_file(file: Path, problem: Problem, out: Path, theirs: Mapping[str, str], places: Places) -> str:
    """Write an oracle file that answers with the problem's classes, in its order; returns its sha-256.

    An oracle whose card has numbers for classes is taken to have those of the problem that its card names.
    `theirs`: what the oracle calls a class of the problem, where it is not the same word. The oracle's file is left as
    it is. Raises Mismatch for words that name no class of the problem, OracleRefused, Refused.
    """
    refuse_place(out, replaced=False)
    unknown = sorted(set(theirs) - set(problem.classes))
    if unknown:
        raise Mismatch(
            f"--same {theirs[unknown[0]]}={unknown[0]}: problem {problem.name} has no class {unknown[0]!r}; "
            f"it has {', '.join(problem.classes[:12])}. Write --same THEIRS=PROBLEMS."
        )
    sealed = _named(onnx.load(open_file(file, places).file))
    wanted = [theirs.get(name, name) for name in problem.classes]
    made = restrict(sealed, wanted, out.stem, problem=problem.name)
    if theirs:
        card = contract.read_card(made)
        said = ", ".join(f"{source} is called {name}" for name, source in theirs.items())
        made = seal.restate(made, classes=problem.classes, notes=(*card.notes, said))
    return seal.write(made, out)


def _named(sealed: onnx.ModelProto) -> onnx.ModelProto:
    """With the class names of the problem that its card names, where the card itself has numbers only."""
    card = contract.read_card(sealed)
    if "classes" not in card.preprocessing.assumed or card.problem not in names():
        return sealed
    own = load_problem(card.problem).classes
    return seal.restate(sealed, classes=own) if len(own) == len(card.classes) else sealed
