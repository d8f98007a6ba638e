"""Comparisons of rules: by the calendar, by a date, by words however they are written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from audit.database import Database
from governance.tables import profile
from segmentation import store
from segmentation.conditions import Comparison, condition_to_json, parse_condition
from segmentation.counterfactual import find_counterfactual
from segmentation.definitions import Definition, parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.explain_conditions import in_words, judged
from segmentation.facts import Values
from segmentation.methods.rules import Judge
from segmentation.models import parse_model
from segmentation.periods import day_number
from segmentation.reading import Node
from segmentation.rule_templates import fill, rule_template
from tests.segmentation.builders import CATALOGUE, NAME, a_world, ran, reactivation
from tests.segmentation.test_explain import a_record, rules_model

TODAY = 20_000
DAYS = [{"key": "since", "field": "customer_since"}, {"key": "last", "activity": "days_since_last"}]
COUNTRY = {"key": "country", "field": "country"}


def with_rule(rule: dict[str, Any], *features: dict[str, Any]) -> dict[str, Any]:
    """A scheme of one rule."""
    return reactivation(
        purpose="sales_care", features=list(features), segments=[{"key": "one", "name": NAME, "rule": rule}]
    )


def read(document: dict[str, Any]) -> tuple[Definition, Any]:
    """The definition and its first rule."""
    definition = parse_definition(json.dumps(document), CATALOGUE)
    return definition, definition.segments[0].rule


def fits(document: dict[str, Any], days_ago: list[float]) -> list[bool]:
    """Whom the rule fits, by the days since the date of the first feature."""
    definition, rule = read(document)
    numbers = np.zeros((len(definition.features), len(days_ago)))
    numbers[0] = days_ago
    values = Values(numbers, np.ones(numbers.shape, bool), np.zeros(numbers.shape, bool))
    return [bool(each) for each in Judge(definition.features, values, TODAY).surely(rule)]


def test_a_date_ahead_is_not_within_the_last_days() -> None:
    """Who becomes a customer next month is no new customer today; whoever did today is."""
    document = fill(rule_template("new_customer"), CATALOGUE, "sales_care", {"period": "P30D"})

    assert fits(document, [-31.0, -1.0, 0.0, 29.0, 30.0]) == [False, False, True, True, False]
    denied = with_rule({"not": document["segments"][0]["rule"] | {"feature": "since"}}, DAYS[0])
    assert fits(denied, [-1.0, 0.0]) == [True, False]


def test_a_date_divides_those_before_from_those_from_that_day_on() -> None:
    """The day itself belongs to the later part; whatever day the run is made on, the date stays."""
    date = "2024-10-04"  # day 20,000 is this one
    assert day_number(date) == TODAY

    assert fits(with_rule({"feature": "since", "from_day": date}, DAYS[0]), [1.0, 0.0, -1.0]) == [False, True, True]
    assert fits(with_rule({"feature": "since", "before_day": date}, DAYS[0]), [1.0, 0.0, -1.0]) == [True, False, False]


def test_a_date_holds_for_orders_too_and_never_for_the_unknown() -> None:
    """Nothing to measure fits no date (three values, no guess)."""
    definition, rule = read(with_rule({"feature": "last", "before_day": "2024-01-01"}, DAYS[1]))
    known, none = np.array([[True, True, False]]), np.array([[False, True, False]])
    truth = Judge(definition.features, Values(np.array([[400.0, 0.0, 0.0]]), known, none), TODAY).truth(rule)

    assert truth.true.tolist() == [True, False, False]
    assert truth.unknown.tolist() == [False, False, True]


@pytest.mark.parametrize("text", ["2026-1-1", "20260101", "2026-02-30", "P30D", 7])
def test_what_is_no_date_is_refused(text: object) -> None:
    """A date is year, month and day with hyphens."""
    with pytest.raises(DefinitionInvalid, match=r"before_day"):
        read(with_rule({"feature": "since", "before_day": text}, DAYS[0]))


def test_a_date_is_told_as_a_date_beside_what_the_record_holds() -> None:
    """EXP-1: the sentence names the date of the rule and the date of the person."""
    definition, rule = read(with_rule({"feature": "since", "from_day": "2024-01-01"}, DAYS[0]))
    features = {one.key: one for one in definition.features}
    values = Values(np.array([[10.0]]), np.ones((1, 1), bool), np.zeros((1, 1), bool))

    (line,) = judged(rule, features, values, today=TODAY)

    assert "am 1.\u00a0Januar 2024 oder später (bei Ihnen: 24.\u00a0September 2024)" in line.text.de
    assert "on 1\u00a0January 2024 or later (yours: 24\u00a0September 2024)" in line.text.en
    assert line.met is True


def test_dates_and_words_come_back_from_their_json() -> None:
    """The model says the condition in the words of the vocabulary."""
    for rule, feature in (
        ({"feature": "since", "from_day": "2026-01-01"}, DAYS[0]),
        ({"feature": "last", "before_day": "2026-01-01"}, DAYS[1]),
        ({"feature": "country", "equals": "DE", "ignore_case": True}, COUNTRY),
        ({"not": {"feature": "country", "in": ["AT", "DE"], "ignore_case": True}}, COUNTRY),
    ):
        definition, condition = read(with_rule(rule, feature))
        features = {one.key: one for one in definition.features}
        told = condition_to_json(condition, features)
        assert told == rule
        assert parse_condition(Node(told), features) == condition


def test_words_may_be_compared_however_they_are_written(work: Database) -> None:
    """A list that says de, De and DE means one country; the model alone reads the record again."""
    a_world(work, 60)
    with work.writing() as connection:
        for row in connection.execute(select(profile.c.subject, profile.c.attributes)).all():
            changed = json.loads(row.attributes) | {"country": ("de", "De", "DE", "AT")[row.subject % 4]}
            connection.execute(
                update(profile).where(profile.c.subject == row.subject).values(attributes=json.dumps(changed))
            )
    rule = {"feature": "country", "equals": "dE", "ignore_case": True}

    report = ran(work, with_rule(rule, COUNTRY))

    assert [segment.effective for segment in report.segments] == [45, 15]
    with work.reading() as connection:
        stored = store.model_of(connection, bytes.fromhex(report.model))
    assert stored is not None
    model = parse_model(stored.document, stored.digest)
    assert (model.features[0].levels, model.features[0].ignore_case) == (("dE",), True)


def test_case_counts_unless_it_is_said_and_never_by_halves() -> None:
    """One feature has one way of reading words: its record holds positions, not words."""
    exact = {"feature": "country", "equals": "DE"}
    loose = exact | {"ignore_case": True}

    assert not read(with_rule(exact, COUNTRY))[0].features[0].ignore_case
    with pytest.raises(DefinitionInvalid, match="declare the feature twice"):
        read(with_rule({"any": [exact, loose]}, COUNTRY))
    for wrong in ({"feature": "since", "from_day": "2026-01-01", "ignore_case": True}, loose | {"ignore_case": False}):
        with pytest.raises(DefinitionInvalid, match="ignore_case"):
            read(with_rule(wrong, DAYS[0] if "since" in wrong.values() else COUNTRY))


def test_the_levels_of_a_category_are_found_however_they_are_written() -> None:
    """The condition holds the catalogue's own words, all that are meant."""
    levels = COUNTRY | {"levels": ["AT", "De", "DE"]}
    definition, rule = read(with_rule({"feature": "country", "equals": "de", "ignore_case": True}, levels))

    assert isinstance(rule, Comparison)
    assert rule.words == ("De", "DE")
    assert "groß oder klein" in in_words(rule, {one.key: one for one in definition.features}).de
    with pytest.raises(DefinitionInvalid, match="is not a level"):
        read(with_rule({"feature": "country", "equals": "fr", "ignore_case": True}, levels))


@pytest.mark.parametrize(
    ("field", "rule", "facts"),
    [
        (DAYS[1], {"feature": "last", "from_day": "2026-11-01"}, (float(day_number("2025-01-01") or 0),)),
        (
            {"key": "branch", "field": "country", "levels": ["AT", "DE"]},
            {"feature": "branch", "equals": "de", "ignore_case": True},
            (0.0,),
        ),
    ],
)
def test_a_change_is_told_only_where_it_was_scored_again(
    field: dict[str, Any], rule: dict[str, Any], facts: tuple[float, ...]
) -> None:
    """EXP-4: an order today reaches the date; another word flips only because the model says so."""
    other = {"otherwise": {"key": "others", "name": NAME}}
    model = rules_model(read(with_rule(rule, field) | other)[0])
    record = a_record(model, facts, (True,))

    found = find_counterfactual(model, record, dict.fromkeys((one.field for one in model.features), True))

    assert (record.effective, found.segment if found else None) == (1, 0)
    assert find_counterfactual(model, record, {}) is None
