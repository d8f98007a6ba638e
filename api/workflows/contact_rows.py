"""Rows of a contact or account file: told apart, linked to their companies, and handed to the two databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from api.workflows.people import Outcome, PeopleWriter
from governance.formats import RowError, RowProblem
from governance.intake import BatchReader, PeopleBatch
from governance.seen import Seen, keys_of
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from api.wiring import House
    from api.workflows.import_report import Tally
    from governance.cells import Mask
    from governance.mapping import ImportMapping
    from governance.survey import Formats


def placeholder(unit: Unit, references: Sequence[str]) -> PeopleBatch:
    """People of whom only the reference is known."""
    return PeopleBatch(
        unit, [0] * len(references), references, {}, ["{}"] * len(references), frozenset(), {}, None, None
    )


class _PeopleRows:
    """What contact and account files have in common."""

    def __init__(
        self, house: House, mapping: ImportMapping, formats: Formats, tally: Tally, *, now: datetime, dry_run: bool
    ) -> None:
        self._house, self._mapping, self._formats, self._tally = house, mapping, formats, tally
        self._dry_run = dry_run
        self._writer = PeopleWriter(house, now=now, dry_run=dry_run)
        self._seen, self._seen_accounts = Seen(), Seen()

    def finish(self) -> None:
        """Nothing is left to do."""

    def _reader(self, batch: pa.RecordBatch) -> BatchReader:
        return BatchReader(batch, self._formats, self._house.catalogue)

    def _kept(self, reader: BatchReader) -> Mask:
        """Rows without an error whose reference is there and new in this file."""
        cell = self._mapping.columns["reference"]
        references = reader.text(cell)
        reader.note(references.is_null().to_numpy(zero_copy_only=False), cell, RowProblem.REFERENCE_MISSING)
        keep = ~reader.failed
        again = np.zeros(len(keep), dtype=bool)
        again[keep] = self._seen.count(keys_of(references.filter(pa.array(keep)).to_pylist())) > 0
        if self._mapping.options.on_duplicate == "error":
            reader.note(again, cell, RowProblem.REFERENCE_REPEATED)
        else:
            self._tally.skipped += int(again.sum())
        return keep & ~again

    def _count(self, outcome: Outcome, errors: Sequence[RowError]) -> None:
        self._tally.note([*errors, *outcome.errors])
        self._tally.created += outcome.created
        self._tally.updated += outcome.updated
        self._tally.unchanged += outcome.unchanged
        self._tally.changed.update(outcome.changed)

    def _put_companions(self, people: PeopleBatch, links: Sequence[int | None] | None) -> Outcome:
        outcome = self._writer.put(people, links)
        self._tally.companions.update(created=outcome.created, updated=outcome.updated, unchanged=outcome.unchanged)
        return outcome

    def _ensure_accounts(self, references: Sequence[str | None]) -> dict[str, int]:
        """Ids of these accounts; those never heard of are made with their reference alone."""
        wanted = list(dict.fromkeys(reference for reference in references if reference))
        found = self._writer.ids_of(Unit.ACCOUNT, wanted)
        missing = [reference for reference in wanted if reference not in found]
        if missing and self._dry_run:
            fresh = self._seen_accounts.count(keys_of(missing)) == 0
            self._tally.companions["created"] += int(fresh.sum())
        elif missing:
            outcome = self._put_companions(placeholder(Unit.ACCOUNT, missing), None)
            found |= {
                reference: number for reference, number in zip(missing, outcome.ids, strict=True) if number is not None
            }
        return found


class AccountRows(_PeopleRows):
    """Takes batches of an account file."""

    def take(self, batch: pa.RecordBatch) -> None:
        """Store the accounts of a batch and the parents they name."""
        reader = self._reader(batch)
        options = self._mapping.options
        build = reader.people(Unit.ACCOUNT, self._mapping.columns, self._mapping.fields, options.counterparty)
        accounts = build(self._kept(reader))
        links = None
        if accounts.links is not None:
            parents = self._ensure_accounts(accounts.links)
            links = [parents.get(reference or "") for reference in accounts.links]
        self._count(self._writer.put(accounts, links), reader.errors)


class ContactRows(_PeopleRows):
    """Takes batches of a contact file."""

    def take(self, batch: pa.RecordBatch) -> None:
        """Store the contacts of a batch and the accounts they belong to."""
        reader, mapping = self._reader(batch), self._mapping
        build = reader.people(Unit.CONTACT, mapping.columns, mapping.fields, mapping.options.counterparty)
        theirs: Callable[[Mask], PeopleBatch] | None = None
        references: pa.Array | None = None
        if mapping.account_columns:
            theirs = reader.people(
                Unit.ACCOUNT, mapping.account_columns, mapping.account_fields, mapping.options.counterparty
            )
            references = reader.text(mapping.account_columns["reference"])
        keep = self._kept(reader)
        contacts = build(keep)
        links = None
        if theirs is not None and references is not None:
            self._accounts(theirs(keep))
            named = references.filter(pa.array(keep)).to_pylist()
            ids = self._ensure_accounts(named)
            links = [ids.get(reference or "") for reference in named]
        self._count(self._writer.put(contacts, links), reader.errors)
        self._tally.blocked += self._blocked(contacts)

    def _accounts(self, accounts: PeopleBatch) -> None:
        """The first row of the file that names an account describes it."""
        again = self._seen_accounts.count(keys_of(list(accounts.references)))
        first = accounts.taken(np.flatnonzero(again == 0).tolist())
        if not first.references:
            return
        links = None
        if first.links is not None:
            parents = self._ensure_accounts(first.links)
            links = [parents.get(reference or "") for reference in first.links]
        outcome = self._put_companions(first, links)
        self._tally.changed.update({f"account.{name}": count for name, count in outcome.changed.items()})

    def _blocked(self, contacts: PeopleBatch) -> int:
        """How many have an address on the block list: they are taken, the channel is refused later (OBJ-6)."""
        emails, phones = contacts.details.get("email"), contacts.details.get("phone")
        blocked = np.zeros(len(contacts.references), dtype=bool)
        with self._house.work.reading() as connection:
            for kind, values in (("email", emails), ("phone", phones)):
                places = [] if values is None else [at for at, value in enumerate(values) if value]
                if values is not None and places:
                    asked = [values[at] or "" for at in places]
                    blocked[places] |= self._house.blocklist.blocked(connection, kind, asked)  # type: ignore[arg-type]
        return int(blocked.sum())
