"""What the database decides about everybody is what the pure table decides about each one."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from audit import log
from audit.database import Database, to_microseconds
from consent import relations, store, store_grounds
from consent.channels import Grounds, channel_decision, refusal
from consent.decision import decide
from consent.permission import PopulationRequest, decide_one, lawful, permitted, refused
from consent.tables import objection, open_channel, standing, withheld
from governance.fields import FieldType
from governance.purposes import Assessment, Purpose
from governance.vocabulary import Channel, ConsentState, Decision, EffectClass, LegalBasis, Unit
from tests.consent.builders import DAY, NOON, a_field, a_purpose, a_subject, an_order

MOMENTS = (None, NOON - 2 * DAY, NOON - DAY, NOON, NOON + DAY)
EXPIRED = Assessment("LIA-1", date(2026, 11, 21))
LAST_DAY = Assessment("LIA-1", date(2026, 11, 22))

PURPOSES = [
    a_purpose(basis, marketing=marketing, profiling=profiling, effect=effect, assessment=assessment)
    for basis, marketing, profiling, effect, assessment in product(
        LegalBasis, (False, True), (False, True), (EffectClass.NONE, EffectClass.PRICE), (LAST_DAY, EXPIRED, None)
    )
]


def a_crowd(work: Database, size: int, seed: int) -> None:
    """Subjects of every kind, standings and objections of every kind."""
    pick = random.Random(seed)
    with work.writing() as connection:
        log.initialise(connection)
        for number in range(1, size + 1):
            a_subject(connection, number * 3, **_anybody(pick))
            if pick.random() < 0.8:
                connection.execute(insert(standing), _any_standing(pick, number * 3))
            if pick.random() < 0.5:
                moments = {f"{scope}_at": pick.choice(MOMENTS) for scope in ("general", "marketing", "profiling")}
                connection.execute(insert(objection), {"subject": number * 3, "seq": 1, **moments})
            if pick.random() < 0.7:
                connection.execute(insert(open_channel), _any_opening(pick, number * 3))


def _anybody(pick: random.Random) -> dict[str, Any]:
    return {
        "unit": pick.choice(["contact", "account"]),
        "natural": pick.random() < 0.8,
        "minor": pick.choice([None, False, False, True]),
        "contract_active": pick.choice([None, False, True]),
        "informed_at": pick.choice(MOMENTS),
        "counterparty": pick.choice(["consumer", "business", "unknown"]),
        "restricted_at": NOON if pick.random() < 0.1 else None,
        "erased_at": NOON if pick.random() < 0.1 else None,
    }


def _any_standing(pick: random.Random, number: int) -> dict[str, Any]:
    state = pick.choice([None, *ConsentState, ConsentState.GIVEN, ConsentState.RENEWED])
    return {
        "purpose": pick.choice(["newsletter", "newsletter", "newsletter", "other"]),
        "subject": number,
        "state": None if state is None else state.value,
        "valid_until": pick.choice(MOMENTS),
        "granted_at": pick.choice(MOMENTS),
        "objected": int(pick.random() < 0.2),
        "channels": pick.randrange(16),
        "channels_denied": pick.randrange(16) if pick.random() < 0.5 else 0,
        "seq": 1,
    }


def _any_opening(pick: random.Random, number: int) -> dict[str, Any]:
    return {
        "purpose": pick.choice(["newsletter", "newsletter", "newsletter", "other"]),
        "subject": number,
        "customer": pick.randrange(16),
        "presumed": pick.randrange(16),
    }


def _sample(count: int) -> list[tuple[Purpose, Channel | None]]:
    pick = random.Random(7)
    every = list(product(PURPOSES, (None, *Channel)))
    return pick.sample(every, count)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_bulk_decision_lets_through_exactly_whom_the_table_lets_through(work: Database, seed: int) -> None:
    """Articles 6, 7, 8, 18, 21 GDPR and § 7 UWG: nobody slips through because the question was asked in bulk."""
    a_crowd(work, 60, seed)

    with work.reading() as connection:
        for purpose, channel in _sample(8):
            for unit in Unit:
                request = PopulationRequest(purpose, unit, (), channel)
                population = permitted(connection, request, now=NOON)
                assert population.total == population.size + sum(population.left_out.values())
        everybody = np.arange(3, 183, 3)
        for purpose, channel in _sample(6):
            one_by_one = [decide_one(connection, int(each), purpose, now=NOON, channel=channel) for each in everybody]
            in_bulk = lawful(connection, everybody, purpose, now=NOON, channel=channel)
            assert in_bulk.tolist() == [decision.lawful for decision in one_by_one]
            _same_reasons(connection, purpose, channel, dict(zip(everybody.tolist(), one_by_one, strict=True)))


def _same_reasons(connection: Any, purpose: Purpose, channel: Channel | None, expected: dict[int, Any]) -> None:
    ids, codes = store.decided(connection, relations.decisions(purpose, now=NOON, channel=channel))
    found = {int(each): relations.REASONS[code] for each, code in zip(ids, codes, strict=True)}
    assert found == {each: decision.reason for each, decision in expected.items()}


def test_purposes_and_channels_of_every_kind_are_decided_alike_in_bulk_and_alone(sqlite_work: Database) -> None:
    """A third of all combinations of basis, marks, assessment and channel."""
    a_crowd(sqlite_work, 300, 3)

    with sqlite_work.reading() as connection:
        everybody = range(3, 903, 3)
        known = {each: store.known(connection, each, "newsletter", to_microseconds(NOON)) for each in everybody}
        opened = {each: store_grounds.open_channels(connection, each, "newsletter") for each in everybody}
        for purpose, channel in _sample(120):
            expected = {
                each: _alone(found, opened[each], purpose, channel)
                for each, found in known.items()
                if found is not None
            }
            _same_reasons(connection, purpose, channel, expected)


def _alone(found: store.Known, grounds: Grounds, purpose: Purpose, channel: Channel | None) -> Decision:
    processing = decide(purpose, found.facts, found.standing, found.objections, now=NOON)
    if channel is None:
        return processing
    counterparty = found.facts.counterparty
    return channel_decision(
        processing, purpose, channel, counterparty, found.standing, found.objections, grounds, now=NOON
    )


def test_whoever_said_no_to_a_channel_is_found_alike_in_bulk_and_alone(sqlite_work: Database) -> None:
    """§ 7(1) sentence 2 UWG: the no of a company closes its contacts' mailboxes, so it is asked for by itself."""
    a_crowd(sqlite_work, 60, 9)

    everybody = np.arange(3, 183, 3)
    with sqlite_work.reading() as connection:
        known = {each: store.known(connection, each, "newsletter", to_microseconds(NOON)) for each in range(3, 183, 3)}
        for purpose, channel in _sample(30):
            if channel is None:
                continue
            expected = {
                each: reason
                for each, found in known.items()
                if found and (reason := refusal(purpose, channel, found.standing, found.objections))
            }
            assert refused(connection, everybody, purpose, channel) == expected


