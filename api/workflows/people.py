"""Putting people into the two databases in the order that survives a crash: vault first, work second.

A vault row without a work row is an orphan that nobody can see; the next attempt finds it by its reference and gives
it its work row. A person is thus never half there. Whoever is being erased is not touched.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from audit.database import EPOCH, to_microseconds
from governance import store
from governance.formats import RowError, RowProblem
from governance.identity import Identity
from governance.intake import PeopleBatch
from governance.store import SubjectRow
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House

PSEUDONYM_BYTES = 16


@dataclass
class Outcome:
    """What became of a batch of people."""

    ids: list[int | None]
    """Subject ids in the order of the batch; None where nothing was written (failed, or a dry run)."""
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)


@dataclass
class _Plan:
    """The difference between a batch and what is held."""

    people: PeopleBatch
    links: Sequence[int | None] | None
    pseudonyms: list[bytes | None]
    held: list[SubjectRow | None]
    profiles: dict[int, tuple[str, int, str | None]]


class PeopleWriter:
    """Stores contacts or accounts; the same batch again changes nothing."""

    def __init__(self, house: House, *, now: datetime, dry_run: bool) -> None:
        self._house, self._now, self._dry_run = house, now, dry_run
        self._today = (now - EPOCH).days

    def ids_of(self, unit: Unit, references: Sequence[str]) -> dict[str, int]:
        """Subject ids of the references that are held and not being erased."""
        unique = list(dict.fromkeys(references))
        pseudonyms = dict(zip(unique, self._house.vault.find(unit, unique), strict=True))
        with self._house.work.reading() as connection:
            known = [pseudonym for pseudonym in pseudonyms.values() if pseudonym is not None]
            ids = dict(zip(known, store.subject_of(connection, known), strict=True))
            rows = store.subject_rows(connection, [number for number in ids.values() if number is not None])
        live = {number for number, row in rows.items() if row.erased_at is None}
        found = {reference: ids.get(pseudonym) for reference, pseudonym in pseudonyms.items() if pseudonym is not None}
        return {reference: number for reference, number in found.items() if number in live and number is not None}

    def put(self, people: PeopleBatch, links: Sequence[int | None] | None = None) -> Outcome:
        """Store a batch of different people; *links* are the ids of their accounts (or parents), where mapped."""
        plan = self._plan(people, links)
        outcome = Outcome(ids=[None if row is None else row.id for row in plan.held])
        fresh = [at for at, row in enumerate(plan.held) if row is None]
        known = [at for at, row in enumerate(plan.held) if row is not None and row.erased_at is None]
        for at, row in enumerate(plan.held):
            if row is not None and row.erased_at is not None:
                outcome.ids[at] = None
                outcome.errors.append(RowError(people.rows[at], "", RowProblem.ERASURE_UNDER_WAY))
        identities = self._seal(plan, fresh, known)
        self._write(plan, outcome, fresh, known, identities)
        return outcome

    def _plan(self, people: PeopleBatch, links: Sequence[int | None] | None) -> _Plan:
        pseudonyms = self._house.vault.find(people.unit, people.references)
        known = [pseudonym for pseudonym in pseudonyms if pseudonym is not None]
        if not known:
            return _Plan(people, links, pseudonyms, [None] * len(pseudonyms), {})
        with self._house.work.reading() as connection:
            ids = dict(zip(known, store.subject_of(connection, known), strict=True))
            numbers = [number for number in ids.values() if number is not None]
            rows = store.subject_rows(connection, numbers)
            profiles = store.profiles(connection, numbers)
        held = [None if pseudonym is None else rows.get(ids[pseudonym] or 0) for pseudonym in pseudonyms]
        return _Plan(people, links, pseudonyms, held, profiles)

    def _seal(self, plan: _Plan, fresh: Sequence[int], known: Sequence[int]) -> dict[int, set[str]]:
        """Bring the vault up to date; which identity fields changed, by position."""
        people, vault = plan.people, self._house.vault
        new, orphans = [], []
        for at in fresh:
            pseudonym = plan.pseudonyms[at]
            if pseudonym is None:
                pseudonym = plan.pseudonyms[at] = os.urandom(PSEUDONYM_BYTES)
                new.append((pseudonym, people.identity(at)))
            else:
                orphans.append((pseudonym, people.identity(at)))
        if not self._dry_run:
            vault.store(new)
            if orphans:
                differs = vault.changed(orphans)
                vault.update([pair for pair, other in zip(orphans, differs, strict=True) if other])
        return self._reseal(plan, known) if people.details else {}

    def _reseal(self, plan: _Plan, known: Sequence[int]) -> dict[int, set[str]]:
        people, vault = plan.people, self._house.vault
        pairs = [(plan.pseudonyms[at] or b"", people.identity(at)) for at in known]
        maybe = [at for at, differs in zip(known, vault.changed(pairs), strict=True) if differs]
        changes: dict[int, set[str]] = {}
        updates: list[tuple[bytes, Identity]] = []
        for at, before in zip(maybe, vault.reveal([plan.pseudonyms[at] or b"" for at in maybe]), strict=True):
            given = people.identity(at)
            old = {} if before is None else {name: value for name, value in before.details.items() if value}
            kept = {name: value for name, value in old.items() if name not in people.details}
            merged = {**kept, **given.details}
            differing = {name for name in old.keys() | merged.keys() if old.get(name) != merged.get(name)}
            if differing:
                changes[at] = differing
                updates.append((plan.pseudonyms[at] or b"", Identity(given.unit, given.reference, merged)))
        if updates and not self._dry_run:
            vault.update(updates)
        return changes

    def _write(
        self, plan: _Plan, outcome: Outcome, fresh: Sequence[int], known: Sequence[int], identities: dict[int, set[str]]
    ) -> None:
        subjects, profiles, touched = [], [], []
        for at in known:
            row = plan.held[at]
            assert row is not None
            changed = set(identities.get(at, ()))
            after = self._subject_after(plan, at, row)
            if after != row:
                subjects.append(after)
                changed |= {name for name in store.CHANGEABLE if getattr(after, name) != getattr(row, name)}
            profile, fields = self._profile_after(plan, at, row.id)
            if profile is not None:
                profiles.append(profile)
                changed |= fields
            if changed or profile is not None:
                outcome.changed.update(changed)
                outcome.updated += 1
                touched.append(row.id)
            else:
                outcome.unchanged += 1
        outcome.created = len(fresh)
        if self._dry_run or not (fresh or touched):
            return
        with self._house.work.writing() as connection:
            self._change(connection, subjects, profiles, touched)
            self._add(connection, plan, outcome, fresh)

    def _change(
        self,
        connection: Connection,
        subjects: Sequence[SubjectRow],
        profiles: Sequence[tuple[int, str, int, str | None]],
        touched: Sequence[int],
    ) -> None:
        """Write what differs, but for whoever was erased since it was read."""
        erased = {
            number for number, row in store.subject_rows(connection, touched).items() if row.erased_at is not None
        }
        store.change_subjects(connection, [row for row in subjects if row.id not in erased], now=self._now)
        store.touch_subjects(connection, [number for number in touched if number not in erased], now=self._now)
        store.change_profiles(connection, [row for row in profiles if row[0] not in erased])

    def _add(self, connection: Connection, plan: _Plan, outcome: Outcome, fresh: Sequence[int]) -> None:
        if not fresh:
            return
        people, first, at_now = plan.people, store.next_number(connection), to_microseconds(self._now)
        contact = people.unit is Unit.CONTACT
        counterparty, minor = people.state.get("counterparty"), people.state.get("minor")
        natural, role = people.state.get("natural"), people.state.get("role_mailbox")
        contract, informed = people.state.get("contract_active"), people.state.get("informed_at")
        subjects, profiles = [], []
        for number, at in enumerate(fresh, first):
            outcome.ids[at] = number
            link = None if plan.links is None else plan.links[at]
            subjects.append(
                (
                    number,
                    plan.pseudonyms[at],
                    people.unit.value,
                    contact or natural is None or natural[at],
                    link if contact else None,
                    None if contact else link,
                    "unknown" if counterparty is None else counterparty[at],
                    False if role is None else role[at],
                    None if minor is None else minor[at],
                    None if contract is None else contract[at],
                    None if informed is None else informed[at],
                    at_now,
                    at_now,
                )
            )
            day = None if people.observed is None else people.observed[at]
            profiles.append((number, people.attributes[at], self._today if day is None else day, None))
        store.add_subjects(connection, subjects)
        store.add_profiles(connection, profiles)

    def _subject_after(self, plan: _Plan, at: int, row: SubjectRow) -> SubjectRow:
        people = plan.people
        values: dict[str, Any] = {name: column[at] for name, column in people.state.items()}
        if values.get("informed_at") is None:
            values.pop("informed_at", None)  # whoever was informed stays informed
        if plan.links is not None:
            values["account" if people.unit is Unit.CONTACT else "parent"] = plan.links[at]
        stored = {name: getattr(row, name) for name in values}
        return row if stored == values else replace(row, **values)

    def _profile_after(
        self, plan: _Plan, at: int, number: int
    ) -> tuple[tuple[int, str, int, str | None] | None, set[str]]:
        """The profile to write, if it differs, and the fields that do."""
        people = plan.people
        text, day, days = plan.profiles.get(number, ("{}", self._today, None))
        stated = None if people.observed is None else people.observed[at]
        if not people.keys or (people.attributes[at] == text and (stated is None or (stated == day and days is None))):
            return None, set()
        before, given = json.loads(text), json.loads(people.attributes[at])
        after = {name: value for name, value in before.items() if name not in people.keys} | given
        fields = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        old_days = {name: (json.loads(days) if days else {}).get(name, day) for name in before}
        new_days = dict(old_days)
        for name in given:
            if name in fields or stated is not None:
                new_days[name] = self._today if stated is None else stated
        differing = {name: new_days[name] for name in sorted(after) if new_days[name] != day}
        if not fields and differing == (json.loads(days) if days else {}):
            return None, set()
        attributes = json.dumps(after, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        observed = json.dumps(differing, separators=(",", ":")) if differing else None
        return (number, attributes, day, observed), fields
