"""Who moved between two runs of a scheme: a shaded table, why, and how many came and went."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.deps import Visit, visiting
from api.i18n import N_
from api.workflows import segment_history
from api.workflows.segment_history import OneRunOnly
from governance.vocabulary import REASON_TEXT, Reason
from segmentation.errors import NeverRun
from segmentation.migration import NOBODY_THERE, NONE

if TYPE_CHECKING:
    from api.workflows.segment_history import MigrationShown
    from segmentation.migration import Side

router = APIRouter()
SHADES = 4
"""Steps from an empty cell to the fullest one."""


@dataclass(frozen=True)
class MoveCell:
    """One cell: what it says, how dark it is, whether it is the diagonal."""

    text: str
    shade: int
    same: bool
    hidden: bool


@dataclass(frozen=True)
class MoveRow:
    """Where the people of one segment are now."""

    name: str
    cells: tuple[MoveCell, ...]
    total: str


@dataclass(frozen=True)
class MigrationView:
    """The table with what is said about it; `rows` is empty before the second run."""

    scheme: str
    scheme_label: str
    runs: tuple[tuple[int, datetime], ...]
    before: int | None
    after: int | None
    columns: tuple[str, ...]
    rows: tuple[MoveRow, ...]
    totals: tuple[str, ...]
    counts: tuple[tuple[str, str], ...]
    causes: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]
    withheld: bool
    fact: int | None


def migration_view(visit: Visit, scheme: str, before: int | None, after: int | None) -> MigrationView:
    """The matrix as this role may see it.

    Raises:
        SchemeUnknown: nothing is defined under the name.
        BadInput: the runs are not two of this scheme in order of time.
    """
    try:
        shown = segment_history.migration(visit.house, scheme, before=before, after=after)
    except (OneRunOnly, NeverRun):
        return _empty(visit, scheme)
    found, told, counts = shown.found, shown.told(exact=visit.exact), Counts(visit.exact)
    pick, say = visit.tongue.pick, visit.tongue.say
    fullest = max((cell for row in told.cells for cell in row if cell is not None), default=0)
    names = _names(visit, found.before, say("not in the run before"))
    last = len(found.after.keys) - 1
    rows = tuple(
        MoveRow(
            names[r],
            tuple(
                _cell(visit, told.cells[r][c], fullest, small=told.small[r][c],
                      same=found.before.keys[r] == found.after.keys[c] != NOBODY_THERE,
                      never=r == len(names) - 1 and c == last)
                for c in range(last + 1)
            ),
            _number(visit, told.rows[r]),
        )
        for r in range(len(names))
    )  # fmt: skip
    return MigrationView(
        scheme=scheme,
        scheme_label=pick(shown.label),
        runs=tuple(reversed(shown.runs)),
        before=found.before.run,
        after=found.after.run,
        columns=_names(visit, found.after, say("left")),
        rows=rows,
        totals=tuple(_number(visit, each) for each in told.columns),
        counts=tuple((say(word), _number(visit, counts.see(number))) for word, number in _counts(shown)),
        causes=_causes(visit, shown, counts),
        reasons=_reasons(visit, shown, counts),
        withheld=any(cell.hidden for row in rows for cell in row.cells),
        fact=shown.fact,
    )


def _empty(visit: Visit, scheme: str) -> MigrationView:
    shown = segment_history.history(visit.house, scheme)
    label = visit.tongue.pick(shown.label)
    return MigrationView(scheme, label, (), None, None, (), (), (), (), (), (), withheld=False, fact=None)


def _names(visit: Visit, side: Side, absent: str) -> tuple[str, ...]:
    words = {NONE: visit.tongue.say("in no segment"), NOBODY_THERE: absent}
    return tuple(
        visit.tongue.pick(name) if name is not None else words[key]
        for key, name in zip(side.keys, side.names, strict=True)
    )


def _number(visit: Visit, count: int | None) -> str:
    return visit.tongue.say("below 10") if count is None else visit.tongue.formats.number(count)


def _cell(visit: Visit, count: int | None, fullest: int, *, small: bool, same: bool, never: bool) -> MoveCell:
    if never:
        return MoveCell("", 0, same=False, hidden=False)
    if count is None:
        return MoveCell("<\u202f10" if small else "–", 0, same, hidden=not small)
    shade = min(SHADES, 1 + int(SHADES * math.sqrt(count / fullest))) if count and fullest else 0
    return MoveCell(visit.tongue.formats.number(count), shade, same, hidden=False)


def _counts(shown: MigrationShown) -> tuple[tuple[str, int], ...]:
    found = shown.found
    return (
        (N_("In the same segment"), found.stayed),
        (N_("In another segment than before"), found.moved),
        (N_("Joined"), found.joined),
        (N_("Left"), found.left),
    )


def _causes(visit: Visit, shown: MigrationShown, counts: Counts) -> tuple[tuple[str, str], ...]:
    causes, say = shown.found.causes, visit.tongue.say
    if causes is None:
        return ()
    told = (
        (say("The customer changed"), causes.customer),
        (say("The model changed"), causes.model),
        (say("Moved in spite of a small margin, for the second time"), causes.second_time),
        (say("Wait for the next run, because so many may move and no more"), causes.queued),
        (say("Kept, because the margin was small"), causes.held),
        (say("Placed by the complaint desk"), causes.corrected),
        (say("Segment became too small"), causes.suppressed),
    )
    return tuple((word, _number(visit, counts.see(number))) for word, number in told)


def _reasons(visit: Visit, shown: MigrationShown, counts: Counts) -> tuple[tuple[str, str], ...]:
    """Why people left, most first; reasons of a few are counted together."""
    ordered = sorted(shown.found.reasons.items(), key=lambda pair: -pair[1])
    large = [(key, number) for key, number in ordered if counts.see(number) is not None]
    rest = sum(number for key, number in ordered) - sum(number for _, number in large)
    rows = [(visit.tongue.pick(REASON_TEXT[Reason(key)]), _number(visit, counts.see(number))) for key, number in large]
    if rest:
        rows.append((visit.tongue.say("Other reasons"), _number(visit, counts.see(rest))))
    return tuple(rows)


@router.get("/segments/{scheme}/migration")
def show(
    visit: Annotated[Visit, Depends(visiting(Right.SEGMENTS))],
    scheme: str,
    before: int | None = None,
    after: int | None = None,
) -> Response:
    """Who moved."""
    return visit.page("migration.html", view=migration_view(visit, scheme, before, after))
