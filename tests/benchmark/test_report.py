"""The report: one self-contained page, its tables, charts, matrices, test images and records."""

import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from made_up import cell, digest, failed, labels, record
from PIL import Image
from report_pages import HOSTILE, Reader, hostile, images, page, some
from tiny_world import build as build_world

from benchmark.cli.app import run_command_line
from benchmark.labelling import Labelling
from benchmark.leaderboard import beside, figures
from benchmark.leaderboard.board import build
from benchmark.leaderboard.screen import as_text
from benchmark.ledger import Ledger
from benchmark.places import Places
from benchmark.problems import load_problem, open_role
from benchmark.records import Record, TransferUsed
from benchmark.report import charts, classes, confusions, curves, embedded, gallery, grids, ran
from benchmark.report.chosen import Chosen, speakers
from benchmark.report.looks import Look, Palette
from benchmark.report.page import About, make_page
from benchmark.scores import relative, score

PAGE = page(some())
READ = Reader(PAGE)
SVG = "{http://www.w3.org/2000/svg}"


def chosen(records: list[Record]) -> Chosen:
    return Chosen(build(records), {each.cell.digest: each for each in records})


def data_of(reader: Reader, place: str) -> dict[str, object]:
    scripts = [attributes.get("id") for attributes in reader.all("script")]
    return json.loads(reader.texts["script"][scripts.index(place)])


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    addresses = [
        value
        for _, attributes in READ.elements
        for name, value in attributes.items()
        if name in {"href", "src", "action", "srcset", "data", "poster", "xlink:href"}
    ]
    style = READ.texts["style"][0]

    assert addresses
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in PAGE.replace('http-equiv="Content-Security-Policy"', "")


def test_the_policy_allows_the_own_style_and_script_and_nothing_else() -> None:
    policy = next(each["content"] for each in READ.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    script = next(text for text, each in zip(READ.texts["script"], READ.all("script"), strict=True) if not each)

    def known(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src {known(READ.texts['style'][0])}",
        f"script-src {known(script)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert not any(name == "style" or name.startswith("on") for _, each in READ.elements for name in each)


def test_all_elements_are_closed_and_all_ids_differ() -> None:
    ids = [attributes["id"] for _, attributes in READ.elements if "id" in attributes]
    targets = {each["href"][1:] for each in READ.all("a")}

    assert READ.open == []
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)


def test_a_reader_without_eyes_finds_words_for_every_picture_and_table() -> None:
    pictures = [each for each in READ.all("svg") if each.get("aria-hidden") != "true"]
    heads = READ.all("th")

    assert len(pictures) > 5
    assert all(each.get("role") == "img" and each.get("aria-labelledby") for each in pictures)
    assert all(each["alt"] for each in READ.all("img"))
    assert len(READ.all("caption")) == len(READ.all("table"))
    assert heads
    assert all(each.get("scope") in {"col", "row", "rowgroup"} for each in heads)
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in READ.elements}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_strangers_change_no_element_of_the_page(name: str) -> None:
    tame = Reader(page(hostile(lambda text: text + "~" * 30)))
    wild_page = page(hostile(lambda text: text + name), suite=name)
    wild = Reader(wild_page)

    assert wild.shape() == tame.shape()
    assert wild.open == []
    assert all(each.get("href", "#").startswith("#") for each in wild.all("a"))
    assert "hacked" not in "".join(wild.texts["style"])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028\u202e]", wild_page)
    if name.isprintable():
        assert wild.texts["h1"] == [f"Suite {name}"]


def test_json_in_the_page_cannot_end_its_element_and_says_the_same() -> None:
    value = {"</script>": ["<!--", "]]>", "\u2028", "&amp;", "é"]}
    text = embedded.safe_json(value)

    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_every_record_is_on_the_page_without_its_packed_labels() -> None:
    records = some()
    found = data_of(READ, "record-data")

    assert set(found) == {embedded.anchor(each.cell.digest) for each in records}
    for each in records:
        shown = found[embedded.anchor(each.cell.digest)]
        expected = each.model_dump(mode="json")
        if each.labelling:
            assert each.labelling.copycat not in PAGE
            expected["labelling"] = "500 images; the labels are in the record's file"
        assert shown == expected


