"""Charts as SVG: points with whiskers and lines between them, over axes with ticks; every text in them is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

from benchmark.report.looks import Look
from benchmark.report.svg import join, svg

WIDE, HIGH = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
CAP = 4
"""Half the width of a whisker's end."""
DODGE = 7
"""How far apart points are drawn that would hide each other."""


@dataclass(frozen=True)
class Point:
    """A mean with half its interval (None: none is known), and what the pointer shows over it."""

    x: float
    y: float
    half: float | None
    words: str


@dataclass(frozen=True)
class Series:
    """Points of one look; joined by a line in their order if `joined`."""

    name: str
    look: Look
    points: tuple[Point, ...]
    joined: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis: where it begins and ends, and its ticks with their words."""

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value, 0 at the low end and 1 at the high end; values outside stand at the ends."""
        low, high, value = (log10(each) for each in (self.low, self.high, value)) if self.log else self._plain(value)
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def _plain(self, value: float) -> tuple[float, float, float]:
        return self.low, self.high, value


@dataclass(frozen=True)
class Chart:
    """A picture with the words that stand for it where it cannot be seen."""

    title: str
    about: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    aside: bool = True  # whether points of one x stand side by side


def shares(name: str, values: Iterable[float], most: float = 2.0) -> Axis:
    """An axis in percent from 0 to 100 %, or to what the largest value needs (at most `most`)."""
    high = max(1.0, min(most, ceil(max(values, default=1.0) * 10) / 10))
    step = 0.2 if high <= 1.4 else 0.5
    ticks = tuple((step * place, f"{100 * step * place:.0f} %") for place in range(floor(high / step + 1e-9) + 1))
    return Axis(name, 0.0, high, ticks)


def fractions(name: str) -> Axis:
    """An axis from 0 to 1."""
    return Axis(name, 0.0, 1.0, tuple((place / 5, f"{place / 5:.1f}") for place in range(6)))


def amounts(name: str, values: Sequence[float], unit: str = "") -> Axis:
    """An axis for counts or money: in steps of ten where the largest is 8 times the smallest, which is above 0."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low > 0 and high / low >= 8:
        ends = 10 ** (floor(log10(low) * 2 + 1e-9) / 2), 10 ** (ceil(log10(high) * 2 - 1e-9) / 2)
        tens = [10.0**power for power in range(ceil(log10(ends[0]) - 1e-9), floor(log10(ends[1]) + 1e-9) + 1)]
        fine = [value for ten in [tens[0] / 10, *tens] for value in (ten, 2 * ten, 5 * ten)] if len(tens) < 4 else tens
        kept = [value for value in fine if ends[0] * 0.999 <= value <= ends[1] * 1.001]
        return Axis(name, *ends, tuple((value, _amount(value, unit)) for value in kept), log=True)
    step = _round_step((high or 1.0) / 4)
    top = step * ceil((high or 1.0) / step + 0.05)
    return Axis(
        name, 0.0, top, tuple((step * place, _amount(step * place, unit)) for place in range(round(top / step) + 1))
    )


def draw(chart: Chart, name: str) -> Markup:
    """The chart as an SVG element; `name` must be its own on the page (an HTML id)."""
    shifts = _shifts(chart)
    parts = [_grid(chart), *(_line(chart, each, shifts) for each in chart.series if each.joined)]
    parts += [
        _whisker(chart, point, each.look, shifts[point]) for each in chart.series for point in each.points if point.half
    ]
    parts += [_mark(chart, point, each.look, shifts[point]) for each in chart.series for point in each.points]
    return svg(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>',
        WIDE,
        HIGH,
        name,
        name,
        name,
        chart.title,
        name,
        _about(chart),
        join(parts),
    )


def _about(chart: Chart) -> str:
    """The chart's words, with what stands beyond its upper end."""
    far = sum(point.y > chart.y.high for each in chart.series for point in each.points)
    if not far:
        return chart.about
    return f"{chart.about} {far} mark{'s' if far > 1 else ''} beyond {chart.y.ticks[-1][1]}: open arrows at the top."


