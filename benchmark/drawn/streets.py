"""Scenes of streets and of their surroundings from above, with and without a pedestrian crossing."""

import math
from dataclasses import dataclass

from benchmark.drawn.aerial import Dice, Frame, Ground, car, house, tree

FAR = 40.0  # metres; beyond the edge of every image


@dataclass(frozen=True)
class Road:
    """A straight road: its frame (x along it) and half its width in metres."""

    frame: Frame
    half: float


def street(ground: Ground, view: float, crossing: bool, dice: Dice) -> None:
    """A road, perhaps a junction, with paint, cars, trees and houses; `view` is the image's side in metres."""
    angle = dice.between(0, math.pi)
    away = dice.between(-0.22, 0.22) * view
    road = Road(Frame(-away * math.sin(angle), away * math.cos(angle), angle), dice.between(2.6, min(5.5, 0.42 * view)))
    _verges(ground, road, dice)
    middle = dice.between(-0.28, 0.28) * view  # where along the road the crossing or the other paint lies
    if dice.happens(0.3):
        _side_road(ground, road, middle, dice)
    _carriageway(ground, road, dice)
    reach = dice.between(1.2, 2.4)
    _lanes(ground, road, (middle - reach - 0.6, middle + reach + 0.6) if crossing else None, dice)
    if crossing:
        zebra(ground, road, (middle - reach, middle + reach), dice)
        if dice.happens(0.3):
            _stop_line(ground, road, middle + reach + dice.between(0.8, 1.5), dice)
    else:
        _other_paint(ground, road, middle, dice)
    _traffic(ground, road, (middle, reach) if crossing else None, dice)
    _surroundings(ground, road, view, dice)


def zebra(ground: Ground, road: Road, along: tuple[float, float], dice: Dice) -> None:
    """Bars along the road, side by side across it; sometimes skewed."""
    period = dice.between(1.1, 1.9)
    bar = period * dice.between(0.42, 0.6)
    skew = dice.between(-0.35, 0.35) if dice.happens(0.4) else 0.0
    start = -road.half + dice.between(0.1, 0.5)
    for k in range(int((2 * road.half - 0.4) / period + 0.5)):
        y = start + k * period
        lean = skew * y
        corners = [(along[0] + lean, y), (along[1] + lean, y), (along[1] + lean, y + bar), (along[0] + lean, y + bar)]
        ground.patch(road.frame, corners, "paint")


def parking(ground: Ground, view: float, dice: Dice) -> None:
    """A car park: thin lines side by side, cars between them; the hard case of no crossing."""
    angle = dice.between(0, math.pi)
    frame = Frame(dice.between(-0.3, 0.3) * view, dice.between(-0.3, 0.3) * view, angle)
    ground.area(frame, (-FAR, FAR), (-FAR, dice.between(3, 9)), "asphalt")
    width, depth = dice.between(2.2, 2.8), dice.between(3.8, 5.2)
    line = dice.between(0.12, 0.25)
    share = dice.between(0.1, 0.8)
    rows = (0.0, -depth) if dice.happens(0.5) else (0.0,)
    for row in rows:
        for k in range(-5, 6):
            ground.area(frame, (k * width, k * width + line), (row - depth, row), "paint")
            if dice.happens(share):
                turned = angle + (math.pi / 2 if dice.happens(0.5) else -math.pi / 2)
                car(ground, _at(frame, (k + 0.5) * width, row - depth / 2)._replace(angle=turned), dice)
    _scatter(ground, view, dice)


def land(ground: Ground, view: float, dice: Dice) -> None:
    """No road at all: houses, trees, grass, paths."""
    angle = dice.between(0, math.pi)
    frame = Frame(dice.between(-0.4, 0.4) * view, dice.between(-0.4, 0.4) * view, angle)
    ground.area(frame, (-FAR, FAR), (0, FAR), dice.pick("grass", "soil", "pavement", "concrete"))
    if dice.happens(0.4):
        ground.area(frame, (-FAR, FAR), (-1, dice.between(-0.3, 1.0)), dice.pick("pavement", "soil", "concrete"))
    if dice.happens(0.75):
        place = _at(frame, dice.between(-0.4, 0.4) * view, dice.between(-0.4, 0.4) * view)
        house(ground, place, (dice.between(2.5, 0.6 * view), dice.between(2, 0.4 * view)), dice)
    _scatter(ground, view, dice)
    _scatter(ground, view, dice)


def _at(frame: Frame, x: float, y: float) -> Frame:
    """The frame moved along its own axes."""
    cos, sin = math.cos(frame.angle), math.sin(frame.angle)
    return Frame(frame.x + x * cos - y * sin, frame.y + x * sin + y * cos, frame.angle)


def _verges(ground: Ground, road: Road, dice: Dice) -> None:
    width = dice.between(0.8, 2.8)
    for side in (-1, 1):
        if dice.happens(0.75):
            material = dice.pick("pavement", "pavement", "concrete", "soil")
            edges = sorted((side * road.half, side * (road.half + width)))
            ground.area(road.frame, (-FAR, FAR), (edges[0], edges[1]), material)