def test_too_many_records_are_linked_and_a_folder_cannot_be_a_script() -> None:
    records = [failed(cell(seed=seed), "no") for seed in range(embedded.MOST + 1)]
    listed = embedded.listed(records, "javascript:alert(1)/a b&<")

    assert listed.content == "{}"
    assert listed.linked
    assert listed.entries[0].link is not None
    assert listed.entries[0].link.startswith("./javascript%3Aalert%281%29/a%20b%26%3C/")
    assert listed.entries[0].link.endswith(".attempt-1.json")
    assert not embedded.listed(records[1:], "records").linked


def test_records_are_listed_by_budget_and_seed() -> None:
    records = [record(cell(budget=budget, seed=seed)) for budget in (4000, 250, 1000) for seed in (1, 0)]

    assert [entry.name.split("npdd-sl ")[1] for entry in embedded.listed(records, "records").entries] == [
        f"{budget} · natural · random · paper · seed {seed}" for budget in ("250", "1,000", "4,000") for seed in (0, 1)
    ]


def test_a_table_says_what_the_leaderboard_says() -> None:
    board = build(some())
    grid = grids.grids(board)[0]
    lines = [line for group in grid.groups for line in group.lines]
    heads = [head for head, _ in grid.heads]

    assert [line.number for line in lines] == list(range(len(board.tables[0].rows)))
    assert [group.name for group in grid.groups][-1] == "baselines, not ranked"
    assert "STAND-IN DATA" in (grid.stand_in or "")
    assert "attack random" in grid.alike
    assert "attack" not in heads
    for line, row in zip(lines, board.tables[0].rows, strict=True):
        shown = {head: entry.text for head, entry in zip(heads, line.entries, strict=True)}
        assert (shown["copycat"], shown["regime"], shown["rank"]) == (row.copycat, row.regime, row.rank or "-")
        assert line.records == row.records
    assert list(csv.DictReader(io.StringIO("\n".join(grid.csv)))) != []


def test_only_who_is_alone_in_front_of_others_is_bold() -> None:
    def bold(records: list[Record]) -> set[str]:
        grid = grids.grids(build(records))[0]
        lines = (line for group in grid.groups for line in group.lines)
        return {entry.text for line in lines for entry in line.entries if entry.strong}

    clear = [
        record(cell(seed=seed, copycat=name), share + 0.004 * seed)
        for seed in range(3)
        for name, share in (("good", 0.9), ("bad", 0.5))
    ]
    tied = [record(cell(seed=seed, copycat=name), 0.9 + 0.004 * seed) for seed in range(3) for name in ("a", "b")]

    assert bold(clear) == {"1", "good"}
    assert bold(tied) == set()
    assert bold([each for each in clear if each.cell.seed == 0]) == set()  # one seed has no interval


def test_bold_is_what_the_leaderboard_says() -> None:
    board = build(some())
    rows = tuple(replace(row, alone_first=row.copycat == "vgg") for row in board.tables[0].rows)
    grid = grids.grids(replace(board, tables=(replace(board.tables[0], rows=rows),)))[0]
    lines = [line for group in grid.groups for line in group.lines]

    assert {line.entries[1].text for line in lines if line.entries[1].strong} == {"vgg"}
    assert sum(line.entries[1].text == "vgg" for line in lines) == 3


