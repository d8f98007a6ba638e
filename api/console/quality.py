"""Why so many segments, and how good they are, as the scheme's page shows it: pictures, and their numbers below.

Only shares and measures of quality are told, no count of people. Everything was stored with the model; whatever an
older model did not store is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from api.console.schemes import SchemePage
from api.console.trends import line
from api.deps import Visit
from api.i18n import N_
from api.workflows.segment_warnings import Warned, about_size
from segmentation.fitting_clusters import STABLE
from segmentation.settings.abc import AbcSettings
from segmentation.settings.kinds import Kind

MEASURES: dict[str, str] = {
    "silhouette": N_("Separation (silhouette, 1 is best)"),
    "resampling_ari": N_("Found again in resampled people (adjusted Rand index, 1 is best)"),
    "bic": N_("Information criterion (BIC, least is best)"),
    "entropy": N_("Clearness of the assignment (entropy, 1 is best)"),
}
DIGITS = {"bic": 0}
LEFT, WIDTH = 4.0, 92.0
"""Where charts begin and how wide they are, in per cent; the rest is for dots and numbers at the edge."""
TREE_TOP, TREE_HEIGHT = 12.0, 180.0

Fit = Mapping[str, int | str]


@dataclass(frozen=True)
class Dot:
    """One number of segments in a chart: place in per cent, height in pixels."""

    x: float
    y: float
    k: int
    chosen: bool


@dataclass(frozen=True)
class Chart:
    """One measure by the number of segments."""

    key: str
    label: str
    points: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Stroke:
    """A line of the tree: x in per cent, y in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Tree:
    """The last merges of a hierarchy."""

    strokes: tuple[Stroke, ...]
    cut: float | None
    heights: tuple[tuple[int, float], ...]
    """How many groups a merge leaves, and its height."""


@dataclass(frozen=True)
class Curve:
    """Who carries how much of a total: shares of the people and of the total, from 0 to 1."""

    label: str
    points: str
    rows: tuple[tuple[float, float], ...]
    classes: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Quality:
    """What the page shows."""

    warnings: tuple[Warned, ...]
    k: int
    why: str | None
    """Token of the sentence: confirmed, unconfirmed, bic or fixed."""
    stable: float
    measures: tuple[tuple[str, str, int], ...]
    """Key, words and digits."""
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    charts: tuple[Chart, ...]
    tree: Tree | None
    agreement: float | None
    curves: tuple[Curve, ...]


def quality(visit: Visit, page: SchemePage) -> Quality | None:
    """The figures of the live run's model; None before the first run and where there is nothing to tell."""
    if page.report is None:
        return None
    fit, k = page.report.fit, len(page.report.segments)
    warnings = about_size(k)
    grouped = page.definition.kind in (Kind.KMEANS, Kind.WARD, Kind.MIXTURE, Kind.LATENT_CLASS)
    tried = _tried(fit, k) if grouped else {}
    keys = tuple(key for key in MEASURES if any(key in row for row in tried.values()))
    curves = _curves(visit, page, fit)
    if not (warnings or keys or curves):
        return None
    agreement = fit.get("dendrogram_agreement")
    return Quality(
        warnings=warnings,
        k=k,
        why=_why(tried, k) if keys else None,
        stable=STABLE,
        measures=tuple((key, visit.tongue.say(MEASURES[key]), DIGITS.get(key, 2)) for key in keys),
        rows=tuple((number, tuple(row.get(key) for key in keys)) for number, row in tried.items()),
        charts=tuple(chart for key in keys if (chart := _chart(visit, key, tried, k))),
        tree=_tree(fit, k),
        agreement=float(agreement) if agreement is not None else None,
        curves=curves,
    )


def _tried(fit: Fit, k: int) -> dict[int, dict[str, float]]:
    """Every number of segments that was tried, with its measures."""
    found: dict[int, dict[str, float]] = {}
    for number in range(2, 101):
        row = {key: float(fit[f"k{number}_{key}"]) for key in MEASURES if f"k{number}_{key}" in fit}
        if row:
            found[number] = row
    own = {key: float(fit[key]) for key in MEASURES if key in fit}
    return found or ({k: own} if own else {})


