"""Looks: one colour per copycat and one mark per regime, the same in every picture of a page."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from benchmark.report.svg import svg

COLOURS = 8
"""Colours of the style sheet (k0 to k7), told apart also by people who see fewer; then they come again, dashed."""

DASHES = ("none", "6 3", "2 3", "8 3 2 3")

MARKS = {
    "npdd-sl": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "npdd-sl+pdd-sl": "M0 -6L6 0L0 6L-6 0z",
    "pdd-sl": "M-4.2 -4.2H4.2V4.2H-4.2z",
    "pdd-ol": "M0 -5.5L5.5 4.5H-5.5z",
    "odd-ol": "M0 5.5L5.5 -4.5H-5.5z",
    "untrained": "M-5 -1.5H-1.5V-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5z",
}
"""SVG paths around the origin."""

BEYOND = "M0 -7L6 0H2.5V6H-2.5V0H-6z"
"""An arrow, drawn open: what it stands for lies farther up than the axis reaches."""


@dataclass(frozen=True)
class Look:
    """How a series is drawn."""

    colour: int
    mark: str
    dash: str = DASHES[0]

    def draw(self, x: float, y: float, words: str = "") -> Markup:
        """The mark at a place; `words` are what the pointer shows over it."""
        title = svg("<title>{}</title>", words) if words else Markup("")
        return svg(
            '<path class="mark k{}" transform="translate({:.1f} {:.1f})" d="{}">{}</path>',
            self.colour,
            x,
            y,
            MARKS[self.mark],
            title,
        )

    def draw_beyond(self, x: float, y: float, words: str) -> Markup:
        """An open arrow at the upper end of an axis, for a value that lies beyond it; the words must say the value."""
        return svg(
            '<path class="beyond k{}" transform="translate({:.1f} {:.1f})" d="{}"><title>{}</title></path>',
            self.colour,
            x,
            y,
            BEYOND,
            words,
        )

    def swatch(self) -> Markup:
        """A small picture of it for a legend."""
        line = svg(
            '<line class="line k{}" x1="0" x2="28" y1="8" y2="8" stroke-dasharray="{}"/>', self.colour, self.dash
        )
        return svg('<svg class="swatch" viewBox="0 0 28 16" aria-hidden="true">{}{}</svg>', line, self.draw(14, 8))


@dataclass(frozen=True)
class Palette:
    """The looks of a page."""

    places: dict[str, int]

    @classmethod
    def of(cls, copycats: Iterable[str]) -> "Palette":
        """Colours by the order of the names, so that they do not depend on who is best."""
        return cls({name: place for place, name in enumerate(sorted(set(copycats)))})

    def look(self, copycat: str, regime: str, variation: int = 0) -> Look:
        """The look of a copycat in a regime; `variation` counts what else may differ (attack, recipe, ...)."""
        place = self.places[copycat]
        return Look(place % COLOURS, regime, DASHES[(place // COLOURS + variation) % len(DASHES)])
