"""SVG that no text can break: whatever is filled in is escaped, and control characters are spelled out."""

from markupsafe import Markup

from benchmark.leaderboard import figures


def svg(template: str, *values: float | str | Markup) -> Markup:
    """The template with its values, as `str.format` fills them in; only other SVG (Markup) goes in as it is."""
    told = (figures.plain(value) if type(value) is str else value for value in values)
    return Markup(template).format(*told)  # noqa: S704 - templates are our own


def join(parts: list[Markup]) -> Markup:
    """Pieces of SVG one after the other."""
    return Markup("").join(parts)