def _carriageway(ground: Ground, road: Road, dice: Dice) -> None:
    ground.area(road.frame, (-FAR, FAR), (-road.half, road.half), "concrete" if dice.happens(0.1) else "asphalt")


def _side_road(ground: Ground, road: Road, middle: float, dice: Dice) -> None:
    """Another road that ends at this one or crosses it, some metres beside the paint."""
    at = middle + dice.between(6.0, 9.0) * (1 if dice.happens(0.5) else -1)
    crossing = _at(road.frame, at, 0)._replace(angle=road.frame.angle + math.pi / 2 + dice.between(-0.2, 0.2))
    half = dice.between(2.2, 4.0)
    ground.area(crossing, (-FAR if dice.happens(0.5) else 0, FAR), (-half, half), "asphalt")


def _lanes(ground: Ground, road: Road, gap: tuple[float, float] | None, dice: Dice) -> None:
    """Middle and edge lines, whole or dashed, left out where a crossing lies."""
    if dice.happens(0.7):
        material, width = ("yellow" if dice.happens(0.25) else "paint"), dice.between(0.15, 0.3)
        long, pause = (dice.between(1.5, 3.5), dice.between(1.5, 4.0)) if dice.happens(0.65) else (4.0, 0.0)
        at = -FAR / 2 + dice.between(0, 4)
        while at < FAR / 2:
            if gap is None or at + long < gap[0] or at > gap[1]:
                ground.area(road.frame, (at, at + long), (-width / 2, width / 2), material)
            at += long + pause
    if dice.happens(0.35):
        inset = road.half - dice.between(0.2, 0.5)
        for y in (-inset, inset):
            ground.area(road.frame, (-FAR, FAR), (y - 0.1, y + 0.1), "paint")


def _stop_line(ground: Ground, road: Road, at: float, dice: Dice) -> None:
    side = (0.1, road.half - 0.2) if dice.happens(0.8) else (-road.half + 0.2, road.half - 0.2)
    ground.area(road.frame, (at, at + dice.between(0.3, 0.6)), side, "paint")


def _other_paint(ground: Ground, road: Road, middle: float, dice: Dice) -> None:
    """What a road without a crossing may carry: stop line, arrow, hatched island, a patched surface."""
    kind = dice.between(0, 1)
    if kind < 0.25:
        _stop_line(ground, road, middle, dice)
    elif kind < 0.45:
        y = road.half * dice.between(0.35, 0.6)
        ground.area(road.frame, (middle - 1.5, middle + 0.5), (y - 0.15, y + 0.15), "paint")
        ground.patch(road.frame, [(middle + 0.4, y - 0.55), (middle + 1.7, y), (middle + 0.4, y + 0.55)], "paint")
    elif kind < 0.55:
        for k in range(-3, 4):
            x = middle + k * dice.between(1.4, 1.6)
            ground.patch(road.frame, [(x, -0.6), (x + 0.3, -0.6), (x + 0.9, 0.6), (x + 0.6, 0.6)], "paint")
    elif kind < 0.75:
        ground.area(
            road.frame,
            (middle - dice.between(0.5, 2), middle + 2),
            (-road.half, dice.between(-1, 1)),
            dice.pick("felt", "concrete", "glass"),
        )


def _traffic(ground: Ground, road: Road, keep_clear: tuple[float, float] | None, dice: Dice) -> None:
    """Up to three cars in their lanes; those on a crossing would hide it and are left out most of the time."""
    for _ in range(int(dice.between(0, 3.4))):
        x, y = dice.between(-12, 12), road.half * 0.5 * (1 if dice.happens(0.5) else -1)
        turned = dice.between(-0.06, 0.06) + (math.pi if y > 0 else 0.0)
        hides = keep_clear is not None and abs(x - keep_clear[0]) < keep_clear[1] + 2.0
        if dice.happens(0.12) or not hides:
            place = _at(road.frame, x, y)
            car(ground, place._replace(angle=place.angle + turned), dice)


def _surroundings(ground: Ground, road: Road, view: float, dice: Dice) -> None:
    """Houses and trees beside the road."""
    for side in (-1, 1):
        if dice.happens(0.45):
            depth = dice.between(2, 5)
            y = side * (road.half + dice.between(2.0, 4.5) + depth)
            house(ground, _at(road.frame, dice.between(-0.6, 0.6) * view, y), (dice.between(2.5, 7), depth), dice)
        for _ in range(int(dice.between(0, 3.2))):
            radius = dice.between(0.8, 2.4)
            y = side * (road.half + dice.between(0.5, 4.0) + radius * 0.8)
            tree(ground, _at(road.frame, dice.between(-0.6, 0.6) * view, y), radius, dice)


def _scatter(ground: Ground, view: float, dice: Dice) -> None:
    """Trees anywhere."""
    for _ in range(int(dice.between(0, 4.5))):
        place = Frame(dice.between(-0.5, 0.5) * view, dice.between(-0.5, 0.5) * view, 0.0)
        tree(ground, place, dice.between(0.8, 3.0), dice)