def _why(tried: Mapping[int, Mapping[str, float]], k: int) -> str:
    if len(tried) < 2:
        return "fixed"
    if "bic" in tried.get(k, {}):
        return "bic"
    return "confirmed" if tried.get(k, {}).get("resampling_ari", 0.0) >= STABLE else "unconfirmed"


def _chart(visit: Visit, key: str, tried: Mapping[int, Mapping[str, float]], k: int) -> Chart | None:
    values = [row.get(key) for row in tried.values()]
    drawn = line([str(number) for number in tried], values, [""] * len(values))
    if drawn is None:
        return None
    told = [number for number, value in zip(tried, values, strict=True) if value is not None]
    dots = []
    for number, point in zip(told, drawn.points.split(), strict=True):
        x, y = (float(part) for part in point.split(","))
        dots.append(Dot(LEFT + x / 110 * WIDTH, 8 + y, number, number == k))
    return Chart(key, visit.tongue.say(MEASURES[key]), drawn.points, tuple(dots))


def _tree(fit: Fit, k: int) -> Tree | None:
    merges: list[tuple[float, int, int]] = []
    for number in count(1):
        if f"merge{number}" not in fit:
            break
        height, left, right = str(fit[f"merge{number}"]).split()
        merges.append((float(height), int(left), int(right)))
    if not merges or merges[0][0] <= 0:
        return None
    top, heights = merges[0][0], [height for height, _, _ in merges]
    cut = None
    if k - 2 < len(heights):
        below = heights[k - 1] if k - 1 < len(heights) else 0.0
        cut = _depth((heights[k - 2] + below) / 2, top)
    return Tree(_strokes(merges), cut, tuple((number, height) for number, height in enumerate(heights, start=1)))


def _strokes(merges: list[tuple[float, int, int]]) -> tuple[Stroke, ...]:
    """Leaves side by side, each merge in the middle above its sides."""
    top, step = merges[0][0], WIDTH / (len(merges) + 1)
    strokes: list[Stroke] = []
    leaves = count()

    def place(number: int) -> tuple[float, float]:
        if number == 0:
            return LEFT + (next(leaves) + 0.5) * step, TREE_TOP + TREE_HEIGHT
        height, *sides = merges[number - 1]
        y = _depth(height, top)
        (x1, y1), (x2, y2) = (place(side) for side in sides)
        strokes.extend((Stroke(x1, y, x1, y1), Stroke(x2, y, x2, y2), Stroke(x1, y, x2, y)))
        return (x1 + x2) / 2, y

    place(1)
    return tuple(strokes)


def _depth(height: float, top: float) -> float:
    return TREE_TOP + (1 - height / top) * TREE_HEIGHT


def _curves(visit: Visit, page: SchemePage, fit: Fit) -> tuple[Curve, ...]:
    if not isinstance(page.definition.settings, AbcSettings):
        return ()
    labels = {feature.key: visit.tongue.pick(feature.label) for feature in page.definition.features}
    least = max(visit.house.catalogue.controller.minimum_cell, page.definition.minimum_size, 10)
    found = (_curve(labels[key], key, fit, least) for key in page.definition.settings.features)
    return tuple(curve for curve in found if curve)


def _curve(label: str, key: str, fit: Fit, least: int) -> Curve | None:
    pairs = [pair.split(":") for pair in str(fit.get(f"{key}_curve", "")).split()]
    if not pairs:
        return None
    rows = tuple((float(people), float(total)) for people, total in pairs)
    drawn = " ".join(f"{100 * people:.1f},{100 * (1 - total):.1f}" for people, total in ((0.0, 0.0), *rows))
    classes = tuple(
        (letter, float(fit[f"{key}_{letter}_people"]), float(fit[f"{key}_{letter}_total"]))
        for letter in "ABCDE"
        if f"{key}_{letter}_people" in fit
    )
    # one class left out would follow from the others, so all are told or none
    told = all(people * float(fit["rows"]) >= least for _, people, _ in classes)
    return Curve(label, drawn, rows, classes if told else ())
