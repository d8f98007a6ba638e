"""Profiles, comparison, who moved and history: exact for the officer, nothing of a handful of people for marketing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.access import Right, may
from api.workflows import segment_history, segment_notes, segment_profiles
from api.workflows import segments as workflow
from api.workflows.home import note_catalogue
from api.workflows.segment_notes import NoteNamesSomebody, names_somebody
from audit import log
from audit.errors import BadInput
from consent.ledger import declare
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Act, Actor, Role
from segmentation.definitions import parse_definition
from segmentation.errors import SegmentUnknown
from segmentation.overlap import combinable
from tests.api.web import CONSOLE_ROLES, Served, serve
from tests.builders import default_catalogue
from tests.small_world import NOON, RULES, run_scheme, said

LATER = NOON + timedelta(hours=1)
CARE: dict[str, Any] = RULES | {
    "scheme": "care",
    "label": {"de": "Betreuung", "en": "Care"},
    "segments": [
        {
            "key": "old",
            "name": {"de": "Langjährig", "en": "Long-standing"},
            "name_for_subject": {"de": "Langjährige Kundschaft", "en": "Long-standing customers"},
            "rule": {"feature": "last", "at_most": 100},
        },
        {"key": "twice", "name": {"de": "Mehrfach", "en": "Repeated"}, "rule": {"feature": "orders", "at_least": 2}},
    ],
}
PAGES = ("value/gold", "value/compare", "value/compare?with=gold&with=others", "value/migration", "value/history")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two runs of one scheme with two objections between them, and a second scheme over the same people."""
    made = serve(tmp_path_factory.mktemp("house"))
    run_scheme(made.house, CARE)
    with made.house.work.writing() as connection:
        for subject in (1, 2, 40):
            declare(
                connection, subject, [said("personalised_offers", Act.WITHDRAWN, at=NOON)], actor=OPERATOR, now=NOON
            )
    run_scheme(made.house, RULES, now=LATER)
    made.now = LATER + timedelta(hours=1)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def counted(page: str) -> list[int]:
    """Every number in a cell of a table."""
    cells = re.findall(r'<td class="num[^"]*">(?:<b>)?([\d,]+)(?:</b>)?</td>', page)
    return [int(cell.replace(",", "")) for cell in cells]


def test_each_role_opens_the_pages_by_the_table_of_rights(lived: Served) -> None:
    """Function-level authorisation (SEC-4)."""
    for role in CONSOLE_ROLES:
        browser = lived.browser(role)
        for path in PAGES:
            allowed = browser.get(f"/console/segments/{path}").status_code == 200
            assert allowed == may(role, Right.SEGMENTS), (role, path)
        note = lived.form(browser, owner="Team", strategy="Thank them.")
        answer = browser.post("/console/segments/value/others/notes", data=note).status_code
        assert (answer == 303) == may(role, Right.DEFINE), role


def test_the_matrix_tells_stayed_left_and_why_exactly_to_the_operator(lived: Served) -> None:
    """Three withdrew: two regulars and one of the others; nobody else moved."""
    shown = segment_history.migration(lived.house, "value")
    found = shown.found
    assert found.cells == ((28, 0, 0, 2), (0, 29, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0))
    assert (found.stayed, found.moved, found.joined, found.left) == (57, 0, 0, 3)
    assert found.reasons == {"consent_withdrawn": 3}
    assert found.causes is not None
    assert found.causes.customer == found.causes.model == 0


def test_marketing_cannot_subtract_the_three_who_left(lived: Served) -> None:
    """Neither from the totals nor from the other cells (invariant 6): every small number stays several values wide."""
    told = segment_history.migration(lived.house, "value").told(exact=False)
    cells = [cell for row in told.cells for cell in row][:-1]  # nobody can have joined and left
    assert all(cell is None or cell >= 10 for cell in cells)
    for row, total in zip(told.cells, told.rows, strict=True):
        hidden = row.count(None)
        shown = sum(cell for cell in row if cell is not None)
        if hidden == 1 and total is not None:
            assert total + 4 - (shown - 5) >= 9
    page = lived.browser(Role.MARKETING).get("/console/segments/value/migration").text
    assert all(number % 10 == 0 for number in counted(page)), counted(page)
    assert "below 10" in page
    assert not re.search(r"<dd>[1-9]</dd>", page)


