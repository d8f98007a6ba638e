"""Consents from a file: every row becomes a declaration, a note that says how to mend it, or both.

The vault resolves references and seals evidence; the ledger sees numbers and sealed bytes only. Each piece of a file is
one transaction with one fact, so that a kill leaves whole pieces, and the next attempt changes only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from api.workflows import blocking
from api.workflows.consent_cells import look, rows_of
from api.workflows.consent_mapping import ConsentMapping, read_mapping
from api.workflows.consent_proofs import outrankings
from api.workflows.consent_report import MOST_NOTES, ConsentImport, Tally
from api.workflows.consent_rows import ConsentNote, ConsentRow, Outranking, Parsed, RowReader
from api.workflows.consent_words import Problem
from api.workflows.declaring import Subject
from consent import ledger, notices
from consent.decision import LAW_ZONE, objection_reason
from consent.declarations import content
from consent.ledger import BulkDeclared, Entry
from consent.replay import DENIALS, objections_of, position_of
from consent.standing import DENYING_STATES
from governance import cells, store
from governance.files import Limits, open_table
from governance.formats import Detected
from governance.vocabulary import CHANNEL_BITS, Act, Declaration, Scope

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.blocking import Plan
    from governance.vocabulary import Actor

PIECE = 4_096
"""Rows of one transaction: about 0.2 s, so that an objection never waits long for an import."""
Progress = Callable[[int, int | None], None]
Kept = tuple[ConsentRow, int, Parsed]
"""A row, whom it is about, and what it says."""


def import_consents(
    house: House,
    source: Path | BinaryIO,
    mapping_text: str | None = None,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> ConsentImport:
    """Take in a CSV or Parquet file of consents; the same file again changes nothing.

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
        mapping = read_mapping(mapping_text, table.columns)
        dates = cells.DateEvidence()
        wanted = list(dict.fromkeys(mapping.columns.values()))
        table.check(wanted, lambda batch: look(batch, mapping, dates))
        date_format, unsure = dates.decide() if mapping.date_format == "auto" else (mapping.date_format, False)
        work = _Import(house, mapping, actor, now, dry_run)
        work.tally.note(*(ConsentNote(error.row, error.column, Problem.ROW_SPOILED) for error in table.row_errors))
        work.tally.counts["failed"] += len(table.row_errors)
        done = 0
        for batch in table.batches(wanted, rows=PIECE):
            work.take(list(rows_of(batch, mapping, date_format)))
            done += batch.num_rows
            if progress is not None:
                progress(done, table.rows)
        detected = table.detected.with_values(
            date_format=date_format if "date" in mapping.columns else None, ambiguous=("date_format",) if unsure else ()
        )
        return work.report((table.rows or 0) + len(table.row_errors), len(table.columns) - len(wanted), detected)


class _TakenBackError(Exception):
    """Carries the outcome of a dry run out of the transaction that it undoes."""

    def __init__(self, outcome: BulkDeclared) -> None:
        self.outcome = outcome


