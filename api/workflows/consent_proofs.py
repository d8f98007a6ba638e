"""What outranks a row that an import may not take: the no that stands, with its place in the log (OBJ-10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from api.workflows.consent_rows import Outranking
from consent import ledger
from consent.replay import effective_at, objections_of, outranking
from governance.vocabulary import Act, Declaration, Scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consent.store_ledger import Recorded
    from governance.purposes import Purpose

Refused = tuple[int, Declaration]
"""Whom a row is about, and what it would have declared."""


def outrankings(
    connection: Connection, refused: Sequence[Refused], purposes: Mapping[str, Purpose]
) -> list[Outranking | None]:
    """For each refused row the declaration that outranks it; None where it stands in the same file of a dry run."""
    histories = ledger.recorded_of(connection, [number for number, _ in refused])
    found = [_standing_over(histories[number], declaration, purposes) for number, declaration in refused]
    entries = ledger.entries_of(connection, [each.seq for each in found if each is not None])
    return [None if each is None else _told(each, entries.get(each.seq)) for each in found]


def _standing_over(history: Sequence[Recorded], grant: Declaration, purposes: Mapping[str, Purpose]) -> Recorded | None:
    declarations = [each.declaration for each in history]
    over = outranking(declarations, grant) or wide_objection(declarations, purposes[grant.purpose or ""])
    return next((each for each in history if each.declaration is over), None)


def wide_objection(history: Sequence[Declaration], purpose: Purpose) -> Declaration | None:
    """The newest objection to more than one purpose that stops this one."""
    standing = objections_of(history)
    since = {
        Scope.GENERAL: standing.general_at,
        Scope.MARKETING: standing.marketing_at if purpose.marketing else None,
        Scope.PROFILING: standing.profiling_at if purpose.profiling else None,
    }
    raised = [d for d in history if d.act is Act.OBJECTED and d.scope in since and effective_at(d) == since[d.scope]]
    return max(raised, key=effective_at, default=None)


def _told(row: Recorded, entry: int | None) -> Outranking:
    d = row.declaration
    return Outranking(d.act, d.scope, d.source, d.said_at, d.received_at, entry)
