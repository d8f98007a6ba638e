"""What a forecast learns from: nothing of after the day, nothing that is not permitted today, no profile of later."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from audit.database import Database, insert_rows
from consent.permission import PopulationRequest, permitted
from governance import tables
from segmentation.definitions import Definition
from segmentation.errors import OtherSchemeUnfit, TooLittleHistory
from segmentation.explain import Surroundings, explain
from segmentation.features import FactSource
from segmentation.methods.forecast_fit import Past
from segmentation.past import Lookback, look_back
from segmentation.run import run
from segmentation.scoring import replays
from segmentation.settings.forecast import ForecastSettings
from tests.builders import NOON
from tests.consent.builders import TODAY
from tests.segmentation.builders import ACTIVITY_COLUMNS, CATALOGUE, a_task, a_world, defined, rfm, withholds
from tests.segmentation.test_kinds_end_to_end import WINDOWED, opened, scheme

FEATURES = [*WINDOWED, {"key": "country", "field": "country", "levels": ["DE", "AT"]}]
PART = {"of": "leaving", "horizon": "P30D", "features": ["last", "count", "revenue", "employees", "country"]}
OTHER_SUM = {"key": "monetary", "activity": "sum", "window": "P6M"}
LAST_CLASSES = rfm(
    features=[
        {"key": key, "activity": activity, "window": "P12M"}
        for key, activity in (("recency", "days_since_last"), ("frequency", "count"), ("monetary", "sum"))
    ],
    minimum_size=10,
)


def leaving(**changes: Any) -> dict[str, Any]:
    """Who will order nothing for thirty days."""
    return scheme("forecast", PART | changes, FEATURES)


def moving(*, whole: bool = False) -> dict[str, Any]:
    """Who will be in another class of the last twelve months in thirty days; *whole* looks back without a limit."""
    features = rfm()["features"] if whole else LAST_CLASSES["features"]
    part: dict[str, Any] = {"of": "moving", "scheme": "rfm", "horizon": "P30D"}
    part["features"] = ["recency", "frequency"] if not whole else ["employees"]
    return scheme("forecast", part, [*features, {"key": "employees", "field": "employees"}])


def looked_back(work: Database, definition: Definition) -> Lookback:
    """What the definition would learn from."""
    fields = tuple(CATALOGUE.field_for(key, CATALOGUE.purpose(definition.purpose)) for key in definition.fields)
    request = PopulationRequest(CATALOGUE.purpose(definition.purpose), definition.unit, fields)
    settings = definition.settings
    assert isinstance(settings, ForecastSettings)
    with work.reading() as connection:
        population = permitted(connection, request, now=NOON)
        source = FactSource(population, definition.features, CATALOGUE, today=TODAY)
        return look_back(source, definition, settings, today=TODAY)


def ordered(work: Database, subject: int, *days_ago: int) -> None:
    """An order of the person on each of these days."""
    rows = [
        (subject, TODAY - ago, 900_000 + ago, "order", 5_000, 1, 900_000 + ago, "EUR", "paper", 1) for ago in days_ago
    ]
    with work.writing() as connection:
        insert_rows(connection, tables.activity, ACTIVITY_COLUMNS, rows)


def only(work: Database, subject: int, *days_ago: int) -> None:
    """Nobody ordered anything but this person, on these days."""
    with work.writing() as connection:
        connection.execute(tables.activity.delete())
    ordered(work, subject, *days_ago)


def test_what_was_done_after_the_day_changes_no_feature(work: Database) -> None:
    """Otherwise the forecast would foretell what it was told: not one training value differs (ACC-1)."""
    a_world(work)
    definition = defined(work, leaving())
    before = looked_back(work, definition)
    for subject in range(1, 150, 7):
        ordered(work, subject, 0, 3, 17, 29)
    late = looked_back(work, definition)
    for subject in range(1, 150, 7):
        ordered(work, subject, 30, 41, 59)
    later = looked_back(work, definition)

    assert told(before.learn) == told(late.learn) == told(later.learn)
    assert told(before.check) == told(late.check) != told(later.check)
    assert before.learn.happened.sum() == late.learn.happened.sum() > later.learn.happened.sum()
    assert before.check.happened.sum() > late.check.happened.sum()


def told(day: Past) -> tuple[bytes, ...]:
    """Every feature of everybody on a day."""
    return day.values.numbers.tobytes(), day.values.known.tobytes(), day.values.none.tobytes()


@pytest.mark.parametrize(("ago", "stays"), [(59, True), (30, True), (29, False), (60, False)])
def test_the_outcome_is_what_follows_the_day_and_ends_with_the_horizon(
    sqlite_work: Database, ago: int, stays: bool
) -> None:
    """An order of the day itself is a feature; the first day after it and the last of the horizon are the outcome."""
    a_world(sqlite_work, people=30)
    only(sqlite_work, 5, 100, ago)

    past = looked_back(sqlite_work, defined(sqlite_work, leaving()))

    assert past.learn.happened.tolist() == [not stays]
    assert past.learn.values.numbers[0].tolist() == [0.0 if ago == 60 else 40.0]


def test_only_who_ordered_within_the_window_before_the_day_is_learned_from(sqlite_work: Database) -> None:
    """Who was gone already cannot leave."""
    a_world(sqlite_work, people=30)
    only(sqlite_work, 5, 20)

    past = looked_back(sqlite_work, defined(sqlite_work, leaving()))

    assert (len(past.learn.happened), len(past.check.happened)) == (0, 0)


def test_a_profile_value_stated_after_the_day_is_missing_then(work: Database) -> None:
    """Profiles keep no history; rather unknown than yesterday's value told as last year's (Article 5(1)(d) GDPR)."""
    a_world(work)
    definition = defined(work, leaving())
    with work.writing() as connection:
        profile = tables.profile
        connection.execute(update(profile).where(profile.c.subject <= 100).values(observed_on=TODAY - 40))
        one_later = json.dumps({"employees": TODAY - 1})
        connection.execute(update(profile).where(profile.c.subject <= 50).values(observed=one_later))

    past = looked_back(work, definition)

    employees, country = past.check.values.known[3], past.check.values.known[4]
    assert 0 < int(employees.sum()) < int(country.sum()) < len(country)
    assert not past.learn.values.known[3:].any()


def test_who_withholds_their_orders_is_not_learned_from(sqlite_work: Database) -> None:
    """Permission is today's, in training as in a run (Article 21 GDPR)."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, leaving())
    everybody = len(looked_back(sqlite_work, definition).learn.happened)
    for subject in range(1, 100, 3):  # whoever ordered often
        withholds(sqlite_work, subject, "purchase_history")

    assert len(looked_back(sqlite_work, definition).learn.happened) == everybody - 33


