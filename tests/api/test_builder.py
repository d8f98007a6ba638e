"""The builder over HTTP: a form without code, refused fields with the reason, a preview, and the officer's word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.console.builder_document import document_of
from api.console.builder_draft import Draft, from_form
from api.console.builder_read import NotShowable, Reader
from api.demo.story import document as demo
from api.workflows import activations, segments
from audit import log
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Role
from segmentation.definitions import parse_definition
from tests.api.web import Served, serve
from tests.builders import default_catalogue
from tests.small_world import RULES

NEW, EDIT = "/console/segments/new", "/console/segments/value/edit"
CATALOGUE = parse_catalogue(default_catalogue())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A house of its own: these tests write."""
    made = serve(tmp_path)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def filled(page: str) -> dict[str, str]:
    """What a browser would send of the form as it stands on the page."""
    main = page[page.index('<form class="builder"') :]
    main = main[: main.index("</form>")]
    found: dict[str, str] = {}
    for match in re.finditer(r"<input ([^>]*)>", main):
        named = dict(re.findall(r'([\w-]+)="([^"]*)"', match[1]))
        if named.get("type") != "checkbox" or " checked" in match[1]:
            found[named["name"]] = unescape(named.get("value", ""))
    for match in re.finditer(r'<select id="[^"]*" name="([^"]+)".*?</select>', main, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', match[0]) or re.search(r'value="([^"]*)"', match[0])
        assert chosen
        found[match[1]] = unescape(chosen[1])
    return found


def begun(browser: TestClient, path: str = f"{NEW}?begin_with=nothing&purpose=personalised_offers") -> dict[str, str]:
    """The form of a scheme that is being begun, with names and one condition."""
    names = {"de": "Vielbesteller", "en": "Frequent", "s0-de": "Viele", "s0-en": "Many"}
    rule = {"s0-g0-c0-what": "act.count", "s0-g0-c0-op": "at_least", "s0-g0-c0-value": "3"}
    return filled(browser.get(path).text) | names | rule


@pytest.mark.parametrize("name", ["reaktivierung", "preisstufen", "einkaufsverhalten", "abwanderung"])
def test_what_the_form_shows_of_a_definition_it_gives_back_unchanged(name: str) -> None:
    """Opening and storing a scheme changes nothing about anybody."""
    text = demo(f"{name}.json")
    given = json.loads(text)
    draft = Reader(given, CATALOGUE, "de").draft("x:1")

    made = document_of(draft, CATALOGUE, "de", given)

    assert made.mistakes == ()
    again = parse_definition(json.dumps(made.document), CATALOGUE)
    before = parse_definition(text, CATALOGUE)
    assert [each.rule for each in again.segments] == [each.rule for each in before.segments]
    assert (set(again.features), again.settings) == (set(before.features), before.settings)
    assert (again.stability, again.minimum_size, again.otherwise) == (
        before.stability, before.minimum_size, before.otherwise,
    )  # fmt: skip


def test_the_page_gives_back_what_it_was_opened_with(served: Served) -> None:
    """No hidden part of a scheme gets lost between page and store."""
    segments.define(served.house, demo("reaktivierung.json"), actor=OPERATOR, now=served.now)
    browser = served.browser(Role.MARKETING)
    path = "/console/segments/reaktivierung/edit"

    answer = browser.post(path, data=filled(browser.get(path).text) | {"do": "draft"})

    assert answer.status_code == 303, answer.text
    assert activations.versions(served.house, "reaktivierung").newest == 1


