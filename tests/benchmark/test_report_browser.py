"""The report in a real browser: no errors, sorting, filtering, saving, records on a click, hostile names inert."""

import contextlib
import csv
import io
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up import cell, record
from report_pages import HOSTILE, hostile, page, some

from benchmark.leaderboard.board import build
from benchmark.leaderboard.exports import as_csv
from benchmark.records import Record

webdriver = pytest.importorskip("selenium.webdriver")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver on this machine"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Selenium leaves sockets to the garbage collector
]

WAIT = 30
"""Seconds after which a page that does not do what it should is given up."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium starts as root in no other way
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    folder = tmp_path_factory.mktemp("saved")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.saved = folder
    yield driver
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        driver.quit()


def show(browser: "webdriver.Chrome", folder: Path, text: str, place: str = "") -> None:
    """Open the page from its file."""
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(f"{path.as_uri()}{place}")


def wait(browser: "webdriver.Chrome", script: str) -> object:
    """What the script returns as soon as it returns something."""
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415 - only where Selenium is there

    return WebDriverWait(browser, WAIT).until(lambda driver: driver.execute_script(script))


def column(browser: "webdriver.Chrome", head: str, group: int = 0) -> list[str]:
    """What one column of the first table shows, of one group, from top to bottom."""
    return browser.execute_script(
        """const table = document.querySelector('table.board');
        const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === arguments[0]);
        return [...table.tBodies[arguments[1]].querySelectorAll('tr[data-row]')]
          .filter((row) => !row.hidden).map((row) => row.cells[place].textContent.trim());""",
        head,
        group,
    )


def press(browser: "webdriver.Chrome", head: str) -> str:
    """Press the head of a column of the first table with the keyboard; returns how it says that it is sorted now."""
    return browser.execute_script(
        """const head = [...document.querySelectorAll('table.board thead th')]
          .find((each) => each.textContent === arguments[0]);
        head.querySelector('button').focus();
        document.activeElement.click();
        return head.getAttribute('aria-sort');""",
        head,
    )


def saved(browser: "webdriver.Chrome", name: str) -> str:
    """The content of a file that the browser saved, which is then removed."""
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415

    path = browser.saved / name
    WebDriverWait(browser, WAIT).until(lambda _: path.exists() and path.stat().st_size)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return text


def records() -> list[Record]:
    return [each for budget in (500, 2000) for each in some(budget=budget)]


def test_the_page_opens_from_a_file_without_an_error_and_without_a_request(
    browser: "webdriver.Chrome", tmp_path: Path
) -> None:
    show(browser, tmp_path, page(some()))

    assert browser.get_log("browser") == []
    assert browser.title == "Model stealing: paper, 2026-11-21"
    assert (
        browser.execute_script("return performance.getEntriesByType('resource').filter(r => r.name.startsWith('http'))")
        == []
    )
    assert browser.execute_script(
        "return [...document.images].every((image) => image.complete && image.naturalWidth === 8)"
    )
    assert browser.execute_script("return getComputedStyle(document.querySelector('nav')).position") == "sticky"


def test_columns_sort_by_number_within_their_heading_and_go_back(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    show(browser, tmp_path, page(records()))
    before = column(browser, "asked")

    assert press(browser, "asked") == "ascending"
    assert [text for text in column(browser, "asked") if text != "–"] == sorted(
        (text for text in before if text != "–"), key=lambda text: int(text.replace(",", ""))
    )
    assert press(browser, "asked") == "descending"
    down = column(browser, "asked")
    assert down[0] == "8,000"
    assert down[-1] == "–"  # a hole comes last in either direction
    assert press(browser, "copycat") == "ascending"
    assert column(browser, "copycat") == sorted(column(browser, "copycat"))
    assert browser.execute_script("return document.querySelectorAll('[aria-sort=ascending]').length") == 1
    assert press(browser, "copycat") == "descending"
    assert press(browser, "copycat") == "none"
    assert column(browser, "asked") == before
    assert browser.get_log("browser") == []


def test_a_hole_comes_last_in_a_column_of_words_too(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    asked = [record(cell("npdd-sl+pdd-sl", attack=attack), share) for attack, share in (("random", 0.9), ("apt", 0.8))]
    show(browser, tmp_path, page([*asked, record(cell("pdd-sl"), 0.7)]))

    assert press(browser, "attack") == "ascending"
    assert column(browser, "attack") == ["apt", "random", "–"]
    assert press(browser, "attack") == "descending"
    assert column(browser, "attack") == ["random", "apt", "–"]


def test_the_filter_leaves_rows_with_all_its_words(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    show(browser, tmp_path, page([*some(), *some(oracle="other")]))
    box = browser.find_element("id", "filter")
    box.send_keys("VGG npdd-sl+pdd-sl lenet")

    assert browser.find_element("id", "found").text == "1 of 16 rows"
    assert column(browser, "copycat", 1) == ["vgg"]
    assert browser.execute_script(
        "return [...document.querySelectorAll('article.grid')].map((each) => each.hidden)"
    ) == [
        False,
        True,
    ]
    box.clear()
    box.send_keys("x")
    box.send_keys("\b")
    assert browser.find_element("id", "found").text == ""
    assert len(column(browser, "copycat")) == 5


def test_csv_holds_the_rows_that_are_seen_in_their_order(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    board = build(records())
    show(browser, tmp_path, page(records()))
    browser.find_element("id", "csv-all").click()
    assert saved(browser, "leaderboard.csv") == as_csv(board)

    press(browser, "asked")
    press(browser, "asked")
    browser.find_element("id", "filter").send_keys("resnet18")
    browser.find_element("css selector", "button[data-csv=table-1]").click()
    rows = list(csv.DictReader(io.StringIO(saved(browser, "table-1.csv"))))
    assert {row["copycat"] for row in rows} == {"resnet18"}
    natural = [int(row["asked"]) for row in rows if "natural" in row["group"]]
    assert natural == sorted(natural, reverse=True)
    assert len(natural) > 1
    assert rows[0]["relative"].count(".") == 1


def test_a_record_opens_on_a_click_and_from_its_row(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    show(browser, tmp_path, page(some()))
    link = browser.find_element("css selector", "td.links a")
    place = link.get_attribute("href").partition("#")[2]
    link.click()
    text = wait(browser, f"return document.getElementById('{place}').querySelector('pre').textContent")

    assert '"status": "done"' in str(text)
    assert browser.execute_script("return document.activeElement.tagName") == "SUMMARY"
    assert browser.get_log("browser") == []

    show(browser, tmp_path, page(some()), f"#{place}")
    assert wait(browser, f"return document.getElementById('{place}').querySelector('pre').textContent") == text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_strangers_do_nothing(name: str, browser: "webdriver.Chrome", tmp_path: Path) -> None:
    show(browser, tmp_path, page(hostile(lambda text: text + name), suite=name))
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; });")
    filled = "return [...document.querySelectorAll('pre')].every((each) => each.textContent.length > 100)"
    assert wait(browser, filled)

    assert browser.execute_script("return typeof window.hacked") == "undefined"
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_only_boxes_scroll_sideways_and_texts_stand_out(
    width: int, scheme: str, browser: "webdriver.Chrome", tmp_path: Path
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    long = "a_copycat_with_a_very_long_name_indeed." + 8 * "augreg_in21k_"
    show(browser, tmp_path, page([*some(copycats=("resnet18", long)), *some(oracle="o" * 90)]))
    wide, contrasts = browser.execute_script(
        """const light = (text) => {
          const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const behind = (element) => {
          for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (!/^rgba\\(.*, 0\\)$/.test(colour)) return light(colour);
          }
          return light('rgb(255, 255, 255)');
        };
        const texts = 'h1, h2, h3, p, a, td, th, th button, caption, summary, .tag, .remarks li, .outcome, dd, dt';
        const all = [...document.querySelectorAll(texts)].filter((each) => each.checkVisibility());
        return [document.documentElement.scrollWidth, Math.min(...all.map((each) =>
          contrast(light(getComputedStyle(each).color), behind(each))))];"""
    )
    spilling = browser.execute_script(
        """return [...document.querySelectorAll('td, th, p, li, h3, button, dd')]
          .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
          .filter((each) => getComputedStyle(each).display !== 'inline').map((each) => each.textContent);"""
    )
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert wide <= width
    assert spilling == []
    assert contrasts >= 4.5


def test_the_first_tab_leads_past_the_head(browser: "webdriver.Chrome", tmp_path: Path) -> None:
    show(browser, tmp_path, page(some()))
    browser.find_element("tag name", "body").send_keys("\t")

    assert browser.execute_script("return document.activeElement.getAttribute('href')") == "#leaderboards"
