"""A small world to segment: contacts with orders and profiles, schemes over them, acts of single people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from audit import log
from audit.database import Database, insert_rows, to_microseconds
from audit.fact import Fact
from consent.tables import standing, withheld
from governance import tables
from governance.catalogue import Catalogue, parse_catalogue
from governance.vocabulary import ENGINE
from segmentation import store
from segmentation.definitions import Definition, parse_definition
from segmentation.run import run
from segmentation.run_task import Task
from segmentation.store import DefinitionRow
from tests.builders import NOON, default_catalogue
from tests.consent.builders import TODAY

PURPOSE = "service_segmentation"
CATALOGUE: Catalogue = parse_catalogue(default_catalogue())

SUBJECT_COLUMNS = (
    "id", "pseudonym", "unit", "natural", "counterparty", "role_mailbox", "informed_at", "created_at", "updated_at",
)  # fmt: skip
ACTIVITY_COLUMNS = (
    "owner", "day", "seq", "kind", "amount", "quantity", "occasion", "currency", "category", "batch",
)  # fmt: skip
NAME = {"de": "Gruppe", "en": "Group"}


def a_world(work: Database, people: int = 200, *, seed: int = 1) -> None:
    """Contacts 1 … *people*, all informed; a third ordered long ago, a third often, a third never."""
    random = np.random.default_rng(seed)
    told = to_microseconds(NOON) - 30 * 86_400_000_000
    with work.writing() as connection:
        log.initialise(connection)
        insert_rows(
            connection,
            tables.subject,
            SUBJECT_COLUMNS,
            (
                (number, number.to_bytes(16, "big"), "contact", True, "business", False, told, told, told)
                for number in range(1, people + 1)
            ),
        )
        insert_rows(
            connection,
            tables.profile,
            ("subject", "attributes", "observed_on"),
            ((number, json.dumps(_profile(number, random)), TODAY) for number in range(1, people + 1)),
        )
        insert_rows(connection, tables.activity, ACTIVITY_COLUMNS, _orders(people, random))


def _profile(number: int, random: np.random.Generator) -> dict[str, Any]:
    return {
        "employees": int(random.integers(1, 500)),
        "annual_revenue": int(random.integers(1_000, 9_000_000)),
        "satisfaction": int(random.integers(1, 6)),
        "country": "DE" if number % 2 else "AT",
    }


def _orders(people: int, random: np.random.Generator) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for number in range(1, people + 1):
        kind = number % 3
        for order in range((2, 9, 0)[kind]):
            age = int(random.integers(200, 600)) if kind == 0 else int(random.integers(0, 120))
            amount = int(random.integers(500, 90_000))
            category = ("paper", "ink")[order % 2]
            seq = number * 100 + order
            rows.append((number, TODAY - age, seq, "order", amount, 1, seq, "EUR", category, 1))
    return sorted(rows)


def reactivation(**changes: Any) -> dict[str, Any]:
    """A rules scheme: asleep, regular, others."""
    given: dict[str, Any] = {
        "scheme": "reactivation",
        "unit": "contact",
        "purpose": PURPOSE,
        "kind": "rules",
        "features": [
            {"key": "last_order", "activity": "days_since_last"},
            {"key": "orders", "activity": "count", "window": "P12M"},
            {"key": "revenue", "activity": "sum"},
            {"key": "employees", "field": "employees"},
        ],
        "segments": [
            {
                "key": "asleep",
                "name": {"de": "Reaktivieren", "en": "Reactivate"},
                "rule": {"last_order_before": "P180D"},
            },
            {"key": "regular", "name": NAME, "rule": {"feature": "orders", "at_least": 3}},
        ],
        "otherwise": {"key": "others", "name": {"de": "Übrige", "en": "Others"}},
    }
    return given | changes


def rfm(**changes: Any) -> dict[str, Any]:
    """An RFM scheme with the default segments."""
    given: dict[str, Any] = {
        "scheme": "rfm",
        "unit": "contact",
        "purpose": PURPOSE,
        "kind": "rfm",
        "features": [
            {"key": "recency", "activity": "days_since_last"},
            {"key": "frequency", "activity": "count"},
            {"key": "monetary", "activity": "sum"},
        ],
        "rfm": {"recency": "recency", "frequency": "frequency", "monetary": "monetary"},
    }
    return given | changes


def clusters(**changes: Any) -> dict[str, Any]:
    """A k-means scheme of three segments that name themselves."""
    given: dict[str, Any] = {
        "scheme": "clusters",
        "unit": "contact",
        "purpose": PURPOSE,
        "kind": "kmeans",
        "features": [
            {"key": "orders", "activity": "count"},
            {"key": "revenue", "activity": "sum"},
            {"key": "employees", "field": "employees"},
            {"key": "satisfaction", "field": "satisfaction"},
        ],
        "kmeans": {"k": 3, "transform": "sqrt", "seed": 7},
    }
    return given | changes


def defined(
    work: Database, document: dict[str, Any], version: int = 1, *, catalogue: Catalogue = CATALOGUE
) -> Definition:
    """The definition, stored as a version."""
    definition = parse_definition(json.dumps(document), catalogue)
    with work.writing() as connection:
        store.add_definition(
            connection,
            DefinitionRow(definition.digest, definition.scheme, version, definition.document, NOON, "operator"),
        )
    return definition


def a_task(definition: Definition, now: datetime = NOON, **changes: Any) -> Task:
    """The order of a run, with a fixed source of randomness."""
    given: dict[str, Any] = {
        "definition": definition,
        "version": 1,
        "catalogue": CATALOGUE,
        "actor": ENGINE,
        "now": now,
        "code_version": "0.1.0",
        "entropy": fixed(),
    }
    return Task(**(given | changes))


def ran(work: Database, document: dict[str, Any], **changes: Any) -> Any:
    """Define a scheme and run it once."""
    return run(work, a_task(defined(work, document), **changes))


def fixed() -> Callable[[int], bytes]:
    """Bytes that are the same in every test."""
    random = np.random.default_rng(42)
    return random.bytes


def objects(work: Database, subject: int, now: datetime = NOON) -> None:
    """The subject objects to the purpose: projection and fact in one transaction."""
    row = {
        "purpose": PURPOSE, "subject": subject, "state": None, "valid_until": None, "granted_at": None,
        "objected": 1, "channels": 0, "channels_denied": 0, "seq": 1,
    }  # fmt: skip
    with work.writing() as connection:
        connection.execute(standing.insert(), row)
        log.append(connection, [Fact("consent:objected", "subject", now, {}, (subject,))])


def withholds(work: Database, subject: int, field: str, now: datetime = NOON) -> None:
    """The subject withholds a field for the purpose."""
    row = {"purpose": PURPOSE, "field": field, "subject": subject, "released": 0, "seq": 1}
    with work.writing() as connection:
        connection.execute(withheld.insert(), row)
        log.append(connection, [Fact("consent:field_withheld", "subject", now, {}, (subject,))])
