"""Two to four segments of a scheme side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.console.effects import figure
from api.console.profile import amount
from api.deps import Visit, visiting
from api.workflows import segment_profiles
from api.workflows.segment_profiles import FEWEST, MOST
from api.workflows.stored_definitions import stored_definition
from segmentation.membership import live

if TYPE_CHECKING:
    from api.workflows.segment_shown import Comparison
    from segmentation.profile import FeatureProfile

router = APIRouter()
CLEAR = 0.5


@dataclass(frozen=True)
class Cell:
    """One value of one segment; *effect* is its difference from everybody else, and *wide* how wide its bar is."""

    text: str
    effect: float | None = None
    wide: float = 0.0


@dataclass(frozen=True)
class CompareRow:
    """One line of the table."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CompareView:
    """What the page shows: segments to choose from, and those chosen."""

    scheme: str
    scheme_label: str
    choices: tuple[tuple[str, str, bool], ...]
    """Key, name, whether it is ticked."""
    names: tuple[tuple[str, str], ...]
    figures: tuple[CompareRow, ...]
    features: tuple[CompareRow, ...]
    problem: bool
    """Too few or too many were ticked."""
    run: int
    fact: int | None


def compare_view(visit: Visit, scheme: str, wanted: list[str]) -> CompareView:
    """The comparison as this role may see it.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown: there is no such thing.
    """
    with visit.house.work.reading() as connection:
        of = live(connection, scheme)
        label = stored_definition(visit.house, connection, of.definition).definition.label
    pick, keys = visit.tongue.pick, list(dict.fromkeys(wanted))
    ready = FEWEST <= len(keys) <= MOST
    found = segment_profiles.compare(visit.house, scheme, keys, now=visit.now) if ready else None
    return CompareView(
        scheme=scheme,
        scheme_label=pick(label),
        choices=tuple((one.key, pick(one.name), one.key in keys) for one in of.model.segments),
        names=tuple((one.key, pick(one.name)) for one in found.segments) if found else (),
        figures=_figures(visit, found) if found else (),
        features=_features(visit, found) if found else (),
        problem=bool(keys) and not ready,
        run=of.run.id,
        fact=of.run.fact,
    )


def _figures(visit: Visit, found: Comparison) -> tuple[CompareRow, ...]:
    say, formats, counts = visit.tongue.say, visit.tongue.formats, Counts(visit.exact, found.least)
    below = say("below 10")
    sizes = [counts.see(segment.size) for segment in found.segments]
    whole = sum(counts.see(segment.size) or 0 for segment in found.everybody)
    rows = [
        CompareRow(
            say("Now in this segment"),
            tuple(Cell(below if n is None else formats.number(n), wide=_part(n, sizes)) for n in sizes),
        ),
        CompareRow(
            say("Share of all in a segment"),
            tuple(Cell("–" if n is None or not whole else formats.percent(n / whole)) for n in sizes),
        ),
    ]
    for name, of in ((say("Contribution margin, 12 months"), "margin"), (say("Revenue, 12 months"), "revenue")):
        if any(row is not None and getattr(row, of) is not None for row in found.figures):
            told = (amount(visit, row, of) if row is not None else "–" for row in found.figures)
            rows.append(CompareRow(name, tuple(Cell(text) for text in told)))
    active = [counts.see(row.active) if row else None for row in found.figures]
    if any(row is not None and row.active is not None for row in found.figures):
        rows.append(
            CompareRow(
                say("Ordered in 12 months"), tuple(Cell(below if n is None else formats.number(n)) for n in active)
            )
        )
    return tuple(rows)


def _part(size: int | None, sizes: list[int | None]) -> float:
    most = max((each for each in sizes if each), default=0)
    return (size or 0) / most if most else 0.0


def _features(visit: Visit, found: Comparison) -> tuple[CompareRow, ...]:
    keys = list(dict.fromkeys(one.key for segment in found.segments for one in segment.features))
    by_key = [{one.key: one for one in segment.features} for segment in found.segments]
    rows = []
    for key in keys:
        told = [features.get(key) for features in by_key]
        label = next(one.label for one in told if one is not None)
        rows.append(CompareRow(visit.tongue.pick(label), tuple(_cell(visit, one) for one in told)))
    return tuple(rows)


def _cell(visit: Visit, one: FeatureProfile | None) -> Cell:
    return Cell("–") if one is None else Cell(figure(visit, one.quantity, one.mean), one.effect)


@router.get("/segments/{scheme}/compare")
def show(visit: Annotated[Visit, Depends(visiting(Right.SEGMENTS))], scheme: str) -> Response:
    """Choose two to four segments, and see them beside each other."""
    wanted = visit.request.query_params.getlist("with")
    return visit.page("compare.html", view=compare_view(visit, scheme, wanted))
