"""The officer's desk: finding entries, alarms, how the house stands, and what happened since the last look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.wiring import House
from api.workflows import alarms, compliance, export_requests
from api.workflows.log_search import Wanted, search
from audit import log
from audit.errors import BadInput
from audit.fact import Fact
from governance.alarms import AlarmKind, Thresholds, busiest_hours
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Actor, Role
from tests.api.web import Served
from tests.small_world import DAY, NOON, RULES, a_small_world, run_scheme

DESK = Actor(Role.DESK, "d1")
OFFICER = Actor(Role.DPO, "o1")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small house with one scheme that ran."""
    made = a_small_world(tmp_path)
    run_scheme(made, RULES)
    yield made
    made.close()


def noted(house: House, kind: str, actor: Actor, times: list[datetime]) -> None:
    """Facts of a kind at these instants."""
    with house.work.writing() as connection:
        log.append(connection, [Fact(kind, str(actor), at, {"reason": "audit"}, (1,)) for at in times])


def minutes(count: int, of: timedelta = timedelta(minutes=1)) -> list[datetime]:
    """So many instants up to noon."""
    return [NOON - of * place for place in range(count, 0, -1)]


class TestSearch:
    """By time, kind, purpose, scheme, role and person (LOG-13)."""

    def test_entries_are_found_by_what_they_are_about(self, house: House) -> None:
        """Article 5(2) GDPR: who is to show something has to find it."""
        runs = search(house, Wanted(scheme="value", kind="run:published"))
        assert [entry.body["scheme"] for entry in runs.entries] == ["value"]
        given = search(house, Wanted(purpose="personalised_offers", role="operator"), limit=500)
        assert {entry.kind for entry in given.entries} == {"consent:given"}
        assert not search(house, Wanted(purpose="newsletter")).entries

    def test_both_days_of_a_span_are_included(self, house: House) -> None:
        """A day is the controller's, from midnight to midnight."""
        noted(house, "subject:looked_up", DESK, [NOON + DAY])
        wanted = Wanted(kind="subject:looked_up", since=(NOON + DAY).date(), until=(NOON + DAY).date())
        assert len(search(house, wanted).entries) == 1
        assert not search(house, replace(wanted, since=(NOON + 2 * DAY).date(), until=None)).entries
        assert not search(house, replace(wanted, since=None, until=NOON.date())).entries

    def test_pages_follow_one_another_without_gap_or_double(self, house: House) -> None:
        """The same entries whether read in one page or in many."""
        wanted, seen, before = Wanted(purpose="personalised_offers"), [], None
        while True:
            page = search(house, wanted, before=before, limit=7)
            seen += [entry.index for entry in page.entries]
            if page.older is None:
                break
            before = page.older
        assert seen == [entry.index for entry in search(house, wanted, limit=10_000).entries]

    def test_one_person_is_found_by_the_stand_in_of_the_session_alone(self, served: Served) -> None:
        """The address names nobody, and the look-up said why (LOG-13; PSE-7)."""
        officer = served.browser(Role.DPO)
        form = served.form(officer, unit="contact", reference="K0005", reason="audit")
        place = officer.post("/console/person", data=form).headers["location"]
        handle = place.rpartition("/")[2]
        page = officer.get(f"/console/log?person={handle}").text
        assert "Somebody looked up" in page
        assert "K0005" not in page
        assert "only entries about person" not in served.browser(Role.AUDITOR).get(f"/console/log?person={handle}").text

    def test_a_kept_view_is_ones_own_and_holds_no_person(self, served: Served) -> None:
        """What somebody searches for again is not shown to others."""
        officer = served.browser(Role.DPO)
        form = served.form(officer, kind="run:published", scheme="value", person="abc", name="Runs")
        assert (
            officer.post("/console/log/views", data=form)
            .headers["location"]
            .endswith("kind=run%3Apublished&scheme=value")
        )
        assert ">Runs</a>" in officer.get("/console/log").text
        assert ">Runs</a>" not in served.browser(Role.AUDITOR).get("/console/log").text
        number = re.search(r"/console/log/views/(\d+)/drop", officer.get("/console/log").text)
        assert number
        officer.post(number[0], data=served.form(officer))
        assert ">Runs</a>" not in officer.get("/console/log").text


def test_nobody_is_looked_up_without_a_reason(served: Served) -> None:
    """Re-identification is reason-coded and logged (PSE-7; Article 5(1)(b) GDPR)."""
    desk = served.browser(Role.DESK)
    for reason in ("", "curiosity"):
        form = served.form(desk, unit="contact", reference="K0006", reason=reason)
        assert desk.post("/console/person", data=form).status_code == 400