def test_the_page_says_all_that_the_screen_says_of_a_table() -> None:
    def mute(each: Record) -> Record:
        truth_N, target_N, said_N = labels(0.9, each.cell.seed)
        said_N[said_N == 3] = 0
        told = {"copycat": score(truth_N, said_N, 10), "labelling": Labelling.of(truth_N, target_N, said_N)}
        return each.model_copy(update=told)

    goc9 = [mute(record(cell(seed=seed, problem="goc9", budget=4_000))) for seed in range(3)]
    board = build(goc9)
    read = Reader(page(goc9))

    assert "never says three" in as_text(board, 200)
    for sentence in (*figures.silent(board.tables[0].rows), beside.line(board.tables[0]), beside.LEGEND):
        assert sentence is not None
        assert sentence in read.visible
    assert beside.LEGEND not in Reader(PAGE).visible  # nothing is published for those problems


def test_a_name_is_no_number_however_long_it_is() -> None:
    names = ("1" * 20_000 + "x", "1," * 10_000 + "x", "7")
    grid = grids.grids(build(some(copycats=names)))[0]
    entries = [line.entries[1] for group in grid.groups for line in group.lines]

    assert {entry.text for entry in entries} >= set(names)
    assert {entry.value for entry in entries} == {None}
    assert [grids.number(name) for name in names] == [None, None, 7.0]
    assert grids.number("1" * 20_000) is None  # no number that a browser could sort by


def test_a_hole_is_said_in_words_and_is_no_number() -> None:
    grid = grids.grids(build(some()))[0]
    hole = next(line for group in grid.groups for line in group.lines if line.entries[1].text == "broken")
    shown = dict(zip((head for head, _ in grid.heads), hole.entries, strict=True))

    assert not hole.complete
    assert shown["of target"].text == "incomplete" or "seeds" in shown["of target"].text
    assert shown["of target"].value is None
    assert shown["macro-F1"].value is None
    assert any("loss not finite at epoch 3" in remark for remark in grid.remarks)


@pytest.mark.parametrize(
    ("text", "value"),
    [("98.9 % ± 0.3", 98.9), (".481 ± .110", 0.481), ("4,000", 4000), ("$1,200", 1200), ("$0.50", 0.5), ("2=", 2),
     ("0", 0), ("–", None), ("-", None), ("", None), ("vgg16", None), ("2 of 3 seeds", None), ("105.9 %", 105.9)],
)  # fmt: skip
def test_cells_are_sorted_by_the_number_that_they_begin_with(text: str, value: float | None) -> None:
    assert grids.number(text) == value


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own picture, which must be XML


def points(svg: str) -> list[tuple[float, float]]:
    """Places of the marks of a chart, which must be XML."""
    found = parse(svg).iter("path")
    moves = [each.get("transform", "") for each in found if "mark" in each.get("class", "")]
    return [tuple(map(float, re.findall(r"[-\d.]+", move)[:2])) for move in moves]


def test_a_point_stands_where_its_numbers_say() -> None:
    x, y = charts.fractions("x"), charts.shares("y", [0.5])
    look = Look(0, "npdd-sl")
    marks = [charts.Point(0.0, 0.0, None, "a"), charts.Point(1.0, 1.0, None, "b"), charts.Point(0.5, 0.25, 0.1, "c")]
    svg = charts.draw(charts.Chart("t", "d", x, y, (charts.Series("s", look, tuple(marks)),)), "c1")
    low, high, middle = points(svg)
    whisker = next(each for each in parse(svg).iter("path") if "whisker" in each.get("class", ""))
    ends = [float(each) for each in re.findall(r"[V ]([\d.]+)", whisker.get("d", ""))[:2]]
    height = low[1] - high[1]

    assert middle[0] == pytest.approx((low[0] + high[0]) / 2)
    assert middle[1] == pytest.approx(low[1] - height / 4)
    assert ends == pytest.approx([low[1] - 0.15 * height, low[1] - 0.35 * height], abs=0.1)


