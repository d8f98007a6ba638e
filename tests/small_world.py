"""A house with a few dozen invented contacts, their consents and one run: for prices, exports, explanations."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from api.wiring import House
from audit import log
from audit.database import from_microseconds, to_microseconds
from consent.ledger import declare
from governance.identity import Identity
from governance.tables import activity, profile, subject
from governance.vocabulary import OPERATOR, Act, Channel, Declaration, Scope, Source, Unit
from segmentation import store, store_activation
from segmentation.definitions import Definition, parse_definition
from segmentation.run import run
from segmentation.run_task import Task
from segmentation.store import DefinitionRow
from tests.builders import a_house

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = (NOON.date() - from_microseconds(0).date()).days

RULES: dict[str, Any] = {
    "scheme": "value",
    "label": {"de": "Kundenwert", "en": "Customer value"},
    "unit": "contact",
    "purpose": "personalised_offers",
    "kind": "rules",
    "features": [
        {"key": "orders", "activity": "count", "window": "P12M"},
        {"key": "last", "activity": "days_since_last", "window": "P24M"},
    ],
    "segments": [
        {
            "key": "gold",
            "name": {"de": "Stammkundschaft", "en": "Regulars"},
            "rule": {"feature": "orders", "at_least": 3},
        },
    ],
    "otherwise": {"key": "others", "name": {"de": "Übrige", "en": "Others"}},
}


def said(purpose: str | None, act: Act = Act.GIVEN, *, at: datetime = NOON - DAY, **more: Any) -> Declaration:
    """Something the subject said and we heard at once."""
    given: dict[str, Any] = {"scope": Scope.PURPOSE, "channel": None, "field": None, "source": Source.SUBJECT}
    return Declaration(act=act, purpose=purpose, said_at=at, received_at=at, **(given | more))


def identity_of(number: int) -> Identity:
    """Somebody at example.org with a phone in the range kept free for fiction."""
    details = {
        "given_name": "Ada",
        "family_name": f"Muster{number}",
        "company_name": "=1+1 GmbH" if number % 7 == 0 else "Muster GmbH",
        "email": f"ada.muster{number}@example.org",
        "phone": f"+4930231250{number:02d}",
    }
    return Identity(Unit.CONTACT, f"K{number:04d}", details)


def a_small_world(
    folder: Path,
    database_url: str | None = None,
    *,
    people: int = 60,
    gold: int = 30,
    purposes: Iterable[str] = ("personalised_offers",),
    channel: Channel | None = Channel.EMAIL,
) -> House:
    """A house with contacts 1 … *people*, all consenting; the first *gold* ordered four times, the others once."""
    return populate(a_house(folder, database_url), people=people, gold=gold, purposes=purposes, channel=channel)


def populate(
    house: House, *, people: int, gold: int, purposes: Iterable[str], channel: Channel | None = Channel.EMAIL
) -> House:
    """The same in a house that is there already, and empty."""
    numbers = range(1, people + 1)
    house.vault.store([(number.to_bytes(16, "big"), identity_of(number)) for number in numbers])
    with house.work.writing() as connection:
        connection.execute(insert(subject), [_subject(number) for number in numbers])
        connection.execute(insert(profile), [_profile(number) for number in numbers])
        connection.execute(insert(activity), [row for n in numbers for row in _orders(n, 4 if n <= gold else 1)])
    with house.work.writing() as connection:
        for number in numbers:
            for purpose in purposes:
                consents = [said(purpose)] + ([said(purpose, channel=channel)] if channel else [])
                declare(connection, number, consents, actor=OPERATOR, now=NOON - DAY)
    return house


def run_scheme(house: House, document: dict[str, Any], *, now: datetime = NOON) -> Definition:
    """Define and run a scheme."""
    definition = parse_definition(json.dumps(document), house.catalogue)
    with house.work.writing() as connection:
        log.lock(connection)  # versions and activations are counted up
        if store.definition_of(connection, definition.digest) is None:
            row = DefinitionRow(definition.digest, definition.scheme, 1, definition.document, now, "operator")
            store.add_definition(connection, row)
            store_activation.add(connection, row, "active", "none", actor="operator", now=now, preview=None)
    run(house.work, Task(definition, 1, house.catalogue, OPERATOR, now, "test"))
    return definition


def _subject(number: int) -> dict[str, Any]:
    return {
        "id": number, "pseudonym": number.to_bytes(16, "big"), "unit": "contact", "natural": True, "account": None,
        "parent": None, "counterparty": "business", "role_mailbox": False, "minor": None, "contract_active": None,
        "informed_at": NOON - 30 * DAY, "created_at": NOON - 30 * DAY, "updated_at": NOON - 30 * DAY,
    }  # fmt: skip


def _profile(number: int) -> dict[str, Any]:
    values = {"annual_revenue": 5_000_000 + number, "customer_since": "2020-01-15", "country": "DE"}
    return {"subject": number, "attributes": json.dumps(values), "observed_on": TODAY - 10, "observed": None}


def _orders(owner: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "owner": owner, "day": TODAY - 20 * (n + 1), "seq": n, "kind": "order", "amount": 10_000 + owner,
            "quantity": 1, "occasion": n, "currency": "EUR", "category": "paper", "batch": 1,
        }
        for n in range(count)
    ]  # fmt: skip


__all__ = ["DAY", "NOON", "RULES", "TODAY", "a_small_world", "identity_of", "run_scheme", "said", "to_microseconds"]