def test_no_number_of_these_pages_is_exact_or_below_ten_for_marketing(lived: Served) -> None:
    """Marketing sees tens; the officer sees them all (XPT-3)."""
    browser = lived.browser(Role.MARKETING)
    for path in PAGES:
        assert "28" not in re.findall(r">\s*(\d+)\s*<", browser.get(f"/console/segments/{path}").text), path
    officer = lived.browser(Role.DPO).get("/console/segments/value/migration").text
    assert {28, 29, 57} <= set(counted(officer)) | {57}


def test_the_api_rounds_for_marketing_and_not_for_the_officer(lived: Served) -> None:
    """The same numbers by another door are the same numbers."""
    exact, rounded = lived.caller(Role.DPO), lived.caller(Role.MARKETING)
    path = "/api/v1/schemes/value"
    assert exact.get(f"{path}/segments/gold").json()["size"] == 28
    told = rounded.get(f"{path}/segments/gold").json()
    assert told["size"] == 30
    assert all(point["people"] == 30 for point in told["figures"])
    assert all(people is None or people % 10 == 0 for each in told["overlaps"] for people in each["segments"].values())
    assert exact.get(f"{path}/migration").json()["left"] == 3
    assert rounded.get(f"{path}/migration").json()["left"] == "<10"
    assert rounded.get(f"{path}/history").json()["runs"][-1]["placed"] == 60
    assert exact.get(f"{path}/history").json()["runs"][-1]["placed"] == 57
    beside = rounded.get(f"{path}/compare?with=gold&with=others").json()
    assert [segment["size"] for segment in beside["segments"]] == [30, 30]


def test_a_profile_says_in_words_what_sets_apart_and_what_it_brings(lived: Served) -> None:
    """Aggregates only, and the name that customers read beside the internal one (issue 4)."""
    page = lived.browser(Role.MARKETING).get("/console/segments/value/gold").text
    assert "They order far more often than the others." in page
    assert re.search(r"\d+% of the people bring \d+% of the revenue\.", page)
    care = lived.browser(Role.MARKETING).get("/console/segments/care/old").text
    assert "“Long-standing customers”" in care


def test_overlap_counts_whoever_is_in_both_and_nothing_that_a_purpose_may_not_see(lived: Served) -> None:
    """Two schemes lie over each other where each purpose may see the other's fields (Article 5(1)(b) GDPR)."""
    found = segment_profiles.segment_profile(lived.house, "value", "gold", now=lived.now)
    (other,) = found.overlaps
    assert other.scheme == "care"
    assert sum(other.cells[0]) == 28

    region = [*RULES["features"], {"key": "region", "field": "region_sales", "levels": ["north", "south"]}]
    offers, bare = (
        parse_definition(json.dumps(RULES | more), lived.house.catalogue) for more in ({"features": region}, {})
    )
    service = parse_definition(json.dumps(RULES | {"purpose": "service_segmentation"}), lived.house.catalogue)
    firms = parse_definition(json.dumps(RULES | {"unit": "account"}), lived.house.catalogue)
    assert combinable(lived.house.catalogue, bare, service)
    assert not combinable(lived.house.catalogue, offers, service)
    assert not combinable(lived.house.catalogue, bare, firms)