def test_the_end_of_an_interval_outside_the_chart_has_no_cap() -> None:
    series = charts.Series("s", Look(0, "npdd-sl"), (charts.Point(0.5, 0.9, 0.4, ""),))
    svg = charts.draw(charts.Chart("t", "d", charts.fractions("x"), charts.shares("y", [0.9]), (series,)), "c1")
    path = next(each.get("d", "") for each in parse(svg).iter("path") if "whisker" in each.get("class", ""))

    assert path.count("h8") == 1


@pytest.mark.parametrize(
    ("values", "log", "ticks"),
    [
        ([1000.0, 20_000.0], True, ["1,000", "2,000", "5,000", "10,000", "20,000"]),
        ([4000.0, 5200.0, 1200.0], False, ["0", "2,000", "4,000", "6,000"]),
        ([0.0, 50_000.0], False, ["0", "20,000", "40,000", "60,000"]),
        ([], False, None),
    ],
)
def test_axes_count_in_round_numbers(values: list[float], log: bool, ticks: list[str] | None) -> None:
    axis = charts.amounts("asked", values)

    assert axis.log == log
    assert all(axis.low <= value <= axis.high for value in values)
    if ticks:
        assert [words for _, words in axis.ticks if axis.low <= _ <= axis.high][: len(ticks)] == ticks


def test_points_of_one_budget_stand_side_by_side() -> None:
    picture = curves.over_budget(build(some()).tables[0], Palette.of(["resnet18", "vgg", "broken"]))
    assert picture is not None
    places = points(charts.draw(picture.chart, "c1"))

    assert len(places) == 6
    assert len({x for x, _ in places}) == 6
    assert [each.name for each in picture.chart.series] == [
        "resnet18 npdd-sl", "resnet18 npdd-sl+pdd-sl", "vgg npdd-sl", "vgg npdd-sl+pdd-sl",
    ]  # fmt: skip
    assert [each.joined for each in picture.chart.series] == [True, False, True, False]


def test_entropy_counts_the_labels_of_both_stages_together() -> None:
    one = record(cell("npdd-sl+pdd-sl"))
    used = [
        TransferUsed(
            stage=stage,
            digest=digest(stage),
            images=sum(counts),
            counts_per_class=counts,
            entropy=0,
            never_seen=(),
            picks=sum(counts),
        )
        for stage, counts in (("npdd", (3, 0)), ("pdd", (0, 1)))
    ]
    entropy, seen, total = curves._labels(one.model_copy(update={"transfer_sets": tuple(used)}))

    assert entropy == pytest.approx(0.8112781)  # of 3/4 and 1/4, in bits
    assert (seen, total) == (2, 2)


def test_free_oracles_are_compared_by_what_they_were_asked() -> None:
    priced = chosen(some())
    free = [each.model_copy(update={"bill": each.bill.model_copy(update={"cost": 0.0}) if each.bill else None})
            for each in some()]  # fmt: skip
    palette = Palette.of(["resnet18", "vgg", "broken"])
    by_cost, by_asked = (curves.over_cost(each.board.tables, palette) for each in (priced, chosen(free)))
    assert by_cost is not None
    assert by_asked is not None
    assert by_cost.chart.x.name == "cost"
    assert "takes a price" in by_asked.chart.x.name
    assert {point.x for series in by_cost.chart.series for point in series.points} == {1.0, 4.0, 1.2}
    assert {point.x for series in by_asked.chart.series for point in series.points} == {1000, 4000, 1200}


def test_a_free_oracle_stays_beside_one_that_has_a_price() -> None:
    free = [each.model_copy(update={"bill": each.bill.model_copy(update={"cost": 0.0}) if each.bill else None})
            for each in some(oracle="free")]  # fmt: skip
    mixed = chosen([*some(), *free])
    palette = Palette.of(["resnet18", "vgg", "broken"])
    picture = curves.over_cost(mixed.board.tables, palette)
    assert picture is not None

    assert sum(len(series.points) for series in picture.chart.series) == 12
    assert picture.chart.x.name == "images asked (not all oracles here take a price)"
    assert {row[3] for row in picture.numbers.rows} == {"$1.00", "$4.00", "$1.20", "–"}


