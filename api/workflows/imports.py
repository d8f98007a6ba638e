"""Import contacts, accounts, activities and protected attributes; nothing that is not mapped is ever kept.

The whole file is judged before its first row is taken, so a file that is refused leaves no trace. Then rows are taken
in batches, each whole or not at all; whoever kills an import half-way repeats it, and what is there already stays as it
is. New contacts get no permission of any kind (Article 25(2) GDPR).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from api.workflows.activity_rows import ActivityRows
from api.workflows.attribute_rows import AttributeRows
from api.workflows.contact_rows import AccountRows, ContactRows
from api.workflows.import_report import ImportReport, Tally
from audit import log
from audit.fact import Fact, FactValue
from governance import store
from governance.files import Limits, Source, SourceTable, open_table
from governance.mapping import ImportMapping, parse_mapping
from governance.suggest import suggest
from governance.survey import Formats, Survey

if TYPE_CHECKING:
    from api.wiring import House
    from governance.vocabulary import Actor

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Suggestion:
    """A mapping proposed for a file."""

    text: str
    """TOML that parses; comments say what was left out and why."""

    def to_json(self) -> dict[str, str]:
        """The text under one key."""
        return {"mapping": self.text}


def suggest_mapping(house: House, source: Source, *, name: str = "", limits: Limits | None = None) -> Suggestion:
    """Propose a mapping from the headers and the shapes of the first values; nothing is stored."""
    with open_table(source, name or _name(source), limits) as table:
        return Suggestion(suggest(table.sample(), table.detected, house.catalogue))


def import_contacts(
    house: House,
    source: Source,
    mapping_text: str,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> ImportReport:
    """Import contacts, with their accounts where the mapping names them.

    Raises:
        FileRefused, MappingInvalid: nothing was kept.
    """
    call = _Call(house, source, mapping_text, "contacts", actor, now, dry_run, progress, limits)
    return call.run(
        lambda mapping, formats, tally, number: ContactRows(house, mapping, formats, tally, now=now, dry_run=not number)
    )


def import_accounts(
    house: House,
    source: Source,
    mapping_text: str,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> ImportReport:
    """Import accounts, with their parents where the mapping names them.

    Raises:
        FileRefused, MappingInvalid: nothing was kept.
    """
    call = _Call(house, source, mapping_text, "accounts", actor, now, dry_run, progress, limits)
    return call.run(
        lambda mapping, formats, tally, number: AccountRows(house, mapping, formats, tally, now=now, dry_run=not number)
    )


def import_activities(
    house: House,
    source: Source,
    mapping_text: str,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> ImportReport:
    """Import orders, returns and other acts of contacts and accounts.

    Raises:
        FileRefused, MappingInvalid: nothing was kept.
    """
    call = _Call(house, source, mapping_text, "activities", actor, now, dry_run, progress, limits)
    return call.run(
        lambda mapping, formats, tally, number: ActivityRows(house, mapping, formats, tally, now=now, number=number)
    )


def import_attributes(
    house: House,
    source: Source,
    mapping_text: str,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> ImportReport:
    """Replace protected attributes for the fairness check; they go to the protected store and nowhere else.

    Raises:
        FileRefused, MappingInvalid: nothing was kept.
    """
    call = _Call(house, source, mapping_text, "attributes", actor, now, dry_run, progress, limits)
    return call.run(
        lambda mapping, formats, tally, number: AttributeRows(house, mapping, formats, tally, dry_run=not number)
    )


class RowTaker(Protocol):
    """What takes the batches of one kind of file."""

    def take(self, batch: pa.RecordBatch) -> None:
        """Store what the batch says."""
        ...

    def finish(self) -> None:
        """After the last batch."""
        ...


RowsFor = Callable[[ImportMapping, Formats, Tally, int], RowTaker]
"""Makes the taker; the number of the import is 0 in a dry run."""


@dataclass(frozen=True)
class _Call:
    house: House
    source: Source
    text: str
    kind: str
    actor: Actor
    now: datetime
    dry_run: bool
    progress: Progress | None
    limits: Limits | None

    def run(self, rows_for: RowsFor) -> ImportReport:
        """Judge the file, then take its rows, then record and log the import."""
        mapping = parse_mapping(self.text, self.house.catalogue, self.kind)
        options, tally = mapping.options, Tally()
        name = _name(self.source)
        with open_table(
            self.source, name, self.limits, encoding=options.encoding, delimiter=options.delimiter
        ) as table:
            mapping.check_columns(table.columns)
            columns = mapping.source_columns()
            survey = Survey(mapping, self.house.catalogue)
            table.check(columns, survey.look)
            formats, detected = survey.decide(table.detected)
            tally.note(table.row_errors)
            number = 0 if self.dry_run else self._start(mapping)
            self._take(table, columns, rows_for(mapping, formats, tally, number))
            dropped = sum(1 for column in table.columns if column not in columns)
            report = tally.report(self.kind, detected, number=None if self.dry_run else number, dropped=dropped)
        if not self.dry_run:
            self._finish(number, mapping, report)
        return report

    def _take(self, table: SourceTable, columns: tuple[str, ...], rows: RowTaker) -> None:
        done = 0
        for batch in table.batches(columns):
            rows.take(batch)
            done += batch.num_rows
            if self.progress is not None:
                self.progress(done, table.rows)
        rows.finish()

    def _start(self, mapping: ImportMapping) -> int:
        """Note that rows are coming, before the first is stored: an import that breaks off leaves people too."""
        with self.house.work.writing() as connection:
            number = store.start_import(connection, self.kind, str(self.actor), mapping.digest, now=self.now)
            body: dict[str, FactValue] = {"import": number, "of": self.kind, "mapping": mapping.digest}
            log.append(connection, [Fact("import:began", str(self.actor), self.now, body)])
        return number

    def _finish(self, number: int, mapping: ImportMapping, report: ImportReport) -> None:
        document = json.dumps(report.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        fact = Fact(
            f"{self.kind}:imported",
            str(self.actor),
            self.now,
            {
                "import": number,
                "mapping": mapping.digest,
                "rows": report.rows,
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "failed": report.failed,
                "skipped": report.skipped,
            },
        )
        with self.house.work.writing() as connection:
            store.finish_import(connection, number, document, now=self.now)
            log.append(connection, [fact])


def _name(source: Source) -> str:
    return source.name if isinstance(source, Path) else ""
