"""Rows of an activity file: their owners found (or made, if the mapping says so), then stored in clustered order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from api.workflows.contact_rows import placeholder
from api.workflows.people import PeopleWriter
from audit.database import STAGING_ROWS, in_batches
from governance import store
from governance.formats import RowError, RowProblem
from governance.intake import BatchReader
from governance.intake_activities import ActivityBatch, ActivityReader
from governance.keys import KeyRole, derive
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.wiring import House
    from api.workflows.import_report import Tally
    from governance.mapping import ImportMapping
    from governance.survey import Formats

SORTED_ROWS = 16 * STAGING_ROWS
"""Rows put in clustered order at a time: the table is stored by owner and day, files come by date."""


class ActivityRows:
    """Takes batches of an activity file; *number* is the import's, 0 in a dry run."""

    def __init__(
        self, house: House, mapping: ImportMapping, formats: Formats, tally: Tally, *, now: datetime, number: int
    ) -> None:
        self._house, self._mapping, self._formats, self._tally = house, mapping, formats, tally
        self._number, self._dry_run = number, not number
        self._writer = PeopleWriter(house, now=now, dry_run=not number)
        # The oldest look-up key: rotation must not make the lines that are held already look new.
        secret = derive(house.keys.all(KeyRole.LOOKUP)[-1], b"activity")
        self._reader = ActivityReader(mapping.columns, mapping.options.currency, secret)
        self._waiting: list[tuple[Any, ...]] = []
        self._would_make: set[tuple[Unit, str]] = set()

    def take(self, batch: pa.RecordBatch) -> None:
        """Read a batch and put its rows aside until there are enough to sort."""
        reader = BatchReader(batch, self._formats, self._house.catalogue)
        found = self._reader.read(reader)
        owners = self._owners(found)
        for at, owner in enumerate(owners):
            if owner is None:
                cell = self._mapping.columns.get("contact") or self._mapping.columns["account"]
                reader.errors.append(RowError(found.rows[at], cell.column or "", RowProblem.OWNER_UNKNOWN))
            elif owner < 0:
                self._tally.created += 1  # dry run: the owner would be new, so is the activity
            else:
                self._waiting.append(
                    (
                        owner,
                        found.days[at],
                        found.seqs[at],
                        found.kinds[at],
                        found.amounts[at],
                        found.quantities[at],
                        found.occasions[at],
                        found.currencies[at],
                        found.categories[at],
                        self._number,
                    )
                )
        self._tally.note(reader.errors)
        if len(self._waiting) >= SORTED_ROWS:
            self._store()

    def finish(self) -> None:
        """Store what is left."""
        self._store()

    def _store(self) -> None:
        self._waiting.sort(key=lambda row: row[:3])
        for rows in in_batches(self._waiting):
            if self._dry_run:
                with self._house.work.reading() as connection:
                    new = len(rows) - len(store.known_activities(connection, [row[:3] for row in rows]))
            else:
                with self._house.work.writing() as connection:
                    new = store.add_activities(connection, rows)
            self._tally.created += new
            self._tally.unchanged += len(rows) - new
        self._waiting.clear()

    def _owners(self, found: ActivityBatch) -> list[int | None]:
        """The id of each row's contact if it is known, else of its account; -1 for one a dry run would make."""
        contacts = self._known(Unit.CONTACT, found.contacts)
        accounts = self._known(Unit.ACCOUNT, found.accounts)
        if self._mapping.options.create_owners:
            self._make(found, contacts, accounts)
        owners: list[int | None] = []
        for at in range(len(found.rows)):
            contact = contacts.get(found.contacts[at] or "") if found.contacts is not None else None
            account = accounts.get(found.accounts[at] or "") if found.accounts is not None else None
            owners.append(account if contact is None else contact)
        return owners

    def _known(self, unit: Unit, references: Sequence[str | None] | None) -> dict[str, int]:
        named = [reference for reference in dict.fromkeys(references or ()) if reference]
        return self._writer.ids_of(unit, named) if named else {}

    def _make(self, found: ActivityBatch, contacts: dict[str, int], accounts: dict[str, int]) -> None:
        """Make the owners that are missing, accounts first; a contact is linked to the account of its first row."""
        self._add(Unit.ACCOUNT, [name for name in dict.fromkeys(found.accounts or ()) if name], accounts, None)
        if found.contacts is None:
            return
        links: dict[str, int | None] = {}
        for at, name in enumerate(found.contacts):
            if name and name not in links:
                links[name] = accounts.get(found.accounts[at] or "") if found.accounts is not None else None
        self._add(Unit.CONTACT, list(links), contacts, links)

    def _add(self, unit: Unit, names: list[str], known: dict[str, int], links: dict[str, int | None] | None) -> None:
        missing = [name for name in names if name not in known]
        if not missing:
            return
        theirs = None if links is None else [links[name] for name in missing]
        outcome = self._writer.put(placeholder(unit, missing), theirs)
        if self._dry_run:
            fresh = {(unit, name) for name in missing} - self._would_make
            self._would_make |= fresh
            self._tally.companions["created"] += len(fresh)
            known.update(dict.fromkeys(missing, -1))
            return
        self._tally.companions["created"] += outcome.created
        known.update({name: number for name, number in zip(missing, outcome.ids, strict=True) if number is not None})