def test_a_mark_beyond_the_axis_is_an_open_arrow_that_says_its_value() -> None:
    marks = (charts.Point(0.2, 1.9, None, "near"), charts.Point(0.8, 2.5, 0.1, "far"))
    axis = charts.shares("y", [point.y for point in marks])
    chart = charts.Chart("t", "d", charts.fractions("x"), axis, (charts.Series("s", Look(3, "npdd-sl"), marks),))
    svg = charts.draw(chart, "c1")
    arrows = [each for each in parse(svg).iter("path") if each.get("class", "").startswith("beyond")]

    assert len(points(svg)) == 1
    assert [each.get("class") for each in arrows] == ["beyond k3"]
    assert [each.text for arrow in arrows for each in arrow] == ["beyond the axis, at 250.0 %: far"]
    assert "d 1 mark beyond 200 %: open arrows at the top." in svg


def test_a_copycat_has_one_colour_and_a_regime_one_mark() -> None:
    palette = Palette.of(["b", "a", "b"])

    assert palette.look("a", "npdd-sl").colour == palette.look("a", "pdd-sl").colour == 0
    assert palette.look("b", "npdd-sl").colour == 1
    assert palette.look("a", "npdd-sl").mark == palette.look("b", "npdd-sl").mark
    many = Palette.of([f"net{place:02d}" for place in range(20)])
    assert (
        len({(look.colour, look.dash) for place in range(20) if (look := many.look(f"net{place:02d}", "npdd-sl"))})
        == 20
    )


def test_classes_show_the_f1_of_target_and_best_rows() -> None:
    records = some()
    table = build(records).tables[0]
    found = classes.compare(table, chosen(records), Palette.of(["resnet18", "vgg", "broken"]), "c")
    best = speakers(table)[0]
    shares = [each.copycat.f1_per_class[0] for each in chosen(records).done(best) if each.copycat]

    assert found is not None
    assert found.names[0] == "resnet18 npdd-sl+pdd-sl 1,000"
    assert len(found.numbers.rows) == 10
    assert found.numbers.rows[0][0] == "zero"
    assert found.numbers.rows[0][2] == f"{np.mean(shares):.3f}".removeprefix("0")
    assert "±" not in found.picture + "".join(text for row in found.numbers.rows for text in row)
    assert "mean over seeds, without its interval" in PAGE
    assert len(points(found.picture)) == 20


def test_a_class_that_the_test_set_lacks_is_said_to_be_absent() -> None:
    line = classes.Compared("nine", None, (None,))
    svg = classes._draw([line, classes.Compared("one", 0.9, (0.5,))], (Look(0, "npdd-sl"),), ("n",), "c")

    assert "not in the test set" in svg
    assert len(points(svg)) == 1
    assert line.gap == -1


def test_the_largest_confusions_are_said_in_words() -> None:
    shares_CC = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.5, 0.1, 0.4]])

    assert confusions._largest(shares_CC, ("cat", "dog", "fox")) == (
        "50 % of fox called cat", "30 % of cat called dog", "10 % of fox called dog",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "rows", "drawn", "named"), [(12, 12, True, True), (61, 60, True, False), (200, 60, False, False)]
)
def test_many_classes_stay_readable(count: int, rows: int, drawn: bool, named: bool) -> None:
    truth_N = np.arange(2 * count) % count
    right, shifted = score(truth_N, truth_N, count), score(truth_N, (truth_N + (truth_N == count - 1)) % count, count)
    one = record(cell())
    assert one.oracle is not None
    oracle = one.oracle.model_copy(update={"classes": tuple(f"kind {place}" for place in range(count))})
    records = [one.model_copy(update={"oracle": oracle, "target": right, "copycat": shifted})]
    table = build(records).tables[0]
    compared = classes.compare(table, chosen(records), Palette.of(["resnet18"]), "c")
    target, _ = confusions.side_by_side(table, chosen(records), "m")

    assert compared is not None
    assert len(points(compared.picture)) == rows
    assert len(compared.numbers.rows) == count
    assert f"kind {count - 1}" in compared.picture  # the class with the largest gap is never left out
    assert bool(compared.note) == (rows < count)
    assert (target.picture is not None) == drawn
    assert ("kind 0" in (target.picture or "")) == named
    assert target.confusions == ()


