"""What becomes of one problem of a copycat_framework configuration: its TOML files as values, and what was lost."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from benchmark.importing.configuration import Framework, Stage
from benchmark.importing.list_heads import Head, count_lines, look_at
from benchmark.importing.toml_text import Value, toml
from benchmark.refusals import Mismatch

SIDE = 128  # the size that copycat_framework resizes every image to
UNKNOWN_BUDGET = 1_000
_NUMBERS = re.compile(r"[\s_\-0-9]+")


@dataclass
class Imported:
    """One problem on its way: the lists that were looked at, the remarks so far, the names that are taken."""

    given: Framework
    config: str
    root: Path
    strip: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    _heads: dict[str, Head | None] = field(default_factory=dict)

    def files(self) -> list[tuple[str, str]]:
        """Path below the import's folder and text of all that this problem becomes; fills `remarks`.

        A data set can be called so that two of them have one name.
        """
        name, pools = self.given.name, self._pools()
        asked = pools.get(self.given.copycat.db_train or "")
        files = [
            (f"{name}.toml", self._problem()),
            *((f"{pool}.toml", self._pool(data_set)) for data_set, pool in pools.items()),
            (f"{name}_copycat.toml", self._recipe("copycat", self.given.copycat, self.given.finetune)),
            (f"{name}_target.toml", self._recipe("target", self.given.oracle, None)),
            (f"oracles/{name}_oracle.toml", self._card()),
            (f"{name}_suite.toml", self._suite(asked)),
        ]
        self._remark_on_the_rest(pools)
        return files

    @property
    def _roles(self) -> dict[str, str]:
        """Role -> data set."""
        given = self.given
        pdd = "pd" if "pd" in given.datasets else given.finetune.db_train
        named = {"odd": given.oracle.db_train, "tdd": given.oracle.db_test or given.copycat.db_test, "pdd": pdd}
        return {role: data_set for role, data_set in named.items() if data_set is not None}

    def _pools(self) -> dict[str, str]:
        """Data set -> name of its pool, for those that are asked or are called npd..., in the configuration's order."""
        roles, pools = self._roles.values(), dict[str, str]()
        for data_set in self.given.datasets:
            if data_set not in roles and (data_set == self.given.copycat.db_train or data_set.startswith("npd")):
                pool = f"{self.given.name}_{re.sub('[^A-Za-z0-9_-]', '_', data_set)[:40]}"
                while pool in pools.values():
                    pool += "_"
                pools[data_set] = pool
        return pools

    def _problem(self) -> str:
        given, obtain = self.given, self._obtain(*self._roles.values())
        said: dict[str, Value] = {
            "about": f"{given.key} of copycat_framework ({self.config}): {len(given.classes)} classes.",
            "classes": given.classes,
            "size": SIDE,
            "colour": "rgb" if given.color else "grey",
            "obtain": obtain,
        }
        tables = {role: [self._role(role, data_set)] for role, data_set in self._roles.items()}
        for role in (role for role in ("odd", "tdd", "pdd") if role not in tables):
            self.remarks.append(f"no data set is named for the {role.upper()}")
        return toml(f"Problem {given.key} of {self.config}.", said, tables)

    def _role(self, role: str, data_set: str) -> dict[str, Value]:
        head, labelled = self._head(data_set), role != "pdd" or data_set == "pd"
        if head and head.columns == 1:
            if role != "pdd":
                self.remarks.append(
                    f"{role.upper()} is {data_set}, whose list has no labels: add them, or it is refused"
                )
            labelled = labelled and role != "pdd"
        said = self._source(data_set)
        names = self.given.classes
        if not labelled:
            said["labelled"] = False
        elif any(_NUMBERS.fullmatch(name) for name in names) and names != tuple(map(str, range(len(names)))):
            said["classes"] = {str(index): name for index, name in enumerate(names)}  # labels are places, not names
        return said

    def _source(self, data_set: str) -> dict[str, Value]:
        images = self.given.datasets[data_set][1]
        said: dict[str, Value] = {"kind": "list", "path": self._below_root(data_set)}
        return said | ({"root": images} if images else {}) | ({"strip": self.strip} if self.strip else {})

    def _path(self, data_set: str) -> Path:
        return self.root / self._below_root(data_set)

    def _below_root(self, data_set: str) -> str:
        """The list's path relative to the root, whose files alone are read."""
        path, base = self.given.datasets[data_set][0], PurePosixPath(self.root.as_posix())
        parts: list[str] = []
        for part in (base / path).parts:  # by words only: a link below the root may lead where its owner wants
            parts = parts[:-1] if part == ".." else [*parts, part]
        plain = PurePosixPath(*parts)
        if not plain.is_relative_to(base) or plain == base:
            raise Mismatch(
                f"{self.config}: problem {self.given.key}, data set {data_set}: the list {path!r} is not below {base}. "
                "Name its folder with --root."
            )
        return str(plain.relative_to(base))

    def _head(self, data_set: str) -> Head | None:
        if data_set not in self._heads:
            self._heads[data_set] = look_at(self._path(data_set))
            if self._heads[data_set] is None:
                self.remarks.append(f"data set {data_set}: its list {self._below_root(data_set)} is not there yet")
        return self._heads[data_set]

    def _obtain(self, *data_sets: str) -> str:
        heads = {data_set: self._head(data_set) for data_set in data_sets}
        lists = ", ".join(map(self._below_root, heads))
        firsts = [head.first for head in heads.values() if head and head.first.isprintable()]
        example = f" The first path is {firsts[0][:200]}." if firsts else ""
        return (
            f"Put the images that {lists} name where their paths lead, or below a data folder (docs/lists.md).{example}"
        )

    def _pool(self, data_set: str) -> str:
        about = f"Data set {data_set} of {self.given.key}, {self.config}; what its list says of classes is not read."
        said: dict[str, Value] = {"about": about, "obtain": self._obtain(data_set)}
        return toml(f"Pool {data_set} of {self.config}.", said, {"sources": [self._source(data_set)]})

    def _recipe(self, whose: str, stage: Stage, fine: Stage | None) -> str:
        scheduled = bool(stage.milestones or (fine and fine.milestones))
        said: dict[str, Value] = {
            "about": f"How copycat_framework trains the {whose} of {self.given.key}: SGD, momentum .9, no L2.",
            "optimiser": "sgd",
            "rate": stage.lr,
            "schedule": "milestones" if scheduled else "constant",
            **({"milestones": stage.milestones, "gamma": stage.gamma} if scheduled else {}),
            "momentum": 0.9,
            "weight_decay": 0.0,
            "batch": stage.batch_size,
            "epochs": stage.max_epochs,
        }
        tables: dict[str, dict[str, Value]] = {}
        if fine:
            falls: dict[str, Value] = {"milestones": fine.milestones, "gamma": fine.gamma} if scheduled else {}
            tables["fine_tuning"] = {"rate": fine.lr, "epochs": fine.max_epochs, **falls}
        self.remarks += _lost(whose, stage, fine)
        return toml(f"Recipe of the {whose} of {self.given.key}, {self.config}.", said, tables)

    def _card(self) -> str:
        given = self.given
        said: dict[str, Value] = {
            "problem": given.name,
            "classes": given.classes,
            "layout": "nchw",
            "channels": 3,
            "order": "rgb",
            "size": SIDE,
            "range": (0, 1),
        }
        if given.measures:
            said |= {"mean": given.measures.mean, "std": given.measures.std}
        else:
            self.remarks.append("no mean and std: the card of its oracle leaves them out")
        comment = f"Card for {given.name}_oracle.onnx, the target of {given.key} once it is here as ONNX."
        return toml(comment, {**said, "scores_kind": "logit"})

    def _suite(self, pool: str | None) -> str:
        roles, given = self._roles, self.given
        regimes = ["untrained", *(["npdd-sl"] if pool else [])]
        if "pdd" in roles:
            regimes += ["npdd-sl+pdd-sl" if pool else "pdd-sl"]
            head = self._head(roles["pdd"])
            regimes += ["pdd-ol"] if roles["pdd"] == "pd" and not (head and head.columns == 1) else []
        regimes += ["odd-ol"] if "odd" in roles else []
        if not pool:
            self.remarks.append("copycat.db_train names no pool: the suite asks no natural images")
        said: dict[str, Value] = {
            "about": f"{given.key} as copycat_framework plays it ({self.config}).",
            "problems": [f"{given.name}.toml"],
            **({"pools": [f"{pool}.toml"], "budgets": [self._budget()]} if pool else {}),
            "regimes": regimes,
            "balances": ["replicate" if given.copycat.balance_dataset else "none"],
            "copycats": ["vgg16"],
            "pretrained": "auto",
            "seeds": 3,
            "recipe": f"{given.name}_copycat.toml",
        }
        return toml(f"Suite over {given.name}.toml; its target belongs into oracles/.", said)

    def _budget(self) -> int:
        data_set = self.given.copycat.db_train or ""
        if self._head(data_set) is None:
            self.remarks.append(
                f"how many images the pool has is unknown: the suite asks {UNKNOWN_BUDGET:,}, change that"
            )
            return UNKNOWN_BUDGET
        return count_lines(self._path(data_set)) or UNKNOWN_BUDGET

    def _remark_on_the_rest(self, pools: dict[str, str]) -> None:
        roles = self._roles
        for data_set in self.given.datasets:
            if data_set not in {*pools, *roles.values(), self.given.finetune.db_train}:
                self.remarks.append(f"data set {data_set}: not carried over")
        if roles.get("pdd") not in {None, "pd"}:
            self.remarks.append(
                f"PDD is {roles['pdd']}: its labels are stolen ones, so they are not read and no pdd-ol is played"
            )
        elif self.given.finetune.db_train not in {None, "pd"}:
            self.remarks.append(
                f"PDD is pd; copycat_framework fine-tunes with {self.given.finetune.db_train}, whose labels are stolen "
                "ones: that list is not carried over"
            )
        if self.given.unknown:
            self.remarks.append(f"not carried over: {', '.join(self.given.unknown)}")


def _lost(whose: str, stage: Stage, fine: Stage | None) -> Iterator[str]:
    """What a recipe of ours does not say."""
    for one in (stage, *((fine,) if fine else ())):
        if one.optimizer != "SGD":
            yield f"optimizer {one.optimizer} of the {whose}: not carried over, the recipe says SGD"
        if one.criterion != "CrossEntropyLoss":
            yield f"criterion {one.criterion} of the {whose}: not carried over, the loss is cross entropy"
    if fine and fine.batch_size != stage.batch_size:
        yield f"batches of {fine.batch_size} in fine-tuning: not carried over, they are of {stage.batch_size}"
    if fine and fine.balance_dataset != stage.balance_dataset:
        yield f"balance_dataset differs in fine-tuning: not carried over, it is {stage.balance_dataset} in both"