def test_and_or_not_relative_dates_and_sets_become_conditions() -> None:
    """The vocabulary of rules is there without a word of code (issue: rules as good as a filter)."""
    form = {
        "de": "Test", "en": "Test", "purpose": "sales_care", "kind": "rules", "unit": "contact", "effect": "marketing",
        "s0-de": "A", "s0-en": "A", "s0-join": "any",
        "s0-g0-join": "all", "s0-g0-c0-what": "act.days_since_last", "s0-g0-c0-op": "before",
        "s0-g0-c0-value": "180", "s0-g0-c0-unit": "D", "s0-g0-c1-what": "field.country", "s0-g0-c1-op": "not_in",
        "s0-g0-c1-value": "AT, CH",
        "s0-g1-not": "1", "s0-g1-c0-what": "act.sum", "s0-g1-c0-op": "between", "s0-g1-c0-value": "1.000,50",
        "s0-g1-c0-upto": "2000",
    }  # fmt: skip
    made = document_of(from_form(form), CATALOGUE, "de", {})

    assert made.mistakes == ()
    keys = [feature["key"] for feature in made.document["features"]]
    assert made.document["segments"][0]["rule"] == {
        "any": [
            {"all": [{"feature": keys[0], "before": "P180D"}, {"not": {"feature": keys[1], "in": ["AT", "CH"]}}]},
            {"not": {"feature": keys[2], "between": [100050, 200000]}},
        ]
    }
    parse_definition(json.dumps(made.document), CATALOGUE)


def test_dates_and_words_however_written_go_through_the_form_and_back() -> None:
    """Whatever a rule may say of a date or a word stands in the form, and comes back as it was."""
    rules: list[dict[str, Any]] = [
        {"feature": "customer_since", "from_day": "2026-01-31"},
        {"feature": "customer_since", "before_day": "2026-01-31"},
        {"feature": "customer_since", "coming": "P30D"},
        {"feature": "country", "in": ["de", "At"], "ignore_case": True},
        {"not": {"feature": "country", "in": ["de"], "ignore_case": True}},
    ]
    given = RULES | {
        "features": [{"key": key, "field": key} for key in ("customer_since", "country")],
        "segments": [
            {"key": f"s{number}", "name": {"de": "A", "en": "A"}, "rule": rule} for number, rule in enumerate(rules)
        ],
    }
    made = document_of(Reader(given, CATALOGUE, "de").draft("x:1"), CATALOGUE, "de", given)

    assert made.mistakes == ()
    assert [each["rule"] for each in made.document["segments"]] == rules


def test_a_forecast_of_leaving_is_a_form_and_one_of_moving_is_text() -> None:
    """Ninety days ahead, groups from 30 and 60 percent, unless somebody says otherwise."""
    form = {"de": "T", "en": "T", "purpose": "sales_care", "kind": "forecast", "unit": "contact", "effect": "none"}
    made = document_of(from_form(form), CATALOGUE, "en", {})
    part = made.document["forecast"]

    assert (part["of"], part["horizon"], part["cuts"]) == ("leaving", "P90D", [0.3, 0.6])
    assert len(parse_definition(json.dumps(made.document), CATALOGUE).features) == 2
    with pytest.raises(NotShowable):
        Reader(made.document | {"forecast": part | {"of": "moving"}}, CATALOGUE, "en").draft("")


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("abc", {"m0-what": "act.sum"}),
        ("rfm", {}),
        ("clv", {}),
        ("kmeans", {"m0-what": "act.sum", "m1-what": "act.count"}),
        ("ward", {"m0-what": "act.sum", "m1-what": "act.count"}),
        ("mixture", {"m0-what": "act.sum", "m1-what": "act.count"}),
        ("latent_class", {"m0-what": "field.satisfaction", "m1-what": "act.count", "m1-bins": "1; 3"}),
        ("forecast", {"m0-what": "act.count", "m1-what": "act.days_since_last"}),
        ("manual", {"s0-de": "A", "s0-en": "A"}),
    ],
)
def test_the_defaults_of_every_kind_make_a_valid_definition(kind: str, more: dict[str, str]) -> None:
    """Sensible defaults: whoever changes nothing gets something that holds."""
    form = {"de": "Test", "en": "Test", "purpose": "sales_care", "kind": kind, "unit": "contact", "effect": "none"}
    made = document_of(from_form(form | more), CATALOGUE, "en", {})
    assert made.mistakes == ()
    assert parse_definition(json.dumps(made.document), CATALOGUE).kind == kind


def test_a_rule_that_the_form_has_no_room_for_is_edited_as_text(served: Served) -> None:
    """Nothing is lost by looking: deeper rules are said to be deeper, not flattened."""
    deep = {"all": [{"any": [{"all": [{"feature": "orders", "at_least": 1}]}, {"feature": "orders", "at_least": 9}]}]}
    segment = RULES["segments"][0] | {"rule": deep}
    document = RULES | {"scheme": "deep", "segments": [segment]}
    with pytest.raises(NotShowable):
        Reader(document, CATALOGUE, "en").draft("")
    segments.define(served.house, json.dumps(document), actor=OPERATOR, now=served.now)

    page = served.browser(Role.MARKETING).get("/console/segments/deep/edit").text

    assert "More than the form can show" in page
    assert "at_least" in page


