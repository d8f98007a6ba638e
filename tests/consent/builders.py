"""People, declarations and purposes in one line each; everybody lives at example.org and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from audit import log
from audit.database import Database
from consent.freshness import day_number
from governance import tables
from governance.fields import Field, FieldType
from governance.purposes import Assessment, NoticeText, Purpose
from governance.vocabulary import Act, Channel, Declaration, EffectClass, LegalBasis, Scope, Source, Text

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = day_number(NOON.date())
DAY = timedelta(days=1)
BOTH = Text("Satz", "Sentence")


def a_purpose(basis: LegalBasis = LegalBasis.CONSENT, **changes: Any) -> Purpose:
    """A purpose with a valid assessment, no marketing, no profiling and every channel."""
    given: dict[str, Any] = {
        "key": "newsletter",
        "label": BOTH,
        "basis": basis,
        "notice": NoticeText("1", BOTH),
        "assessment": Assessment("LIA-1", date(2027, 12, 31)),
        "channels": frozenset(Channel),
        "categories": frozenset({"user.contact"}),
        "marketing": False,
        "profiling": False,
        "effect": EffectClass.NONE,
        "retention": "P3Y",
        "consent_validity": None,
    }
    return Purpose(**(given | changes))


def a_field(key: str, kind: FieldType = FieldType.INTEGER, **changes: Any) -> Field:
    """A field that the purpose `newsletter` may use."""
    given: dict[str, Any] = {
        "key": key,
        "label": BOTH,
        "type": kind,
        "unit": None,
        "category": "user.contact",
        "special": False,
        "quasi_identifier": False,
        "mutable": True,
        "suggestable": True,
        "staleness": None,
        "window": None,
        "purposes": frozenset({"newsletter"}),
        "levels": (),
    }
    return Field(**(given | changes))


def said(act: Act, when: datetime = NOON - DAY, **changes: Any) -> Declaration:
    """Something the subject said and we heard at once, about the purpose `newsletter`."""
    given: dict[str, Any] = {
        "scope": Scope.PURPOSE,
        "purpose": "newsletter",
        "channel": None,
        "field": None,
        "said_at": when,
        "received_at": when,
        "source": Source.SUBJECT,
    }
    return Declaration(act=act, **(given | changes))


def objected_to(scope: Scope, when: datetime = NOON - DAY, **changes: Any) -> Declaration:
    """A wide objection."""
    return said(Act.OBJECTED, when, **({"scope": scope, "purpose": None} | changes))


def a_subject(connection: Connection, number: int, **changes: Any) -> int:
    """A contact who is informed and of age, without account or contract."""
    given: dict[str, Any] = {
        "id": number,
        "pseudonym": number.to_bytes(16, "big"),
        "unit": "contact",
        "natural": True,
        "account": None,
        "parent": None,
        "counterparty": "business",
        "role_mailbox": False,
        "minor": None,
        "contract_active": None,
        "informed_at": NOON - 30 * DAY,
        "created_at": NOON - 30 * DAY,
        "updated_at": NOON - 30 * DAY,
        "restricted_at": None,
        "erased_at": None,
    }
    connection.execute(insert(tables.subject), given | changes)
    return number


def a_profile(
    connection: Connection, number: int, observed: dict[str, int] | None = None, on: int = TODAY, **values: Any
) -> None:
    """The stored values of a subject."""
    connection.execute(
        insert(tables.profile),
        {
            "subject": number,
            "attributes": json.dumps(values),
            "observed_on": on,
            "observed": None if observed is None else json.dumps(observed),
        },
    )


def an_order(connection: Connection, owner: int, day: int = TODAY, seq: int = 1, **changes: Any) -> None:
    """One order line of 10,00 €."""
    given: dict[str, Any] = {
        "owner": owner, "day": day, "seq": seq, "kind": "order", "amount": 1000, "quantity": 1, "occasion": seq,
        "currency": "EUR", "category": "paper", "batch": 1,
    }  # fmt: skip
    connection.execute(insert(tables.activity), given | changes)


def people(work: Database, numbers: Iterable[int], **changes: Any) -> None:
    """Several contacts and an empty log."""
    with work.writing() as connection:
        log.initialise(connection)
        for number in numbers:
            a_subject(connection, number, **changes)