class TestAlarms:
    """What the officer should look at (PSE-7, ADM-5)."""

    def test_more_look_ups_in_an_hour_than_the_limit_are_an_alarm(self, house: House) -> None:
        """51 within the hour are, 50 are not."""
        noted(house, "subject:looked_up", DESK, minutes(50))
        assert not alarms.alarms(house, now=NOON)
        noted(house, "subject:looked_up", DESK, [NOON])
        [found] = alarms.alarms(house, now=NOON)
        assert (found.kind, found.count, found.limit) == (AlarmKind.MANY_READS, 51, 50)

    def test_as_many_over_a_day_are_none(self, house: House) -> None:
        """It is the rate that is unusual, not the work."""
        noted(house, "subject:looked_up", DESK, minutes(100, timedelta(minutes=5)))
        assert not alarms.alarms(house, now=NOON)

    def test_the_limit_is_a_setting_of_the_catalogue(self, house: House) -> None:
        """A house sets its own thresholds."""
        edited = parse_catalogue(house.catalogue.document + "\n[alarms]\nreads_per_hour = 3\n")
        noted(house, "subject:looked_up", DESK, minutes(5))
        assert len(alarms.alarms(replace(house, catalogue=edited), now=NOON)) == 1

    def test_an_acknowledged_alarm_is_closed_and_that_is_a_fact(self, house: House) -> None:
        """Who looked at it stands in the log."""
        noted(house, "subject:looked_up", DESK, minutes(60))
        [found] = alarms.alarms(house, now=NOON)
        entry = alarms.acknowledge(house, found.key, actor=OFFICER, now=NOON)
        assert not alarms.alarms(house, now=NOON)
        with house.work.reading() as connection:
            assert log.entry(connection, entry).kind == "alarm:acknowledged"
        with pytest.raises(BadInput):
            alarms.acknowledge(house, found.key, actor=OFFICER, now=NOON)

    def test_whoever_always_says_yes_is_told(self, house: House) -> None:
        """A rubber stamp is no human review (WP251; ADM-2)."""
        noted(house, "export:approved", OFFICER, minutes(19))
        assert not alarms.alarms(house, now=NOON)
        noted(house, "export:approved", OFFICER, [NOON])
        assert [one.kind for one in alarms.alarms(house, now=NOON)] == [AlarmKind.ALWAYS_YES]
        noted(house, "export:declined", OFFICER, [NOON, NOON])
        assert not alarms.alarms(house, now=NOON)

    def test_busy_hours_are_told_once_each(self) -> None:
        """One stretch of reading is one alarm, however long it lasts."""
        stretch = [NOON + timedelta(seconds=place) for place in range(200)]
        later = [at + timedelta(hours=3) for at in stretch]
        assert len(busiest_hours(stretch + later, 50)) == 2
        assert busiest_hours([], 50) == []
        assert Thresholds().reads_per_hour == 50


def test_a_declined_export_ends_there(house: House) -> None:
    """The second person may say no as easily as yes (XPT-2; Article 25 GDPR)."""
    wanted = {
        "purpose": "personalised_offers", "scheme": "value", "segments": ["gold"], "mode": "pseudonyms",
        "recipient": {"name": "Muster GmbH", "country": "DE", "role": "processor"}, "fields": [], "valid": "P7D",
    }  # fmt: skip
    made = export_requests.request(house, json.dumps(wanted), actor=OPERATOR, now=NOON)
    assert export_requests.decline(house, made.number, actor=OFFICER, now=NOON).state == "declined"
    with pytest.raises(export_requests.ApprovalRefused):
        export_requests.approve(house, made.number, actor=OFFICER, now=NOON)


class TestCompliance:
    """How the house stands (Article 39(1)(b) GDPR)."""

    def test_an_assessment_that_runs_out_is_told_before_and_after(self, house: House) -> None:
        """PRI-7: nothing runs after its last day, so somebody should know earlier."""

        def kinds(now: datetime) -> set[str]:
            found = compliance.compliance(house, now=now).matters
            return {one.kind for one in found if one.area is compliance.Area.ASSESSMENTS}

        assert kinds(NOON) == {"ok"}
        assert "attention" in kinds(NOON.replace(year=2027))
        assert "refused" in kinds(NOON.replace(year=2029))

    def test_a_scheme_that_was_not_run_for_a_month_is_told(self, house: House) -> None:
        """Old results are inaccurate results (Article 5(1)(d) GDPR)."""

        def state(now: datetime) -> list[str]:
            found = compliance.compliance(house, now=now).matters
            return [one.kind for one in found if one.area is compliance.Area.SCHEMES]

        assert state(NOON) == ["ok"]
        assert state(NOON + 45 * DAY) == ["attention"]

    def test_a_mark_never_goes_back_and_never_beyond_the_log(self, house: House) -> None:
        """What happened since the last look is complete."""
        compliance.mark_seen(house, OFFICER, 10**9, now=NOON)
        assert compliance.news(house, OFFICER).kinds == ()
        compliance.mark_seen(house, OFFICER, 0, now=NOON)
        assert compliance.news(house, OFFICER).kinds == ()
        noted(house, "subject:looked_up", DESK, [NOON])
        assert compliance.news(house, OFFICER).kinds == (("subject:looked_up", 1),)
        assert compliance.news(house, Actor(Role.AUDITOR, "a1")).since is None

    def test_the_page_is_the_officers_and_the_auditors(self, served: Served) -> None:
        """GOV-7."""
        page = served.browser(Role.DPO).get("/console/compliance")
        assert page.status_code == 200
        assert "Since your last look" in page.text
        assert served.browser(Role.MARKETING).get("/console/compliance").status_code == 403
        officer = served.browser(Role.DPO)
        assert officer.post("/console/compliance/seen", data=served.form(officer, size="5")).status_code == 303