def test_a_refused_field_is_shown_with_the_reason_the_article_and_ways_out(served: Served) -> None:
    """Purpose limitation is seen while choosing, not after storing (Article 5(1)(b) GDPR, PRI-1)."""
    browser = served.browser(Role.MARKETING)
    wrong = begun(browser) | {"purpose": "service_segmentation", "s0-g0-c0-what": "field.technology"}

    page = browser.post(NEW, data=wrong | {"do": "count"}).text

    assert "Art. 5(1)(b) GDPR" in page
    assert "Personally tailored offers" in page or "The catalogue declares this only for" in page
    assert 'value="del:s0-g0-c0"' in page
    assert "Choose another purpose" in page
    assert "Ask data protection" in page
    assert 'href="/console/field-templates"' in page
    assert "contribution_margin" in browser.get("/console/field-templates").text
    refused = browser.post(NEW, data=wrong | {"do": "preview"})
    assert refused.status_code == 422
    assert 'href="#f-s0-g0-c0-what"' in refused.text
    assert filled(refused.text)["de"] == "Vielbesteller"


def test_rows_come_and_go_and_the_input_stays(served: Served) -> None:
    """Every button is a plain form post; no script is needed (issue: works without JavaScript)."""
    browser = served.browser(Role.MARKETING)
    form = begun(browser)
    more = filled(browser.post(NEW, data=form | {"do": "add:s0-g0"}).text)
    assert "s0-g0-c1-what" in more
    grouped = filled(browser.post(NEW, data=more | {"do": "add:s0-g"}).text)
    assert "s0-g1-c0-what" in grouped
    two = filled(browser.post(NEW, data=grouped | {"do": "add:s"}).text)
    assert "s1-de" in two
    back = filled(browser.post(NEW, data=two | {"do": "del:s1"}).text)
    assert "s1-de" not in back
    assert (back["de"], back["s0-g0-c0-value"]) == ("Vielbesteller", "3")


def test_live_counts_are_rounded_for_marketing_and_never_below_ten(served: Served) -> None:
    """Nobody is singled out by typing conditions (XPT-3, differencing)."""
    browser = served.browser(Role.MARKETING)
    form = begun(browser)
    page = browser.post(NEW, data=form | {"do": "count"}).text
    assert re.search(r"<b>30</b>\s*are left", page)
    small = browser.post(NEW, data=form | {"s0-g0-c0-value": "9", "do": "count"}).text
    assert re.search(r"<b>below 10</b>\s*are left", small)


def test_mistakes_stand_on_top_and_at_their_field_and_nothing_is_stored(served: Served) -> None:
    """The summary gets the focus, the input is kept (WCAG 3.3.1)."""
    browser = served.browser(Role.MARKETING)
    answer = browser.post(NEW, data=begun(browser) | {"s0-g0-c0-value": "drei", "en": "", "do": "preview"})
    assert answer.status_code == 422
    assert "autofocus" in answer.text
    assert 'href="#f-s0-g0-c0-value"' in answer.text
    assert 'id="f-en-e"' in answer.text
    assert filled(answer.text)["s0-g0-c0-value"] == "drei"
    assert [state.scheme for state in segments.schemes(served.house).schemes] == ["value"]


def test_the_preview_stores_nothing_and_writes_no_fact(served: Served) -> None:
    """Looking ahead is no run: no record, no entry (design 6)."""
    browser = served.browser(Role.MARKETING)
    form = begun(browser)
    with served.house.work.reading() as connection:
        before = log.size(connection)

    page = browser.post(NEW, data=form | {"do": "preview"})

    assert page.status_code == 200
    assert "What each permission costs" in page.text
    with served.house.work.reading() as connection:
        assert log.size(connection) == before
    assert [state.scheme for state in segments.schemes(served.house).schemes] == ["value"]


