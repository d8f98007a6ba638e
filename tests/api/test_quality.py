"""Why so many segments: pictures and numbers on the scheme's page, for every role, and no count of people in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from api.console.quality import _curve
from api.workflows import segments
from api.workflows.segment_warnings import WARNINGS
from governance.staff import Scope
from governance.tables import activity
from governance.vocabulary import OPERATOR, Role
from segmentation.methods.abc_fit import concentration
from segmentation.methods.ward_fit import fit_hierarchy
from tests.api.web import Served, serve
from tests.small_world import NOON, RULES, TODAY, run_scheme

PEOPLE = 120
FEATURES = [
    {"key": "orders", "activity": "count"},
    {"key": "revenue", "activity": "sum"},
    {"key": "last", "activity": "days_since_last"},
]
BINS = {"orders": [2, 5], "revenue": [200, 900], "last": [60, 150]}
RANGE = {"from": 2, "to": 4}
KINDS: dict[str, dict[str, Any]] = {
    "kmeans": {"k": RANGE, "restarts": 2, "sample": 1000},
    "ward": {"k": 3, "transform": "sqrt"},
    "mixture": {"k": RANGE, "covariance": "diag", "restarts": 2},
    "latent_class": {"k": {"from": 2, "to": 3}, "restarts": 3, "bins": BINS},
    "abc": {"features": ["revenue"]},
}


def scheme(kind: str) -> dict[str, Any]:
    """A scheme of a kind."""
    given = {key: RULES[key] for key in ("label", "unit", "purpose")}
    return given | {"scheme": kind, "kind": kind, "features": FEATURES, "minimum_size": 10, kind: KINDS[kind]}


def orders() -> list[dict[str, Any]]:
    """Three sorts of people: seldom, now and then, often."""
    random, rows = np.random.default_rng(3), []
    for owner in range(1, PEOPLE + 1):
        sort = owner % 3
        for seq in range(1 + 3 * sort + int(random.integers(0, 2))):
            day = TODAY - 200 + 70 * sort + int(random.integers(0, 50))
            rows.append(
                {
                    "owner": owner, "day": day, "seq": seq, "kind": "order",
                    "amount": int(10_000 * (1 + sort) + random.integers(0, 3_000)), "quantity": 1, "occasion": seq,
                    "currency": "EUR", "category": "paper", "batch": 1,
                }
            )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house where one scheme of each kind ran."""
    made = serve(tmp_path_factory.mktemp("house"), people=PEOPLE, gold=0)
    with made.house.work.writing() as connection:
        connection.execute(activity.delete())
        connection.execute(activity.insert(), orders())
    for kind in KINDS:
        run_scheme(made.house, scheme(kind))
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def section(served: Served, kind: str, role: Role, name: str = "quality", language: str = "en") -> str:
    """The pictures on the page of a scheme."""
    page = served.browser(role, language=language).get(f"/console/segments/{kind}").text
    found = re.search(rf'aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize("kind", ["kmeans", "mixture", "latent_class"])
def test_every_number_that_was_tried_stands_in_a_picture_and_a_table(told: Served, kind: str) -> None:
    """The number of segments is chosen with its reasons, and anybody can check them (Article 5(2) GDPR)."""
    shown = section(told, kind, Role.MARKETING)

    tried = {"kmeans": 3, "mixture": 3, "latent_class": 2}[kind]
    assert shown.count('role="img"') == 2
    assert shown.count("<circle") == 2 * tried
    assert shown.count("<tbody><tr>") == 1
    assert shown.count('<th scope="row"') == tried
    assert shown.count('class="f-accent"') == 2
    assert ("least" if kind != "kmeans" else "resampled people") in shown.lower()


def test_a_fixed_number_says_that_no_other_was_tried_and_the_tree_stands_beside_it(told: Served) -> None:
    """Ward's last merges are a picture; it never shows a part with fewer people than the minimum."""
    shown = section(told, "ward", Role.MARKETING)

    assert "The definition fixes 3 segments. No other number was tried." in shown
    assert "Tree of the last merges" in shown
    assert "s-limit" in shown
    assert "<circle" not in shown


def test_the_tree_stops_above_the_minimum_by_hand() -> None:
    """Of four points, two on either side: the last merge is told, and below it nobody alone (Article 5(1)(c) GDPR)."""
    hierarchy = fit_hierarchy(np.array([[0.0], [1.0], [10.0], [12.0]]))

    assert [tuple(sides) for _, *sides in hierarchy.merges(2)] == [(0, 0)]
    assert hierarchy.merges(2)[0][0] == pytest.approx(10.5 * 2**0.5)
    assert [sides for _, *sides in hierarchy.merges(1)] == [[3, 2], [0, 0], [0, 0]]


def test_a_curve_has_at_least_the_minimum_between_two_points() -> None:
    """Ten people carry 1 … 10: five points of two people each, the best first; too few people have no curve."""
    amounts = np.arange(1.0, 11.0)

    assert concentration(amounts, 2)[0] == pytest.approx((0.2, 19 / 55))
    assert concentration(amounts, 2)[-1] == (1.0, 1.0)
    assert len(concentration(amounts, 4)) == 2
    assert concentration(amounts, 11) == ()
    assert concentration(np.zeros(100), 10) == ()
    assert len(concentration(np.arange(1.0, 5001.0), 10)) == 50


def test_no_share_of_a_class_is_told_where_one_class_is_too_small() -> None:
    """A class of five follows from the shares of the others, so none is told (XPT-3)."""
    fit: dict[str, int | str] = {"rows": 100, "x_curve": "0.500000:0.900000 1.000000:1.000000"}
    for letter, people in (("A", "0.050000"), ("B", "0.450000"), ("C", "0.500000")):
        fit |= {f"x_{letter}_people": people, f"x_{letter}_total": "0.3"}

    small, large = (_curve("Revenue", "x", fit, least) for least in (10, 5))

    assert small
    assert small.classes == ()
    assert large
    assert [letter for letter, _, _ in large.classes] == ["A", "B", "C"]


def test_who_carries_how_much_is_a_curve_of_shares(told: Served) -> None:
    """No point stands for fewer than ten people, and no count of people is told (XPT-3)."""
    shown = section(told, "abc", Role.MARKETING, "concentration")

    points = re.search(r'<polyline class="s-accent fixed" points="([^"]+)"', shown)
    assert points
    assert len(points[1].split()) == 1 + PEOPLE // 10
    assert "Share of the people" in shown
    assert section(told, "abc", Role.MARKETING) == ""


@pytest.mark.parametrize("kind", [*KINDS])
def test_marketing_and_the_officer_see_the_same_pictures(told: Served, kind: str) -> None:
    """They hold shares and measures only, so there is nothing to round; rules have no such pictures."""
    name = "concentration" if kind == "abc" else "quality"
    seen = {section(told, kind, role, name) for role in (Role.MARKETING, Role.DPO)}

    assert len(seen) == 1
    assert "" not in seen
    assert section(told, "value", Role.DPO, name) == ""
    assert "style=" not in seen.pop()


def test_the_pictures_speak_german_too(told: Served) -> None:
    """No word is left in English."""
    shown = section(told, "ward", Role.MARKETING, language="de") + section(
        told, "abc", Role.MARKETING, "concentration", "de"
    )

    assert "Warum 3 Segmente" in shown
    assert "Wer wie viel trägt" in shown
    assert "Tree of" not in shown
    assert "Share of" not in shown


def test_more_than_eight_segments_are_warned_of_in_the_same_words_everywhere(told: Served) -> None:
    """At the definition, over HTTP and on the page: what is odd about a scheme is told (Article 5(1)(a) GDPR)."""
    words = WARNINGS["many_segments"].en
    many = RULES | {
        "scheme": "many",
        "segments": [
            {"key": f"s{n}", "name": {"de": f"S{n}", "en": f"S{n}"}, "rule": {"feature": "orders", "at_least": 20 - n}}
            for n in range(9)
        ],
    }
    defined = segments.define(told.house, json.dumps(many), actor=OPERATOR, now=NOON)
    segments.run(told.house, "many", actor=OPERATOR, now=NOON)

    answer = told.caller(Role.MARKETING, Scope.READ).get("/api/v1/schemes/many").json()

    assert defined.to_json()["warnings"] == answer["warnings"]
    assert [each["key"] for each in answer["warnings"]] == ["many_segments"]
    assert answer["warnings"][0]["text"]["en"] == words
    assert words in told.browser(Role.MARKETING).get("/console/segments/many").text
    assert words not in told.browser(Role.MARKETING).get("/console/segments/value").text
    assert told.caller(Role.MARKETING, Scope.READ).get("/api/v1/schemes/value").json()["warnings"] == []
