"""Facts that open a channel, from a file; every row is taken whole or refused with what would mend it.

The vault resolves references and seals the evidence; the ledger sees numbers and sealed bytes only. Each piece of a
file is one transaction with one fact, and the same file again changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from api.workflows.consent_mapping import ConsentMapping, read_mapping
from api.workflows.ground_rows import GROUNDS, Facts, GroundNote, GroundProblem, GroundReader, GroundRow
from audit.database import EPOCH, STAGING_ROWS
from consent import grounds, ledger
from consent.grounds import CUSTOMER_FACTS, GroundEntry, GroundKind
from consent.store_grounds import businesses_among, rows_of
from governance import cells, store
from governance.files import ROW, Limits, open_table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor

PIECE = STAGING_ROWS // len(CUSTOMER_FACTS)
"""Rows of one transaction: each brings as many facts."""
MOST_NOTES = 1_000
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class GroundImport:
    """The answer to an import of facts: rows = recorded + unchanged + refused + failed."""

    dry_run: bool
    number: int | None
    rows: int
    recorded: int
    unchanged: int
    refused: int
    """Rows without the evidence of each fact, or with presumed consent of somebody who is no business."""
    failed: int
    dropped_columns: int
    notes: tuple[GroundNote, ...]
    note_counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        names = ("dry_run", "rows", "recorded", "unchanged", "refused", "failed", "dropped_columns")
        return {
            "kind": "grounds",
            "import": self.number,
            **{name: getattr(self, name) for name in names},
            "notes": [note.to_json() for note in self.notes],
            "notes_not_listed": max(0, sum(self.note_counts.values()) - len(self.notes)),
            "note_counts": dict(sorted(self.note_counts.items())),
        }


def import_grounds(
    house: House,
    source: Path | BinaryIO,
    mapping_text: str | None = None,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> GroundImport:
    """Take in a CSV or Parquet file of facts.

    Args:
        house: the home.
        source: a path, or a stream that is read once and never written anywhere.
        mapping_text: the mapping as TOML; without one the columns are found by their names.
        actor: who imports.
        now: the instant of the import.
        dry_run: report what would happen, and write nothing.
        limits: bounds of the file.
        progress: told the rows done and the rows in all.

    Raises:
        BadInput: the mapping has mistakes, or the file as a whole cannot be taken.
    """
    with open_table(source, source.name if isinstance(source, Path) else "", limits or Limits()) as table:
        mapping = read_mapping(mapping_text, table.columns, GROUNDS)
        dates = cells.DateEvidence()
        wanted = list(dict.fromkeys(mapping.columns.values()))
        table.check(wanted, lambda batch: _look(batch, mapping, dates))
        date_format = dates.decide()[0] if mapping.date_format == "auto" else mapping.date_format
        work = _Import(house, mapping, actor, now, dry_run)
        work.tally.fail(*(GroundNote(error.row, error.column, GroundProblem.ROW_SPOILED) for error in table.row_errors))
        done = 0
        for batch in table.batches(wanted, rows=PIECE):
            work.take(list(_rows(batch, mapping, date_format)))
            done += batch.num_rows
            if progress is not None:
                progress(done, table.rows)
        return work.report((table.rows or 0) + len(table.row_errors), len(table.columns) - len(wanted))


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[GroundNote] = field(default_factory=list)
    note_counts: Counter[str] = field(default_factory=Counter)

    def note(self, *notes: GroundNote) -> None:
        """Count each note, and keep the first ones."""
        for each in notes:
            self.note_counts[f"{each.column}: {each.reason.value}"] += 1
            if len(self.notes) < MOST_NOTES:
                self.notes.append(each)

    def fail(self, *notes: GroundNote) -> None:
        """Rows that cannot be read."""
        self.note(*notes)
        self.counts["failed"] += len({note.row for note in notes})


_Row = tuple[GroundRow, int, Facts]


class _Import:
    """One import under way: pieces of rows in, counts out."""

    def __init__(self, house: House, mapping: ConsentMapping, actor: Actor, now: datetime, dry_run: bool) -> None:
        self.tally = _Tally()
        self._house, self._mapping, self._actor, self._now, self._dry_run = house, mapping, actor, now, dry_run
        self._number: int | None = None
        self._reader = GroundReader(house.catalogue, now=now)

    def take(self, rows: Sequence[GroundRow]) -> None:
        """Take in one piece."""
        parsed = [(row, self._reader.parse(row)) for row in rows]
        found = _subjects(self._house, self._mapping, [row.words["reference"] for row, _ in parsed])
        with self._house.work.reading() as connection:
            numbers = sorted({number for number, _ in found.values()})
            businesses = businesses_among(connection, numbers)
            known = {(n, each.ground) for n, recorded in rows_of(connection, numbers).items() for each in recorded}
        kept: list[tuple[_Row, bytes]] = []
        for row, one in parsed:
            person = found.get(row.words["reference"])
            facts = self._facts(row, one, person is not None)
            if facts is None or person is None:
                continue
            number, handle = person
            if facts[0][0].kind is GroundKind.PRESUMED_CONSENT and number not in businesses:
                self.tally.counts["refused"] += 1
                self.tally.note(GroundNote(row.row, "channel", GroundProblem.NOT_A_BUSINESS))
            elif all((number, ground) in known for ground, _ in facts):
                self.tally.counts["unchanged"] += 1
            else:
                known.update((number, ground) for ground, _ in facts)
                kept.append(((row, number, facts), handle))
        self.tally.counts["recorded"] += len(kept)
        if kept and not self._dry_run:
            self._write([row for row, _ in kept], [handle for _, handle in kept])

    def _facts(self, row: GroundRow, one: Facts | list[GroundNote], is_known: bool) -> Facts | None:
        notes = [each for each in one if isinstance(each, GroundNote)]
        if notes:
            lacks = all(note.reason is GroundProblem.EVIDENCE_MISSING for note in notes)
            self.tally.counts["refused" if lacks else "failed"] += 1
            self.tally.note(*notes)
            return None
        if not is_known:
            self.tally.fail(GroundNote(row.row, "reference", GroundProblem.PERSON_UNKNOWN))
            return None
        return [each for each in one if not isinstance(each, GroundNote)]

    def _write(self, kept: Sequence[_Row], handles: Sequence[bytes]) -> None:
        """Seal, then record; whoever was erased or became a consumer in between is told apart."""
        pairs = [
            (handle, evidence) for (_, _, facts), handle in zip(kept, handles, strict=True) for _, evidence in facts
        ]
        sealed = iter(self._house.vault.seal_evidence(pairs))
        entries = [GroundEntry(number, ground, next(sealed)) for _, number, facts in kept for ground, _ in facts]
        places = [at for at, (_, _, facts) in enumerate(kept) for _ in facts]
        with self._house.work.writing() as connection:
            batch = self._import_number(connection)
            done = grounds.bulk_record(connection, entries, batch=batch, actor=self._actor, now=self._now)
        for positions, name, reason in (
            (done.missing, "failed", GroundProblem.PERSON_UNKNOWN),
            (done.refused, "refused", GroundProblem.NOT_A_BUSINESS),
        ):
            for at in sorted({places[position] for position in positions}):
                self.tally.counts.update({name: 1, "recorded": -1})
                self.tally.note(GroundNote(kept[at][0].row, "reference", reason))

    def _import_number(self, connection: Connection) -> int:
        if self._number is None:
            self._number = store.start_import(
                connection, "grounds", str(self._actor), self._mapping.digest, now=self._now
            )
        return self._number

    def report(self, rows: int, dropped: int) -> GroundImport:
        """Close the import."""
        counts = self.tally.counts
        result = GroundImport(
            dry_run=self._dry_run,
            number=self._number,
            rows=rows,
            dropped_columns=dropped,
            notes=tuple(sorted(self.tally.notes, key=lambda note: (note.row, note.column))),
            note_counts=dict(self.tally.note_counts),
            **{name: counts[name] for name in ("recorded", "unchanged", "refused", "failed")},
        )
        if self._number is not None:
            with self._house.work.writing() as connection:
                store.finish_import(connection, self._number, json.dumps(result.to_json()), now=self._now)
        return result


def _look(batch: pa.RecordBatch, mapping: ConsentMapping, dates: cells.DateEvidence) -> None:
    if "date" in mapping.columns:
        dates.look(batch.column(mapping.columns["date"]))


def _rows(batch: pa.RecordBatch, mapping: ConsentMapping, date_format: str) -> Iterator[GroundRow]:
    words = {
        key: cells.text(batch.column(mapping.columns[key])).to_pylist()
        if key in mapping.columns
        else [None] * len(batch)
        for key in GROUNDS.columns
    }
    if "date" in mapping.columns:
        numbers, present, unread = cells.days(batch.column(mapping.columns["date"]), date_format)
    else:
        numbers, present, unread = cells.days(pa.array([mapping.constants["date"]] * len(batch), pa.string()), "iso")
    spoiled = np.asarray(unread).tolist()
    for at, row in enumerate(batch.column(ROW).to_pylist()):
        told = {key: mapping.word(key, words[key][at]) for key in GROUNDS.columns}
        yield GroundRow(int(row), told, _day(int(numbers[at])) if present[at] else None, bool(spoiled[at]))


@cache
def _day(number: int) -> date:
    return (EPOCH + timedelta(days=number)).date()


def _subjects(house: House, mapping: ConsentMapping, references: Sequence[str]) -> dict[str, tuple[int, bytes]]:
    """Reference → number and pseudonym of those who are here."""
    unique = [each for each in dict.fromkeys(references) if each]
    handles = dict(zip(unique, house.vault.find(mapping.unit, unique), strict=True))
    with house.work.reading() as connection:
        numbers = ledger.subjects_of(connection, [handle for handle in handles.values() if handle is not None])
    return {
        reference: (numbers[handle], handle)
        for reference, handle in handles.items()
        if handle is not None and handle in numbers
    }