class _Import:
    """One import under way: pieces of rows in, counts out."""

    def __init__(self, house: House, mapping: ConsentMapping, actor: Actor, now: datetime, dry_run: bool) -> None:
        self.tally = Tally()
        self._house, self._mapping, self._actor, self._now, self._dry_run = house, mapping, actor, now, dry_run
        self._number: int | None = None
        if not dry_run:
            with house.work.writing() as connection:
                notices.register(connection, house.catalogue, now=now)
        with house.work.reading() as connection:
            known = notices.hashes(connection)
        self._reader = RowReader(house.catalogue, known, now=now)

    def take(self, rows: Sequence[ConsentRow]) -> None:
        """Take in one piece."""
        parsed = [(row, self._reader.parse(row)) for row in rows]
        ids = _subjects(self._house, self._mapping, [row.words["reference"] for row, one in parsed if one.declaration])
        with self._house.work.reading() as connection:
            before = ledger.histories(connection, sorted(set(ids.values())))
        known = {number: {content(d) for d in history} for number, history in before.items()}
        kept: list[Kept] = []
        over: list[Kept] = []
        for row, one in parsed:
            number = ids.get(row.words["reference"])
            self.tally.note(*one.notes)
            if one.declaration is None or number is None:
                self._fail(row, one)
            elif self._is_raised_over(before[number], one.declaration):
                over.append((row, number, one))
            elif content(one.declaration) in known[number] or _says_nothing_new(before[number], one):
                self.tally.counts["unchanged"] += 1
            else:
                kept.append((row, number, one))
        refused = self._write(kept) if kept else []
        self._refuse([*over, *refused])

    def _fail(self, row: ConsentRow, one: Parsed) -> None:
        self.tally.counts["failed"] += 1
        if one.declaration is not None:
            self.tally.note(ConsentNote(row.row, "reference", Problem.PERSON_UNKNOWN))

    def _refuse(self, rows: Sequence[Kept]) -> None:
        """Count rows that would raise what was denied; those that are listed come with what outranks them."""
        self.tally.counts["refused"] += len(rows)
        room = max(0, MOST_NOTES - len(self.tally.notes))
        asked = [(number, one.declaration) for _, number, one in rows[:room] if one.declaration is not None]
        proofs: list[Outranking | None] = []
        if asked:
            with self._house.work.reading() as connection:
                proofs = outrankings(connection, asked, self._house.catalogue.purposes)
        for at, (row, _, _) in enumerate(rows):
            proof = proofs[at] if at < len(proofs) else None
            self.tally.note(ConsentNote(row.row, "answer", Problem.DENIED_BEFORE, proof))

    def _is_raised_over(self, history: list[Declaration], declaration: Declaration) -> bool:
        """An objection wider than the purpose: no import raises anything over it (OBJ-10)."""
        if declaration.act is not Act.GIVEN or declaration.purpose is None or not history:
            return False
        purpose = self._house.catalogue.purposes[declaration.purpose]
        return objection_reason(purpose, objections_of(history), None) is not None

    def _write(self, kept: Sequence[Kept]) -> list[Kept]:
        """Record a piece; what it would raise comes back."""
        outcome = self._declare(kept)
        aside = {*outcome.repeated, *outcome.refused, *outcome.missing}
        self.tally.counts["unchanged"] += len(outcome.repeated)
        self.tally.counts["failed"] += len(outcome.missing)
        self.tally.note(*(ConsentNote(kept[at][0].row, "reference", Problem.PERSON_UNKNOWN) for at in outcome.missing))
        self._count(one for at, (_, _, one) in enumerate(kept) if at not in aside)
        return [kept[at] for at in outcome.refused]

    def _declare(self, kept: Sequence[Kept]) -> BulkDeclared:
        """Record a piece; a dry run does the same and takes it back."""
        sealed = [one.evidence for _, _, one in kept] if self._dry_run else self._seal(kept)
        entries = [
            Entry(number, one.declaration, seal)
            for (_, number, one), seal in zip(kept, sealed, strict=True)
            if one.declaration
        ]
        plans = [] if self._dry_run else self._plans(kept)
        try:
            with self._house.work.writing() as connection:
                batch = 0 if self._dry_run else self._import_number(connection)
                outcome = ledger.bulk_declare(connection, entries, batch=batch, actor=self._actor, now=self._now)
                if self._dry_run:
                    raise _TakenBackError(outcome)
                blocking.apply_each(connection, plans, now=self._now)
                return outcome
        except _TakenBackError as taken_back:
            return taken_back.outcome

    def _plans(self, kept: Sequence[Kept]) -> list[Plan]:
        """The addresses that the refusals of a piece put on the block list; an import takes none off (OBJ-6)."""
        said = [(number, one.declaration) for _, number, one in kept if one.declaration]
        refusing = [(number, declaration) for number, declaration in said if declaration.act in DENIALS]
        with self._house.work.reading() as connection:
            handles = store.pseudonyms_of(connection, [number for number, _ in refusing])
        people = [Subject(number, handle or b"") for (number, _), handle in zip(refusing, handles, strict=True)]
        return blocking.plan_each(self._house, [(one, [d]) for one, (_, d) in zip(people, refusing, strict=True)])

    def _import_number(self, connection: Connection) -> int:
        if self._number is None:
            self._number = store.start_import(
                connection, "consents", str(self._actor), self._mapping.digest, now=self._now
            )
        return self._number

    def _seal(self, kept: Sequence[Kept]) -> list[bytes | None]:
        """Evidence sealed under each person's own key, in the order of the rows."""
        wanted = [(at, number, one.evidence) for at, (_, number, one) in enumerate(kept) if one.evidence is not None]
        with self._house.work.reading() as connection:
            handles = store.pseudonyms_of(connection, [number for _, number, _ in wanted])
        pairs = [(handle or b"", evidence) for handle, (_, _, evidence) in zip(handles, wanted, strict=True)]
        sealed: list[bytes | None] = [None] * len(kept)
        for (at, _, _), seal in zip(wanted, self._house.vault.seal_evidence(pairs) if pairs else [], strict=True):
            sealed[at] = seal
        return sealed

    def _count(self, parsed: Iterator[Parsed]) -> None:
        for one in parsed:
            act = one.declaration.act if one.declaration else Act.UNKNOWN
            name = "denied" if act in DENIALS else {Act.GIVEN: "given", Act.UNKNOWN: "unknown"}.get(act, "other")
            self.tally.counts[name] += 1

    def report(self, rows: int, dropped: int, detected: Detected) -> ConsentImport:
        """Close the import."""
        counts = self.tally.counts
        names = ("given", "denied", "unknown", "other", "unchanged", "refused", "failed")
        result = ConsentImport(
            dry_run=self._dry_run,
            number=self._number,
            rows=rows,
            dropped_columns=dropped,
            detected=detected,
            notes=tuple(sorted(self.tally.notes, key=lambda note: (note.row, note.column))),
            note_counts=dict(self.tally.note_counts),
            **{name: counts[name] for name in names},
        )
        if self._number is not None:
            with self._house.work.writing() as connection:
                store.finish_import(connection, self._number, json.dumps(result.to_json()), now=self._now)
        return result