def test_a_new_scheme_never_becomes_a_version_of_another_by_its_name(served: Served) -> None:
    """Two people who choose the same name do not overwrite each other."""
    browser = served.browser(Role.MARKETING)
    answer = browser.post(NEW, data=begun(browser) | {"de": "Value", "en": "Value", "do": "activate"})
    assert answer.status_code == 422
    assert "exists already" in answer.text
    assert activations.versions(served.house, "value").newest == 1


def test_from_the_form_over_the_draft_to_the_active_version_and_back(served: Served) -> None:
    """A draft is told beside the active version, and each older one can be active again."""
    browser = served.browser(Role.MARKETING)
    form = filled(browser.get(EDIT).text) | {"s0-g0-c0-value": "2"}
    assert browser.post(EDIT, data=form | {"do": "draft"}).status_code == 303
    assert "Version 2 is a draft; version 1 is active." in browser.get("/console/segments/value").text
    listed = browser.get("/console/segments/value/versions").text
    assert "number of orders at least 3 → number of orders at least 2" in listed
    token = served.form(browser)
    assert browser.post("/console/segments/value/versions/2/activate", data=token).status_code == 303
    assert activations.versions(served.house, "value").active == 2
    assert "The live run used version 1; version 2 is active." in browser.get("/console/segments/value").text
    browser.post("/console/segments/value/versions/1/activate", data=token)
    assert activations.versions(served.house, "value").active == 1
    browser.post("/console/segments/value/versions/deactivate", data=token)
    page = browser.get("/console/segments/value").text
    assert "no version is active" in page
    assert "Run now" not in page


def test_the_officer_sees_what_waits_and_decides_with_a_note(served: Served) -> None:
    """Price and contract wait for somebody else (Articles 35 and 38 GDPR, GOV-7)."""
    marketing, officer = served.browser(Role.MARKETING), served.browser(Role.DPO)
    form = begun(marketing) | {"purpose": "personalised_price", "effect": "price"}
    assert "Ask for approval" in marketing.post(NEW, data=form | {"do": "preview"}).text
    marketing.post(NEW, data=form | {"do": "activate"})
    path = "/console/segments/vielbesteller/versions/1"

    assert path in officer.get("/console").text
    assert "Your decision" in officer.get(path).text
    assert "Your decision" not in marketing.get(path).text
    request = re.search(r'name="request" value="(\d+)"', officer.get(path).text)
    assert request
    token = served.form(officer, request=request[1])
    assert officer.post(f"{path}/decide", data=token | {"answer": "no"}).status_code == 422
    assert marketing.post(f"{path}/decide", data=served.form(marketing, answer="yes")).status_code == 403
    assert officer.post(f"{path}/decide", data=token | {"answer": "yes", "note": "Geprüft"}).status_code == 303
    state = activations.versions(served.house, "vielbesteller")
    assert state.active == 1
    assert state.history[0].preview is not None


def test_the_text_names_the_path_of_each_mistake_and_keeps_what_was_written(served: Served) -> None:
    """For whoever writes definitions by hand: the same checks, the same refusals."""
    browser = served.browser(Role.MARKETING)
    token = served.form(browser, mode="text", do="preview")
    bad: dict[str, Any] = RULES | {"scheme": "other", "minimum_size": 1}
    answer = browser.post(NEW, data=token | {"document": json.dumps(bad)})
    assert answer.status_code == 422
    assert "$.minimum_size" in answer.text
    assert "Kundenwert" in answer.text
    refused = RULES | {"scheme": "other", "purpose": "service_segmentation"}
    refused |= {"features": [*RULES["features"], {"key": "t", "field": "technology"}]}
    assert "Systems in use" in browser.post(NEW, data=token | {"document": json.dumps(refused)}).text
    good = browser.post(NEW, data=token | {"document": json.dumps(RULES | {"scheme": "other"}), "do": "form"})
    assert 'id="builder"' in good.text


def test_a_form_of_nonsense_is_only_a_draft() -> None:
    """Whatever is posted, reading it never fails."""
    for form in ({"do": "x"}, {"s999-de": "x", "s0-g99-c99-what": "act.", "m3-what": "field."}, {"kind": "magic"}):
        draft = from_form(form)
        assert isinstance(draft, Draft)
        document_of(draft, CATALOGUE, "de", {})
