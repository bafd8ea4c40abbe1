"""Takes the transfer set of a played cell out of the house: lists of `path label`, or a folder of images per class.

What was asked is found by letting the cell's attack ask again, of the answers stores alone: nothing is run, nothing is
paid. The set that comes of it must have the digest that stands in the record.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmark.arena import Arena
from benchmark.cell import REGIMES, Cell
from benchmark.images.opening import View
from benchmark.images.origins import origins
from benchmark.images.stack import Stack, digest_each
from benchmark.ledger import Ledger
from benchmark.places import Places
from benchmark.pools.pool import load_pool
from benchmark.records import Record, TransferUsed
from benchmark.refusals import Mismatch, Refused, UnknownName
from benchmark.suites.suite import Suite
from benchmark.transfer_files import appearing, folder_names, write_folders, write_list
from benchmark.worker import Bought, CellFailed, Door, Worker, WorkerDied
from copycats.transfer_set import TransferSet
from oracles.recall import Recall, stored

Form = Literal["lists", "folders"]
ABOUT = "transfer_set.json"


@dataclass(frozen=True)
class Exported:
    """What was written of one stage: where, how many images, how many of them as files of their own."""

    path: Path
    images: int
    written: int


@dataclass
class Exporter:
    """Exports cells of one suite, played in `places.out`."""

    suite: Suite
    places: Places
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        """Read what the suite names."""
        self._arena = Arena(self.suite, self.places, self.say, "cpu")

    def export(self, prefix: str, folder: Path, form: Form) -> list[Exported]:
        """Write the transfer set of the cell whose digest begins with `prefix` to `folder`, whole or not at all.

        Raises Refused for a cell that was not played to its end or bought nothing and for a folder that is not empty,
        UnknownName for a cell that is not of this suite, Mismatch where images, attack or answers are not those of the
        record any more, NotStored.
        """
        record = self._record(prefix)
        if not REGIMES[record.cell.regime].ranked:
            raise Refused(f"cell {prefix}: regime {record.cell.regime} buys no labels, so there is nothing to export.")
        used: dict[str, TransferUsed] = {one.stage: one for one in record.transfer_sets}
        with appearing(folder) as scratch:  # refused before anything is computed where it cannot be
            self._check_data(record.cell)
            bought = self._ask_again(record)
            for stage, one in used.items():
                _check_digest(record.cell, one, bought[stage])
            done = [self._write(record.cell, stage, bought[stage], scratch, form) for stage in used]
            about = self._about(record, used)
            (scratch / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return [Exported(folder / one.path.relative_to(scratch), one.images, one.written) for one in done]

    def _record(self, prefix: str) -> Record:
        ledger = Ledger(self.places.out, only_read=True)
        record = ledger.find(prefix)
        if record is None:
            raise Refused(
                f"{ledger.folder}: no cell, or more than one, whose digest begins with {prefix[:64]!r}. "
                "The files there are called by it: give more of it, or name another folder with --out."
            )
        cell = record.cell
        if record.status != "done":
            raise Refused(f"cell {prefix}: {record.status}, so it has no transfer set. Run its suite again.")
        known = {"problem": self._arena.suite.problems, "pool": self._arena.suite.pools, "recipe": self._arena.recipes}
        for kind, names in known.items():
            name = getattr(cell, kind)
            if name is not None and name not in names:
                raise UnknownName(f"{kind} in suite {self.suite.name}", name, names)
        self._refuse_foreign(cell)
        return record

    def _refuse_foreign(self, cell: Cell) -> None:
        """Refuse a cell that differs from all of the suite in what `run` has no option for."""
        suite = self._arena.suite
        axes = {"regime": suite.regimes, "copycat": suite.copycats, "attack": suite.attacks, "balance": suite.balances}
        for axis, names in {**axes, "oracle": suite.oracles}.items():
            name = getattr(cell, axis)
            if names is not None and name is not None and name not in names:
                raise Refused(
                    f"cell {cell.digest[:12]}: is none of suite {self.suite.name}, as its {axis} is {name} and the "
                    f"suite has {', '.join(names)}. Name its own suite with --suite."
                )

    def _check_data(self, cell: Cell) -> None:
        """Refuse images that are not those that were played."""
        wanted: list[tuple[str, Stack | None, str | None]] = [("TDD", self._arena.test(cell), cell.tdd_digest)]
        if cell.pool:
            wanted.append((f"pool {cell.pool}", self._arena.pool(cell.problem, cell.pool), cell.pool_digest))
        if cell.pdd_digest:
            wanted.append(("PDD", self._arena.role(cell.problem, "pdd"), cell.pdd_digest))
        for what, stack, digest in wanted:
            if stack is None or stack.manifest.digest != digest:
                raise Mismatch(
                    f"cell {cell.digest[:12]}: the {what} that it was played with is not here"
                    f"{'' if stack is None else ', but another one'}. Give --data and --pool as they were given to run."
                )

    def _ask_again(self, record: Record) -> dict[str, Bought]:
        """What the cell's attack buys from the answers stores, by stage."""
        cell, oracle = record.cell, record.oracle
        assert oracle is not None  # noqa: S101 - a done record has it
        files = sorted(self.places.out.glob(f"answers*/{cell.oracle_digest}.sqlite"))
        if not files:
            raise Refused(
                f"{self.places.out}: no answers of oracle {oracle.name}. Name the folder of its run with --out."
            )
        answers = stored(files)
        job = self._arena.job(cell.model_copy(update={"weights_digest": None}))  # what it starts from buys nothing
        stages = tuple(stage for stage in job.stages if stage.labels == "stolen")
        doors: dict[str, Door] = {
            stage.name: Recall(answers, stage.budget, oracle.name, len(oracle.classes)) for stage in stages
        }
        worker = Worker()
        try:
            return worker.ask(job.model_copy(update={"stages": stages}), doors)
        except (CellFailed, WorkerDied) as failure:
            raise Refused(
                f"cell {cell.digest[:12]}: its attack {cell.attack or 'random'} cannot ask again ({failure}). "
                "Have the attack here that the cell was played with."
            ) from None
        finally:
            worker.close()

    def _write(self, cell: Cell, stage: str, bought: Bought, scratch: Path, form: Form) -> Exported:
        images_NHWC, labels_N = bought
        if form == "folders":
            write_folders(scratch, stage, images_NHWC, labels_N, folder_names(self._classes(cell)))
            return Exported(scratch / stage, len(labels_N), len(labels_N))
        written = write_list(scratch, stage, images_NHWC, labels_N, self._files(cell, stage, images_NHWC))
        return Exported(scratch / f"{stage}.txt", len(labels_N), written)

    def _files(self, cell: Cell, stage: str, images_NHWC: np.ndarray) -> list[str] | None:
        """The file that each image was decoded from; None where they are no files, or images that the attack made."""
        problem = self._arena.problem(cell.problem)
        view = View(problem.size, problem.colour, problem.classes if stage == "pdd" else None)
        if stage == "pdd":
            stack, sources = self._arena.role(cell.problem, "pdd"), problem.pdd
        else:
            pools = {pool.name: pool for pool in map(load_pool, self.suite.pools)}
            stack, sources = self._arena.pool(cell.problem, str(cell.pool)), pools[str(cell.pool)].sources
        assert stack is not None  # noqa: S101 - _check_data has seen it
        paths = origins(sources, view, self.places, stack)
        if paths is None:
            return None
        by_pixels = {digest.tobytes(): path for digest, path in zip(stack.digests_N[::-1], paths[::-1], strict=True)}
        asked = [by_pixels.get(digest.tobytes()) for digest in digest_each(images_NHWC)]
        return [os.path.abspath(path) if path else "" for path in asked]  # noqa: PTH100 - many

    def _classes(self, cell: Cell) -> tuple[str, ...]:
        return self._arena.problem(cell.problem).classes

    def _about(self, record: Record, used: Mapping[str, TransferUsed]) -> dict[str, Any]:
        cell, classes = record.cell, self._classes(record.cell)
        return {
            "cell": cell.model_dump(mode="json"),
            "cell_digest": cell.digest,
            "oracle": cell.oracle,
            "classes": list(classes),
            "class_folders": folder_names(classes),
            "sets": {stage: {"images": one.images, "digest": one.digest} for stage, one in used.items()},
            "data": [one.model_dump(mode="json") for one in record.data],
        }


def _check_digest(cell: Cell, used: TransferUsed, bought: Bought) -> None:
    found = TransferSet(*bought, classes=len(used.counts_per_class)).digest
    if found != used.digest:
        raise Mismatch(
            f"cell {cell.digest[:12]}: asking again gives another {used.stage} transfer set ({found[:12]}) than the "
            f"record has ({used.digest[:12]}). Only what an attack asks in the same way each time can be exported."
        )
