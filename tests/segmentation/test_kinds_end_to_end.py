"""Every kind through a run: it assigns, its records replay, it is explained, and withheld values change nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.database import Database
from governance import tables
from governance.vocabulary import Text
from segmentation.explain import Surroundings, explain
from segmentation.models import Model, parse_model
from segmentation.record import Record, unpack
from segmentation.run import run
from segmentation.scoring import replays
from segmentation.store import latest_model
from segmentation.store_assignments import rows_of
from tests.builders import NOON
from tests.segmentation.builders import a_task, a_world, clusters, defined, rfm, withholds
from tests.segmentation.builders import reactivation as rules

ORDERS = [
    {"key": "count", "activity": "count"},
    {"key": "last", "activity": "days_since_last"},
    {"key": "first", "activity": "tenure"},
    {"key": "mean", "activity": "mean_order_value"},
]
WINDOWED = [
    {"key": "last", "activity": "days_since_last", "window": "P18M"},
    {"key": "count", "activity": "count", "window": "P12M"},
    {"key": "revenue", "activity": "sum", "window": "P12M"},
    {"key": "employees", "field": "employees"},
]
MIXED = [
    {"key": "land", "field": "country", "levels": ["DE", "AT"]},
    {"key": "satisfaction", "field": "satisfaction"},
    {"key": "employees", "field": "employees"},
    {"key": "orders", "activity": "count"},
]


def scheme(kind: str, part: dict[str, Any], features: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A scheme of a kind over the small world."""
    document = clusters(scheme=kind, kind=kind, minimum_size=10)
    document.pop("kmeans")
    return document | {kind: part, "features": features or clusters()["features"]}


KINDS: dict[str, dict[str, Any]] = {
    "rules": rules(minimum_size=10),
    "rfm": rfm(minimum_size=10),
    "abc": scheme("abc", {"features": ["revenue"]}),
    "clv": scheme(
        "clv", {"count": "count", "recency": "last", "tenure": "first", "value": "mean", "alive": 0.2}, ORDERS
    ),
    "kmeans": clusters(minimum_size=10),
    "ward": scheme("ward", {"k": 3, "transform": "sqrt"}),
    "mixture": scheme("mixture", {"k": {"from": 2, "to": 3}, "covariance": "diag"}),
    "latent_class": scheme(
        "latent_class", {"k": 2, "restarts": 5, "bins": {"employees": [100, 300], "orders": [0, 3]}}, MIXED
    ),
    "forecast": scheme("forecast", {"of": "leaving", "horizon": "P30D"}, WINDOWED),
}


def opened(work: Database, report: Any) -> tuple[Model, list[Record]]:
    """The model and every record of a run."""
    with work.reading() as connection:
        row = latest_model(connection, bytes.fromhex(report.definition))
        assert row is not None
        model = parse_model(row.document, row.digest)
        return model, [unpack(r.record, model.layout) for block in rows_of(connection, report.run) for r in block]


def decided(record: Record) -> tuple[object, ...]:
    """What a record says apart from its run; facts as text, so that none equals none."""
    return record.subject, record.scored, record.strength, str(record.facts), record.presence


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_assigns_replays_and_explains_in_both_languages(sqlite_work: Database, kind: str) -> None:
    """Whatever the method, the record and the stored model give the result again (Article 15(1)(h) GDPR)."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, KINDS[kind])

    report = run(sqlite_work, a_task(definition))

    model, records = opened(sqlite_work, report)
    assert len({record.scored for record in records if record.scored >= 0}) >= 2
    around = Surroundings({}, dict.fromkeys(definition.fields, True))
    for record in records[:30]:
        assert replays(model, record)
        said = explain(definition, model, record, around, decided_at=NOON)
        texts = [said.procedure, said.weighing.closeness, *(weight.text for weight in said.weighing.weights)]
        assert all(isinstance(text, Text) and text.de and text.en for text in texts)
        if said.counterfactual is not None:
            assert said.counterfactual.segment not in (record.effective, -1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "clv"])
def test_a_changed_value_that_is_withheld_changes_not_one_record(work: Database, kind: str) -> None:
    """A third withhold a field: the scheme still runs, and what they withhold decides nothing (Article 21 GDPR)."""
    a_world(work)
    field = "purchase_history" if kind in ("rfm", "abc", "rules") else "employees"
    for number in range(3, 200, 3):
        withholds(work, number, field)
    definition = defined(work, KINDS[kind])
    before = opened(work, run(work, a_task(definition)))[1]
    with work.writing() as connection:
        for number in range(3, 200, 3):
            update = tables.profile.update().where(tables.profile.c.subject == number)
            if field == "employees":
                row = connection.execute(tables.profile.select().where(tables.profile.c.subject == number)).one()
                values = json.dumps(json.loads(row.attributes) | {"employees": 99_999})
                connection.execute(update.values(attributes=values))
            else:
                orders = tables.activity.update().where(tables.activity.c.owner == number)
                connection.execute(orders.values(amount=1))

    after = opened(work, run(work, a_task(definition, refit=True)))[1]

    assert [decided(record) for record in before] == [decided(record) for record in after]


@pytest.mark.parametrize("kind", ["mixture", "latent_class"])
def test_a_refit_keeps_the_numbers_of_its_segments(sqlite_work: Database, kind: str) -> None:
    """Nobody changes segment because a random start numbered the groups otherwise (EXP-5)."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, KINDS[kind])
    run(sqlite_work, a_task(definition))

    again = run(sqlite_work, a_task(definition, refit=True))

    assert again.moved == 0
    assert float(again.fit["overlap"]) == 1