def test_somebody_who_is_not_here_any_more_is_never_lawful(work: Database) -> None:
    """Article 17 GDPR: a number without a row was erased."""
    a_crowd(work, 3, 1)

    with work.reading() as connection:
        contract = a_purpose(LegalBasis.CONTRACT)
        assert lawful(connection, np.array([4_000, 4_001]), contract, now=NOON + timedelta(1)).tolist() == [
            False,
            False,
        ]
        assert not decide_one(connection, 4_000, contract, now=NOON).lawful


@pytest.mark.parametrize("seed", [4, 5])
def test_activities_and_cells_agree_on_who_withholds_and_who_is_left_out(work: Database, seed: int) -> None:
    """Articles 6 and 21 GDPR: two ways to ask who withholds a field, one answer; no order of anybody left out."""
    a_crowd(work, 60, seed)
    pick = random.Random(seed)
    orders = a_field("purchase_history", FieldType.ACTIVITIES, window="P24M")
    with work.writing() as connection:
        for number in range(3, 183, 3):
            an_order(connection, number)
            for purpose in ("", "newsletter", "other"):
                row = {"purpose": purpose, "field": pick.choice(["purchase_history", "f"]), "subject": number, "seq": 1}
                if pick.random() < 0.4:
                    released = int(purpose == "newsletter" and pick.random() < 0.5)
                    connection.execute(insert(withheld), row | {"released": released})

    with work.reading() as connection:
        hidden = store.withheld_by_field(connection, "newsletter")
        for field in ("purchase_history", "f"):
            related = store.subject_ids(connection, relations.withheld_subjects("newsletter", field))
            assert hidden[field].tolist() == related.tolist()
        for purpose, channel in _sample(6):
            request = PopulationRequest(purpose, Unit.CONTACT, (orders,), channel)
            population = permitted(connection, request, now=NOON)
            found = [
                each
                for batch in population.run_sql(population.activities(orders))
                for each in batch["subject"].to_pylist()
            ]
            assert found == sorted(set(population.subjects.tolist()) - set(hidden["purchase_history"].tolist()))