def test_two_halves_of_the_later_day_are_drawn_by_the_seed(sqlite_work: Database) -> None:
    """About equal, the same again, others by another seed."""
    a_world(sqlite_work)

    one, other = defined(sqlite_work, leaving(seed=0)), defined(sqlite_work, leaving(seed=1), 2)

    first, again, second = (looked_back(sqlite_work, each).check.half for each in (one, one, other))

    assert first.tolist() == again.tolist() != second.tolist()
    assert abs(first.mean() - 0.5) < 0.2


def test_moves_are_those_of_the_stored_model_at_both_dates(work: Database) -> None:
    """The same model on the facts of the day and of a horizon later tells who moved, and its run replays."""
    a_world(work)
    run(work, a_task(defined(work, LAST_CLASSES)))
    definition = defined(work, moving())

    past = looked_back(work, definition)
    report = run(work, a_task(definition))

    assert 10 <= int(past.learn.happened.sum()) <= len(past.learn.happened) - 10
    assert past.other is not None
    model, records = opened(work, report)
    assert [segment.key for segment in model.segments] == ["stays", "may_move", "moves"]
    assert all(replays(model, record) for record in records)
    said = explain(definition, model, records[0], Surroundings({}, {}), decided_at=NOON)
    assert "„rfm“" in said.weighing.weights[0].text.de
    assert any("Jetzige Gruppe: " in weight.text.de for weight in said.weighing.weights)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (None, "has no published run"),
        (rfm(minimum_size=10), "looks back too far"),
        (LAST_CLASSES | {"purpose": "sales_care"}, "was made for the purpose"),
        (rfm(minimum_size=10, features=[*LAST_CLASSES["features"][:2], OTHER_SUM]), "goes by the feature 'monetary'"),
    ],
)
def test_moves_of_an_unfit_scheme_are_refused(sqlite_work: Database, other: dict[str, Any] | None, why: str) -> None:
    """No run, a longer look back than permitted, or another purpose: a sentence says which (Article 5(1)(b) GDPR)."""
    a_world(sqlite_work)
    if other is not None:
        run(sqlite_work, a_task(defined(sqlite_work, other)))

    with pytest.raises(OtherSchemeUnfit, match=why):
        run(sqlite_work, a_task(defined(sqlite_work, moving(whole=other == rfm(minimum_size=10)))))


def test_a_forecast_without_a_past_is_refused_and_nothing_is_visible(sqlite_work: Database) -> None:
    """Profiles of today alone teach nothing about yesterday."""
    a_world(sqlite_work, people=20)
    definition = defined(sqlite_work, leaving())

    with pytest.raises(TooLittleHistory, match="Profiles keep no history"):
        run(sqlite_work, a_task(definition))


def test_a_counterfactual_of_the_own_orders_flips_the_forecast(sqlite_work: Database) -> None:
    """Somebody at risk is told what would have changed it, and it was calculated again (EXP-3)."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, leaving(cuts=[0.2, 0.5]))
    model, records = opened(sqlite_work, run(sqlite_work, a_task(definition)))
    around = Surroundings({}, {"purchase_history": True})

    told = [explain(definition, model, record, around, decided_at=NOON) for record in records if record.scored == 2]

    assert told
    assert all(each.counterfactual and each.counterfactual.segment < 2 for each in told)


def test_a_refit_gives_the_same_model(sqlite_work: Database) -> None:
    """The halves and the draw come from the seed: the same people, the same bytes."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, leaving())

    reports = [run(sqlite_work, a_task(definition, refit=True)) for _ in range(2)]

    assert reports[0].model == reports[1].model
    assert np.isfinite(float(reports[0].fit["auc"]))
