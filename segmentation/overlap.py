"""How many members of one scheme's segments are members of another scheme's segments too, right now; counts only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from governance.catalogue import Catalogue
from governance.vocabulary import Text
from segmentation.definitions import Definition
from segmentation.membership import Live, members
from segmentation.report import ROUND_TO
from segmentation.small_tables import Mark, marks, rounded_up

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class SchemeOverlap:
    """The table of two schemes: people by segment here (row) and there (column); the last of each is in none."""

    here: str
    scheme: str
    """The other one."""
    label: Text
    keys: tuple[str, ...]
    names: tuple[Text, ...]
    """Of the other scheme's segments."""
    cells: tuple[tuple[int, ...], ...]
    totals: tuple[int, ...]
    """Members by segment here."""

    def rounded(self, least: int = ROUND_TO) -> tuple[tuple[int | None, ...], ...]:
        """As marketing may see it: None where a number would tell of a few people, directly or by subtraction.

        The table is read the same way round from both schemes' pages, so that neither tells what the other withholds.
        """
        cells = np.array(self.cells, dtype=np.int64)
        empty = np.zeros(cells.shape, dtype=bool)
        empty[-1, -1] = True
        if self.here < self.scheme:
            shown = marks(cells, least=least, empty=empty)
        else:
            shown = marks(cells.T, least=least, empty=empty.T).T
        return tuple(
            tuple(rounded_up(int(cell)) if mark == Mark.TOLD else None for cell, mark in zip(row, line, strict=True))
            for row, line in zip(cells, shown, strict=True)
        )


def combinable(catalogue: Catalogue, one: Definition, other: Definition) -> bool:
    """Whether two schemes may be laid over each other: of one unit, and each purpose may see the fields of the other.

    Else the table would tell one purpose what was found out for another (Article 5(1)(b) GDPR, PRI-1).
    """
    if one.unit is not other.unit or not {one.purpose, other.purpose} <= catalogue.purposes.keys():
        return False
    if one.purpose == other.purpose:
        return True
    pairs = ((one.purpose, other.fields), (other.purpose, one.fields))
    return all(
        key in catalogue.fields and purpose in catalogue.fields[key].purposes for purpose, keys in pairs for key in keys
    )


def overlap(
    connection: Connection, one: Live, other: Live, label: Text, catalogue: Catalogue, *, now: datetime
) -> SchemeOverlap:
    """Count who is where in both; everybody is asked for both purposes at this instant."""
    subjects, here = _places(connection, one, catalogue, now)
    others, there = _places(connection, other, catalogue, now)
    rows, columns = len(one.model.segments) + 1, len(other.model.segments) + 1
    _, mine, theirs = np.intersect1d(subjects, others, assume_unique=True, return_indices=True)
    table = np.bincount(here[mine] * columns + there[theirs], minlength=rows * columns).reshape(rows, columns)
    totals = np.bincount(here, minlength=rows)
    table[:-1, -1] = totals[:-1] - table[:-1, :-1].sum(axis=1)
    table[-1, :-1] = np.bincount(there, minlength=columns)[:-1] - table[:-1, :-1].sum(axis=0)
    return SchemeOverlap(
        here=one.scheme,
        scheme=other.scheme,
        label=label,
        keys=tuple(segment.key for segment in other.model.segments),
        names=tuple(segment.name for segment in other.model.segments),
        cells=tuple(tuple(int(cell) for cell in row) for row in table),
        totals=tuple(int(total) for total in totals[:-1]),
    )


def _places(connection: Connection, of: Live, catalogue: Catalogue, now: datetime) -> tuple[Counts, Counts]:
    purpose = catalogue.purpose(json.loads(of.definition.document)["purpose"])
    batches = list(members(connection, of, purpose, now=now))
    subjects = np.concatenate([np.zeros(0, dtype=np.int64), *(batch.subjects for batch in batches)])
    segments = np.concatenate([np.zeros(0, dtype=np.int64), *(batch.segments.astype(np.int64) for batch in batches)])
    order = np.argsort(subjects, kind="stable")
    return subjects[order], segments[order]