def _subjects(house: House, mapping: ConsentMapping, references: Sequence[str]) -> dict[str, int]:
    unique = list(dict.fromkeys(references))
    found = {
        reference: handle
        for reference, handle in zip(unique, house.vault.find(mapping.unit, unique), strict=True)
        if handle is not None
    }
    with house.work.reading() as connection:
        numbers = ledger.subjects_of(connection, list(found.values()))
    return {reference: numbers[handle] for reference, handle in found.items() if handle in numbers}


def _says_nothing_new(history: list[Declaration], one: Parsed) -> bool:
    """Rows whose time is not known to the instant: they count once, not again with each import."""
    d = one.declaration
    if d is None or not history:
        return False
    if one.dated:
        return d.act in DENIALS and any(_same_day(d, other) for other in history)
    stands = position_of(history)
    if d.scope is not Scope.PURPOSE:
        return bool(stands.objections.mask & {Scope.GENERAL: 1, Scope.MARKETING: 2, Scope.PROFILING: 4}[d.scope])
    standing = stands.standings.get(d.purpose or "")
    if standing is None:
        return False
    if d.act not in DENIALS:
        return standing.state is not None
    if d.channel is not None and standing.channels_denied & CHANNEL_BITS[d.channel]:
        return True
    return d.channel is None and (standing.objected or standing.state in DENYING_STATES)


def _same_day(d: Declaration, other: Declaration) -> bool:
    """The same no of the same day, imported before: on the day itself it counted up to that hour."""
    aims = [(each.act, each.scope, each.purpose, each.channel, each.source) for each in (d, other)]
    return aims[0] == aims[1] and d.said_at.astimezone(LAW_ZONE).date() == other.said_at.astimezone(LAW_ZONE).date()
