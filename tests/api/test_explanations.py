"""Explaining one person's assignment from what was stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from api.wiring import House
from api.workflows import explanations
from api.workflows.explanations import NotInScheme, ReferenceUnknown
from api.workflows.home import note_catalogue
from audit import log
from consent.ledger import declare
from governance.catalogue import parse_catalogue
from governance.tables import profile
from governance.vocabulary import OPERATOR, Act, Actor, Role, Scope
from segmentation.corrections import CorrectionKind, Ruling, correct
from tests.small_world import NOON, RULES, a_small_world, identity_of, run_scheme, said

DESK = Actor(Role.DESK, "d4")
KMEANS: dict[str, Any] = {
    "scheme": "clusters",
    "label": {"de": "Kaufverhalten", "en": "Buying behaviour"},
    "unit": "contact",
    "purpose": "personalised_offers",
    "kind": "kmeans",
    "features": [
        {"key": "orders", "activity": "count", "window": "P12M"},
        {"key": "revenue", "activity": "sum", "window": "P12M"},
    ],
    "kmeans": {"k": 2, "features": ["orders", "revenue"]},
}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty contacts on both engines, with a rule scheme and clusters."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    run_scheme(made, KMEANS)
    yield made
    made.close()


def explained(house: House, scheme: str = "value", reference: str = "K0040", language: Any = "de") -> dict[str, Any]:
    result = explanations.explain_reference(house, scheme, reference, language=language, actor=DESK, now=NOON)
    return result.to_json()


@pytest.mark.parametrize("scheme", ["value", "clusters"])
def test_a_person_is_told_why_what_and_what_else(house: House, scheme: str) -> None:
    """Procedure, data, weights, nearest alternative, what would change it, effects, who can change it (C-203/22)."""
    for language in ("de", "en"):
        told = explained(house, scheme, language=language)

        for part in (
            "procedure",
            "inputs",
            "weights",
            "closeness",
            "what_would_change_it",
            "effects",
            "who_can_change_it",
        ):
            assert told[part], part
        assert told["in_effect"]
        assert told["lawful_now"]


def test_an_explanation_rests_on_the_record_and_not_on_todays_data(house: House) -> None:
    """Import new values and more orders: what was decided is explained as it was decided (EXP-1, T11)."""
    before = explained(house)
    with house.work.writing() as connection:
        connection.execute(update(profile).values(attributes='{"annual_revenue": 1}'))

    after = explained(house)
    moving = {"log_entry"}
    assert {key: value for key, value in before.items() if key not in moving} == {
        key: value for key, value in after.items() if key not in moving
    }


@pytest.mark.parametrize("change", ["a field", "the purpose"])
def test_what_was_decided_under_an_older_catalogue_is_explained_by_it(house: House, change: str) -> None:
    """A field or purpose that the catalogue has no more takes no explanation away (Article 15(1)(h) GDPR)."""
    note_catalogue(house, actor=OPERATOR, now=NOON - timedelta(hours=1))
    before = explained(house)
    text = without(house.catalogue.document, change)
    changed = replace(house, catalogue=parse_catalogue(text))
    note_catalogue(changed, actor=OPERATOR, now=NOON + timedelta(hours=1))

    after = explained(changed)

    assert before["note"] is None
    assert "Seit dem Lauf hat sich der Katalog geändert" in after["note"]
    for part in ("procedure", "inputs", "weights", "steps", "name"):
        assert after[part] == before[part]
    assert after["in_effect"] is after["lawful_now"] is (change == "a field")


def without(document: str, change: str) -> str:
    """The catalogue, without purchase history for offers, or without the purpose."""
    if change == "a field":
        return re.sub(r'(?s)(key = "purchase_history".*?purposes = \[)(.*?)"personalised_offers", ', r"\1\2", document)
    text = re.sub(r'(?ms)^\[\[purpose\]\]\nkey = "personalised_offers".*?(?=^\[\[)', "", document)
    return re.sub(r'"personalised_offers",? ?', "", text)


def test_reading_an_explanation_is_a_fact_about_the_person(house: House) -> None:
    """Who looked, in which role, when: and never whom in the hashed bytes (LOG-5, LOG-6)."""
    told = explained(house)

    with house.work.reading() as connection:
        [entry] = log.entries(connection, subject=40, limit=1)
    assert (entry.kind, entry.actor, entry.index) == ("assignment:explained", "desk:d4", told["log_entry"])
    assert "40" not in {str(value) for value in entry.body.values()}


def test_no_explanation_holds_anything_of_another_person(house: House) -> None:
    """Neither names nor references nor amounts of others (Article 15(4) GDPR, EXP-3)."""
    text = json.dumps(explained(house), ensure_ascii=False)

    for number in range(1, 61):
        assert identity_of(number).reference not in text
        assert identity_of(number).details["family_name"] not in text
        if number not in (40,):
            assert f"{100 + number / 100:.2f}".replace(".", ",") not in text


def test_after_an_objection_the_explanation_says_that_it_no_longer_acts(house: House) -> None:
    with house.work.writing() as connection:
        no = said(None, Act.OBJECTED, at=NOON, scope=Scope.PROFILING)
        declare(connection, 40, [no], actor=OPERATOR, now=NOON)

    told = explained(house)
    assert not told["in_effect"]
    assert told["reason_now"] == "Der Profilbildung widersprochen"


def test_a_correction_newer_than_the_run_is_what_is_told(house: House) -> None:
    """The desk's decision acts at once, also in words (REC-2)."""
    day = (NOON + timedelta(days=90)).date()
    with house.work.writing() as connection:
        ruling = Ruling(CorrectionKind.MOVE, "gold", b"s", day)
        correct(connection, "value", 40, ruling, actor=DESK, now=NOON, today=NOON.date())

    told = explained(house)
    assert told["segment"] == "gold"
    assert "hat die Beschwerdestelle Sie in „Stammkundschaft“ gesetzt" in told["steps"][-1]
    assert not told["counterfactual_found"]


def test_whoever_is_not_held_or_was_not_permitted_is_refused_without_a_value(house: House) -> None:
    with pytest.raises(ReferenceUnknown) as refusal:
        explained(house, reference="canary@example.org")
    assert "canary" not in str(refusal.value)
    with pytest.raises(NotInScheme):
        explanations.explain_subject(house, "value", 999, actor=DESK, now=NOON)
