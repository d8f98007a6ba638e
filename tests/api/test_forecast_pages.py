"""A forecast before those who use it: how good it was, what hangs on it, and nothing of a handful of people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from api.cli.forecast import show_evaluation
from api.workflows.explanations import explain_reference
from governance.tables import activity
from governance.vocabulary import OPERATOR, Role
from segmentation import store
from tests.api.web import Served, serve
from tests.small_world import NOON, TODAY, run_scheme

PEOPLE = 200
FORECAST: dict[str, Any] = {
    "scheme": "quiet",
    "label": {"de": "Wer still wird", "en": "Who falls silent"},
    "unit": "contact",
    "purpose": "personalised_offers",
    "kind": "forecast",
    "effect_class": "marketing",
    "features": [
        {"key": "last", "activity": "days_since_last", "window": "P12M"},
        {"key": "orders", "activity": "count", "window": "P12M"},
        {"key": "country", "field": "country", "levels": ["DE", "AT"]},
    ],
    "forecast": {"of": "leaving", "horizon": "P40D"},
}


def orders() -> list[dict[str, Any]]:
    """Everybody at a pace of their own for a year, every third until half a year ago only."""
    random = np.random.default_rng(7)
    rows = []
    for owner in range(1, PEOPLE + 1):
        gone = 150 if owner % 3 == 0 else 0
        ages = np.flatnonzero(random.random(360 - gone) < 1 / (20 + owner % 40)) + gone
        rows += [
            {
                "owner": owner, "day": TODAY - int(age), "seq": 1_000 + int(age), "kind": "order", "amount": 10_000,
                "quantity": 1, "occasion": 1_000 + int(age), "currency": "EUR", "category": "paper", "batch": 1,
            }
            for age in ages
        ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house with a year of orders and a forecast that ran."""
    made = serve(tmp_path_factory.mktemp("house"), people=PEOPLE, gold=0)
    with made.house.work.writing() as connection:
        connection.execute(activity.delete())
        connection.execute(insert(activity), orders())
    run_scheme(made.house, FORECAST)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def fit_of(served: Served) -> dict[str, Any]:
    """The stored evaluation."""
    with served.house.work.reading() as connection:
        live = store.live_run(connection, "quiet")
    assert live is not None
    assert live.report is not None
    fit: dict[str, Any] = json.loads(live.report)["fit"]
    return fit


def test_the_page_says_how_good_the_forecast_was_and_what_hangs_on_it(told: Served) -> None:
    """The controller may rely on it only as far as it proved true (Articles 5(1)(d), 5(2) and 22 GDPR)."""
    page = told.browser(Role.MARKETING).get("/console/segments/quiet").text

    assert "How good the forecast is" in page
    assert "ordered nothing for 40\u00a0days" in page
    assert "better than the average alone" in page
    assert "The forecast itself decides nothing (Article 22 GDPR). What hangs on it: advertising only." in page
    assert "Learned without</dt><dd>Country" in page
    assert "How good the forecast is" not in told.browser(Role.MARKETING).get("/console/segments/value").text


def test_marketing_reads_the_evaluation_in_tens_and_whole_per_cents(told: Served) -> None:
    """Exact counts are the officer's (XPT-3); no bin is smaller than the minimum."""
    fit, section = fit_of(told), re.compile(r'id="forecast">.*?</section>', re.DOTALL)
    pages = [told.browser(role).get("/console/segments/quiet").text for role in (Role.MARKETING, Role.DPO)]
    marketing, officer = (section.search(page) for page in pages)
    assert marketing
    assert officer

    cells = re.findall(r'<td class="num">([\d,]+)</td></tr>', marketing[0])
    exact = re.findall(r'<td class="num">([\d,]+)</td></tr>', officer[0])

    assert cells
    assert all(cell.endswith("0") for cell in cells)
    assert [int(each) for each in exact] == [fit[f"bin{number}_people"] for number in range(1, len(exact) + 1)]
    assert min(int(each) for each in exact) >= 10


def test_the_page_is_told_in_german_too(told: Served) -> None:
    """No word of the section is left in English."""
    page = told.browser(Role.MARKETING, language="de").get("/console/segments/quiet").text

    assert "Wie gut die Vorhersage ist" in page
    assert "Die Vorhersage selbst entscheidet nichts" in page
    assert "Came true" not in page


def test_the_command_line_shows_the_evaluation_beside_the_base_rate(
    told: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was told, what came true, and what telling everybody the same would have given."""
    show_evaluation(fit_of(told))
    shown = capsys.readouterr().out
    show_evaluation({})

    assert "the base rate for everybody" in shown
    assert "AUC" in shown
    assert "not learned from: country" in shown
    assert capsys.readouterr().out == ""


def test_a_person_reads_their_forecast_without_being_called_a_risk(told: Served) -> None:
    """In both languages, with what it rests on and how it proved true (Article 15(1)(h) GDPR)."""
    answer = explain_reference(told.house, "quiet", "K0003", actor=OPERATOR, now=NOON)
    words = json.dumps(answer.to_json(), ensure_ascii=False, default=str)

    assert "Die Wahrscheinlichkeit, dass Sie nichts bestellen" in words
    assert "Geprüft an der Vergangenheit" in words
