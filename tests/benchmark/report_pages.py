"""Reports of made-up records, harmless and hostile, and a reader of their HTML."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from html.parser import HTMLParser

import numpy as np
from made_up import CLASSES, cell, data_used, digest, failed, record

from benchmark.leaderboard.board import build
from benchmark.records import Record
from benchmark.report.chosen import Chosen
from benchmark.report.page import About, make_page

HOSTILE = (
    "<script>hacked=1</script>",
    '" onload="hacked=1" x="',
    "' onmouseover='hacked=1",
    "</script><img src=x onerror=hacked=1>",
    "{{7*7}}{% raw %}",
    "javascript:hacked=1",
    "</title></style></svg></textarea>-->]]>",
    "=cmd()|'x'!A1",
    "\u2028\u202e\x1b[31m\x00&lt;script&gt;",
)
"""Names that strangers could give to files, classes and oracles."""


def some(copycats: Iterable[str] = ("resnet18", "vgg"), oracle: str = "lenet", budget: int = 1000) -> list[Record]:
    """Three seeds of every kind of regime, the first copycat the best, and a row with a hole."""
    found = []
    for seed in range(3):
        for place, copycat in enumerate(copycats):
            share = 0.9 - 0.3 * place + 0.004 * seed
            who = {"copycat": copycat, "oracle": oracle, "seed": seed}
            found.append(record(cell("npdd-sl", budget=budget, **who), share, never_seen=(3,) if place else ()))
            found.append(record(cell("npdd-sl", budget=4 * budget, **who), share + 0.03))
            found.append(record(cell("npdd-sl+pdd-sl", budget=budget, **who), share + 0.05))
        found.append(record(cell("untrained", oracle=oracle, seed=seed), 0.1))
    found.append(failed(cell("npdd-sl", copycat="broken", oracle=oracle), "loss not finite at epoch 3"))
    return found


def hostile(name: Callable[[str], str]) -> list[Record]:
    """Records in which every text that a stranger could choose goes through `name`."""
    found = []
    for each in some(copycats=(name("resnet18"), name("vgg")), oracle=name("lenet")):
        fields = {
            key: name(value)
            for key in ("problem", "attack", "pool", "recipe")
            if (value := getattr(each.cell, key)) is not None
        }
        changed = each.cell.model_copy(update=fields)
        update = {
            "cell": changed,
            "warnings": (name("a warning"),),
            "data": tuple(
                used.model_copy(update={"source": name(used.source)}) for used in data_used(changed, stand_in=True)
            ),
            "provenance": each.provenance.model_copy(
                update={"versions": {"torch": name("2.15")}, "machine": name("some machine"), "commit": name("abc")}
            ),
        }
        if each.oracle:
            classes = tuple(f"{name(word)}{place}" for place, word in enumerate(CLASSES))
            settings = {name("threads"): name("1")}
            update["oracle"] = each.oracle.model_copy(update={"classes": classes, "settings": settings})
        if each.error:
            update["error"] = each.error.model_copy(update={"sentence": name(each.error.sentence)})
        found.append(each.model_copy(update=update))
    return found


def images(problem: str, wanted: str) -> np.ndarray | str:
    """The test set of made_up.labels: 500 images, each of one grey."""
    if wanted != digest("tdd"):
        return f"no test set {problem}"
    return np.repeat(np.arange(500, dtype=np.uint16) // 2, 8 * 8 * 3).astype(np.uint8).reshape(500, 8, 8, 3)


def page(records: list[Record], suite: str | None = "paper", folder: str = "records") -> str:
    """The report of these records."""
    about = About(suite=suite, written=date(2026, 11, 21), planned=None, records=folder)
    chosen = Chosen(build(records), {each.cell.digest: each for each in records})
    return make_page(chosen, about, images)


class Reader(HTMLParser):
    """Elements of a page with their attributes, the texts of script, style and title, and whether tags are balanced."""

    VOID = ("meta", "img", "br", "input")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": [], "h1": []}
        self.open: list[str] = []
        self.visible = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside in self.texts:
            self.texts[inside][-1] += data
        else:
            self.visible += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def shape(self) -> Counter[tuple[str, ...]]:
        """How often each element occurs with which attributes."""
        return Counter((tag, *sorted(attributes)) for tag, attributes in self.elements)