def test_seeds_of_a_copycat_are_confused_together() -> None:
    records = some()
    target, best, *_ = confusions.side_by_side(build(records).tables[0], chosen(records), "m")

    assert target.name == "target lenet"
    assert target.confusions[0] == "6 % of five called six"  # wrong on the last 25 of 500: on 3 of 50 fives
    assert best.note == "3 seeds together"
    assert best.picture is not None
    assert len(list(parse(best.picture).iter("rect"))) > 10


def test_images_that_agree_equally_take_turns_by_class() -> None:
    height_N = np.array([3] * 40 + [2] * 2 + [3] * 2)
    label_N = np.array([0] * 40 + [1] * 2 + [1] * 2)
    picked = gallery.pick(height_N, label_N, 44)

    assert sorted(picked) == list(range(44))
    assert label_N[picked[:5]].tolist() == [0, 1, 0, 1, 0]
    assert height_N[picked].tolist() == [3] * 42 + [2] * 2
    assert [place for place in picked if place < 40] != list(range(40))  # not the order of the test set
    assert picked == gallery.pick(height_N, label_N, 44)
    assert gallery.pick(-height_N, label_N, 1)[0] in {40, 41}


def test_the_contact_sheet_shows_who_said_what() -> None:
    records = some(copycats=("resnet18",))
    sheet = gallery.contact_sheet(build(records).tables[0], chosen(records), images, 4)
    truth_N, target_N, _ = records[0].labelling.arrays() if records[0].labelling else (None, None, None)
    assert truth_N is not None
    attacks = [each for each in records if each.status == "done" and each.cell.regime != "untrained"]
    agree_N = np.sum([each.labelling.arrays()[2] == target_N for each in attacks if each.labelling], axis=0)

    assert sheet.cells == 9
    assert [each.agree for each in sheet.most] == [9] * 4
    assert [each.agree for each in sheet.least] == sorted(agree_N)[:4]
    for each in (*sheet.most, *sheet.least):
        assert each.agree == agree_N[each.number]
        content = base64.b64decode(each.picture.removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        assert (pixels == each.number // 2 % 256).all()
        assert pixels.shape == (8, 8, 3)
    assert "9 of 9 agree" in sheet.most[0].words


def test_without_the_test_set_there_are_words_and_no_picture() -> None:
    records = some()
    table = build(records).tables[0]

    assert (
        gallery.contact_sheet(table, chosen(records), lambda *_: "it is gone.", 4).absent == "No picture: it is gone."
    )
    few = gallery.contact_sheet(table, chosen(records), lambda *_: np.zeros((3, 4, 4, 3), np.uint8), 4)
    assert "3 images for 500 labels" in few.absent
    none = gallery.contact_sheet(replace(table, rows=()), chosen(records), images, 4)
    assert "no attack of this table is complete" in none.absent


def test_large_images_are_made_small_enough_to_mail() -> None:
    rng = np.random.default_rng(0)
    text = gallery.data_uri(rng.integers(0, 256, (300, 200, 3), np.uint8))
    image = Image.open(io.BytesIO(base64.b64decode(text.removeprefix("data:image/jpeg;base64,"))))

    assert image.size == (64, 96)


def test_what_ran_is_counted_and_stand_ins_are_marked() -> None:
    records = some()

    assert ran.outcomes(records, 25) == "21 done, 1 failed, 3 not run"
    assert ran.outcomes([], None) == "none"
    assert {row[1:4] for row in ran.sources(records).rows} == {
        ("TDD", "builtin digits/tdd v1", "stand-in"),
        ("PDD", "builtin digits/pdd v1", "stand-in"),
        ("pool", "folder natural", "real"),
    }
    assert ran.times(records).rows == (("score", "21", "10.5 s", "0.5 s", "1.00 GB"),)
    assert [ran.duration(seconds) for seconds in (0.44, 600, 7200)] == ["0.4 s", "10 min", "2.0 h"]


def test_a_page_without_a_complete_attack_says_so() -> None:
    reader = Reader(page([failed(cell(), "no images")], suite=None))

    assert reader.texts["h1"] == ["All records"]
    assert "No attack is complete yet." in reader.visible
    assert "no images" in reader.visible


def test_a_suite_as_large_as_the_papers_fits_into_a_mail() -> None:
    records = [each for oracle in "abcdefgh" for each in some(oracle=oracle)]

    assert len(records) > 144
    assert len(page(records)) < 5_000_000


def test_the_command_writes_the_page_with_the_pictures_of_the_very_test_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = build_world(tmp_path)
    problem = load_problem(world.folder / "colours.toml")
    test_set = open_role(problem, "tdd", Places(tmp_path / "cache"), lambda _: None)
    rng = np.random.default_rng(0)
    ledger = Ledger(tmp_path / "runs")
    truth_and_target = [rng.integers(0, 3, 60) for _ in range(2)]
    for seed in range(2):
        said = [*truth_and_target, rng.integers(0, 3, 60)]
        one = record(cell(problem="colours", tdd_digest=test_set.manifest.digest, seed=seed))
        target, copycat = (score(said[0], each, 10) for each in said[1:])
        told = {"target": target, "copycat": copycat, "relative": relative(copycat, target)}
        told |= {"agreement": float((said[1] == said[2]).mean()), "labelling": Labelling.of(*said)}
        ledger.append(one.model_copy(update=told))

    code = run_command_line(
        ["report", "--out", str(tmp_path / "runs"), "--problem", str(world.folder / "colours.toml")]
    )
    reader = Reader((tmp_path / "runs/report.html").read_text(encoding="utf-8"))
    captured = capsys.readouterr()

    assert code == 0
    assert captured.out.strip() == str(tmp_path / "runs/report.html")
    assert len(reader.all("img")) == 24
    assert "No picture" not in reader.visible

    assert run_command_line(["report", "--out", str(tmp_path / "runs"), "-o", str(tmp_path / "other.html")]) == 0
    assert "No picture: unknown problem 'colours'" in Reader((tmp_path / "other.html").read_text("utf-8")).visible


def test_pictures_of_another_test_set_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = build_world(tmp_path)
    Ledger(tmp_path / "runs").append(record(cell(problem="colours")))

    run_command_line(["report", "--out", str(tmp_path / "runs"), "--problem", str(world.folder / "colours.toml")])
    reader = Reader((tmp_path / "runs/report.html").read_text(encoding="utf-8"))

    assert reader.all("img") == []
    assert "is not the one of these records" in reader.visible


def test_a_folder_without_records_gets_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", "--out", str(tmp_path)]) == 3
    assert "no records. Run: python -m benchmark run" in capsys.readouterr().err


def test_a_damaged_record_is_said_on_the_page(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(record(cell()))
    ledger.append(record(cell(seed=1)))
    path = next(ledger.folder.glob("*.json"))
    path.write_bytes(path.read_bytes()[:-9])

    assert run_command_line(["report", "--out", str(tmp_path)]) == 0
    assert "torn or changed" in Reader((tmp_path / "report.html").read_text(encoding="utf-8")).visible


def test_the_same_records_give_the_same_page() -> None:
    about = About(suite="paper", written=date(2026, 11, 21), planned=None, records="records")

    assert make_page(chosen(some()), about, images) == make_page(chosen(some()[::-1]), about, images)