def _mark(chart: Chart, point: Point, look: Look, shift: float) -> Markup:
    """The mark of a point; an open arrow, with its value in words, where the axis does not reach it."""
    x, y = _x(chart, point.x) + shift, _y(chart, point.y)
    if point.y > chart.y.high:
        return look.draw_beyond(x, y, f"beyond the axis, at {100 * point.y:.1f} %: {point.words}")
    return look.draw(x, y, point.words)


def _grid(chart: Chart) -> Markup:
    bottom, right = HIGH - BOTTOM, WIDE - RIGHT
    parts = []
    for value, words in chart.y.ticks:
        y = _y(chart, value)
        parts.append(svg('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>', LEFT, right, y, y))
        parts.append(svg('<text class="end" x="{}" y="{:.1f}">{}</text>', LEFT - 8, y + 4, words))
    for value, words in chart.x.ticks:
        x = _x(chart, value)
        parts.append(svg('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>', x, x, bottom, bottom + 4))
        parts.append(svg('<text class="middle" x="{:.1f}" y="{}">{}</text>', x, bottom + 18, words))
    parts.append(svg('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>', LEFT, right, bottom, bottom))
    middle = (LEFT + right) / 2
    parts.append(svg('<text class="middle name" x="{}" y="{}">{}</text>', middle, HIGH - 8, chart.x.name))
    place = f"translate(15 {(TOP + bottom) / 2}) rotate(-90)"
    parts.append(svg('<text class="middle name" transform="{}">{}</text>', place, chart.y.name))
    return join(parts)


def _line(chart: Chart, series: Series, shifts: Mapping[Point, float]) -> Markup:
    places = " ".join(f"{_x(chart, point.x) + shifts[point]:.1f},{_y(chart, point.y):.1f}" for point in series.points)
    return svg(
        '<polyline class="line k{}" stroke-dasharray="{}" points="{}"/>', series.look.colour, series.look.dash, places
    )


def _whisker(chart: Chart, point: Point, look: Look, shift: float) -> Markup:
    """The interval; an end that lies outside the axis has no cap."""
    half = point.half or 0.0
    low, high, x = point.y - half, point.y + half, _x(chart, point.x) + shift
    path = f"M{x:.1f} {_y(chart, low):.1f}V{_y(chart, high):.1f}"
    for end in (low, high):
        if chart.y.low <= end <= chart.y.high:
            path += f"M{x - CAP:.1f} {_y(chart, end):.1f}h{2 * CAP}"
    return svg('<path class="whisker k{}" d="{}"/>', look.colour, path)


def _shifts(chart: Chart) -> dict[Point, float]:
    """How far each point is moved aside: those of (nearly) one x stand side by side where they would overlap."""
    found: dict[int, list[Point]] = {}
    for each in chart.series:
        for point in each.points:
            found.setdefault(round(_x(chart, point.x)), []).append(point)
    room = DODGE if chart.aside and all(len(points) <= 12 for points in found.values()) else 0
    return {
        point: (place - (len(points) - 1) / 2) * room for points in found.values() for place, point in enumerate(points)
    }


def _x(chart: Chart, value: float) -> float:
    return LEFT + 14 + chart.x.at(value) * (WIDE - LEFT - RIGHT - 40)


def _y(chart: Chart, value: float) -> float:
    return HIGH - BOTTOM - chart.y.at(value) * (HIGH - TOP - BOTTOM)


def _amount(value: float, unit: str) -> str:
    return f"{unit}{value:,.2f}" if unit and value < 10 else f"{unit}{value:,.10g}"


def _round_step(rough: float) -> float:
    ten = 10.0 ** floor(log10(rough))
    return next(ten * step for step in (1, 2, 5, 10) if ten * step >= rough * 0.999)
