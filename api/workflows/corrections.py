"""Corrections that want a human: their review day has come, or the segment they name is gone (REC-3).

They stay in force all the same: no run, and no day, takes a correction back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from governance.store import subject_row
from governance.vocabulary import Unit
from segmentation.corrections import due_reviews, homeless
from segmentation.periods import day_of

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from segmentation.store_corrections import CorrectionRow


@dataclass(frozen=True)
class WaitingCorrection:
    """One correction that wants a human; whom it concerns stays behind the pseudonym."""

    row: CorrectionRow = field(repr=False)
    unit: Unit
    pseudonym: bytes = field(repr=False)
    due: bool
    homeless: bool


def waiting(house: House, *, now: datetime) -> list[WaitingCorrection]:
    """Every correction that is due or without a home, the oldest review first; none of somebody erased."""
    today = day_of(now, house.catalogue.controller.time_zone)
    with house.work.reading() as connection:
        rows = {row.id: row for row in due_reviews(connection, today=today)}
        due = set(rows)
        gone = {row.id: row for row in homeless(connection)}
        found = []
        for row in sorted((rows | gone).values(), key=lambda one: (one.review_on, one.id)):
            person = subject_row(connection, row.subject)
            if person is not None and person.erased_at is None:
                unit, pseudonym = Unit(person.unit), bytes(person.pseudonym)
                found.append(WaitingCorrection(row, unit, pseudonym, row.id in due, row.id in gone))
    return found