def test_a_note_names_nobody_and_stays(lived: Served) -> None:
    """Free text about everybody in a segment is no place for a person (Article 5(1)(c) GDPR)."""
    marketing = Actor(Role.MARKETING, "a1")
    given: dict[str, Any] = {"owner": "Key accounts", "actor": marketing, "now": lived.now}
    first = segment_notes.note(lived.house, "care", "old", strategy="Call once a quarter.", **given)
    segment_notes.note(lived.house, "care", "old", strategy="Invite them to the fair on 01.12.2026.", **given)
    notes = segment_profiles.segment_profile(lived.house, "care", "old", now=lived.now).notes
    assert [note.strategy[:4] for note in notes] == ["Invi", "Call"]
    for text in ("Ask ada.muster5@example.org", "Ring +49 30 23125011", "0049-30-23125011 is hers", "(030) 231 250 11"):
        with pytest.raises(NoteNamesSomebody):
            segment_notes.note(lived.house, "care", "old", strategy=text, **given)
    with pytest.raises(SegmentUnknown):
        segment_notes.note(lived.house, "care", "nothing", strategy="Nothing.", **given)
    with lived.house.work.reading() as connection:
        (_, fact) = log.entries(connection, kind="segment:noted")[:2]
    assert dict(fact.body) == {"note": first.number, "scheme": "care", "segment": "old"}
    assert b"quarter" not in fact.data


@pytest.mark.parametrize(
    "text", ["1.000.000 € more by 2027", "From 01.12.2026 to 2027-03-31", "Call 3 times", "20 % off"]
)
def test_amounts_and_dates_are_no_phone_numbers(text: str) -> None:
    """A guard that cries wolf is switched off."""
    assert not names_somebody(text)


def test_a_note_with_an_address_comes_back_with_the_reason(lived: Served) -> None:
    """What was typed stays in the form, and the way out stands above it."""
    browser = lived.browser(Role.MARKETING)
    form = lived.form(browser, owner="Team", strategy="Write to ada.muster5@example.org")
    answer = browser.post("/console/segments/value/gold/notes", data=form)
    assert answer.status_code == 422
    assert "Name a role or a team" in answer.text


def test_comparing_needs_two_to_four_different_segments(lived: Served) -> None:
    """More do not fit beside each other, and one is its own profile."""
    for keys in (["gold"], ["gold", "gold"], ["gold"] * 5):
        with pytest.raises(BadInput):
            segment_profiles.compare(lived.house, "value", keys, now=lived.now)
    with pytest.raises(SegmentUnknown):
        segment_profiles.compare(lived.house, "value", ["gold", "nothing"], now=lived.now)


def test_history_names_every_run_with_cause_version_model_and_role(lived: Served) -> None:
    """Who decided what when, without a look into the database (Article 5(2) GDPR)."""
    first, last = segment_history.history(lived.house, "value").runs
    assert (first.cause, first.version, first.placed) == ("hand", 1, 60)
    assert (last.placed, last.model) == (57, first.model)
    assert last.actor is not None
    assert last.actor.startswith("operator")
    with pytest.raises(BadInput):
        segment_history.migration(lived.house, "value", before=last.run, after=first.run)


def test_before_the_second_run_nobody_can_have_moved(lived: Served) -> None:
    """The page says so, the API answers that there is nothing."""
    assert "known after the second run" in lived.browser(Role.MARKETING).get("/console/segments/care/migration").text
    answer = lived.caller(Role.MARKETING).get("/api/v1/schemes/care/migration")
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (404, "one-run-only")


def test_a_scheme_is_still_shown_when_its_purpose_left_the_catalogue(tmp_path: Path) -> None:
    """What was decided under the old catalogue is still described, under the version it was decided by (Article 15)."""
    made = serve(tmp_path)
    note_catalogue(made.house, actor=OPERATOR, now=NOON)
    renamed = default_catalogue().replace('"personalised_offers"', '"special_offers"')
    house = replace(made.house, catalogue=parse_catalogue(renamed))

    assert workflow.show(house, "value", now=made.now).now == {"gold": 30, "others": 30}
    found = segment_profiles.segment_profile(house, "value", "gold", now=made.now)
    assert (found.segment.size, found.holds, found.overlaps) == (30, False, ())
    assert segment_profiles.compare(house, "value", ["gold", "others"], now=made.now).segments[0].size == 30
    assert len(segment_history.history(house, "value").runs) == 1
    made.house.close()
