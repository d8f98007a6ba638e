"""When a scheme is computed again, and that nothing leaves the house by an old result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import export_requests, exports, schedules, segments
from api.workflows.schedules import QUIET
from audit.errors import BadInput
from consent.ledger import declare
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Act, Role
from segmentation import store, store_schedule
from segmentation.errors import SchemeUnknown, StaleSegment
from tests.api.web import Served
from tests.small_world import DAY, NOON, RULES, a_small_world, run_scheme, said

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WANTED = {
    "purpose": "personalised_offers", "scheme": "value", "segments": ["gold"], "mode": "pseudonyms",
    "recipient": {"name": "Muster GmbH", "country": "DE", "role": "processor"}, "fields": [], "valid": "P60D",
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A small house with one scheme that ran, on both engines."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    yield made
    made.close()


def set_to(house: House, now: datetime = NOON, **given: Any) -> schedules.ScheduleState:
    """Set a schedule."""
    wanted: dict[str, Any] = {"every": None, "on_change": False, "fresh_for": None} | given
    return schedules.set_schedule(house, "value", **wanted, actor=OPERATOR, now=now)


def causes(house: House) -> list[str]:
    """Why each published run was made."""
    with house.work.reading() as connection:
        return [run.cause for run in store.published_runs(connection)]


class TestByTime:
    """Every so often (Article 5(1)(d) GDPR)."""

    def test_it_runs_when_it_is_due_and_not_before(self, house: House) -> None:
        """And the next time as long after."""
        set_to(house, every="P1D")
        assert schedules.run_due(house, now=NOON + DAY - MINUTE) == 0
        assert schedules.run_due(house, now=NOON + DAY) == 1
        assert schedules.run_due(house, now=NOON + DAY + MINUTE) == 0
        assert causes(house) == ["hand", "schedule"]
        state = schedules.schedule_of(house, "value", now=NOON + DAY)
        assert state.due_at == NOON + 2 * DAY

    def test_a_failure_is_told_and_rests_longer_each_time(self, house: House) -> None:
        """Five minutes, ten, twenty: a broken scheme does not keep the house busy."""
        set_to(house, every="P1D")
        broken = replace(house, catalogue=_without_profiling(house))
        now = NOON + DAY
        assert schedules.run_due(broken, now=now) == 0
        first = schedules.schedule_of(house, "value", now=now)
        assert first.problem is not None
        assert first.due_at == now + timedelta(minutes=5)
        assert schedules.run_due(broken, now=now + MINUTE) == 0
        assert schedules.schedule_of(house, "value", now=now).attempts == 1
        schedules.run_due(broken, now=now + timedelta(minutes=5))
        assert schedules.schedule_of(house, "value", now=now).due_at == now + timedelta(minutes=15)
        assert schedules.run_due(house, now=now + HOUR) == 1
        assert schedules.schedule_of(house, "value", now=now).problem is None

    def test_two_workers_do_not_run_it_twice(self, house: House) -> None:
        """Whoever took it first has it; the other sees another row."""
        set_to(house, every="P1D")
        with house.work.reading() as connection:
            [row] = store_schedule.every_schedule(connection)
        assert schedules._take(house, row, NOON + DAY)
        assert not schedules._take(house, row, NOON + DAY)
        assert schedules.run_due(house, now=NOON + DAY + MINUTE) == 0


def _without_profiling(house: House) -> Any:
    """A catalogue whose purpose does not cover profiling any more."""
    head, mark, tail = house.catalogue.document.partition('key = "personalised_offers"')
    return parse_catalogue(head + mark + tail.replace("profiling = true", "profiling = false", 1))


class TestOnChange:
    """After imports and declarations, once for many."""

    def test_many_changes_make_one_run_when_it_is_quiet(self, house: House) -> None:
        """A hundred withdrawals in a row are one run."""
        set_to(house, on_change=True)
        assert schedules.run_due(house, now=NOON + DAY) == 0
        for number in range(1, 6):
            at = NOON + HOUR + number * MINUTE
            with house.work.writing() as connection:
                declare(connection, number, [said("personalised_offers", Act.WITHDRAWN, at=at)], actor=OPERATOR, now=at)
        last = NOON + HOUR + 5 * MINUTE
        assert schedules.run_due(house, now=last + QUIET - MINUTE) == 0
        assert schedules.run_due(house, now=last + QUIET) == 1
        assert schedules.run_due(house, now=last + HOUR) == 0
        assert causes(house) == ["hand", "change"]

    def test_a_house_that_is_never_quiet_is_computed_after_an_hour(self, house: House) -> None:
        """Waiting for quiet must not mean never."""
        set_to(house, on_change=True)
        published = 0
        for number in range(1, 32):
            at = NOON + number * 2 * MINUTE
            with house.work.writing() as connection:
                declare(connection, number, [said("newsletter", Act.WITHDRAWN, at=at)], actor=OPERATOR, now=at)
            published += schedules.run_due(house, now=at + MINUTE)
        assert published == 1

    def test_a_run_under_way_is_not_begun_again_by_a_further_change(self, house: House) -> None:
        """Two workers, one run: the second sees that it is taken."""
        set_to(house, on_change=True)
        at = NOON + HOUR
        with house.work.writing() as connection:
            declare(connection, 1, [said("personalised_offers", Act.WITHDRAWN, at=at)], actor=OPERATOR, now=at)
        with house.work.reading() as connection:
            [row] = store_schedule.every_schedule(connection)
        assert schedules._take(house, row, at + QUIET)
        assert schedules.run_due(house, now=at + QUIET + MINUTE) == 0
        assert schedules.schedule_of(house, "value", now=at).problem is None
        assert schedules.run_due(house, now=at + 3 * HOUR) == 1  # whoever took it is gone
        assert causes(house) == ["hand", "change"]

    def test_a_schedule_that_is_set_during_a_run_stands(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The run that ends does not undo what somebody just decided."""
        set_to(house, every="P1D")
        real = segments.run

        def slow(*args: Any, **more: Any) -> Any:
            set_to(house, now=NOON + DAY + MINUTE, every="P7D")
            return real(*args, **more)

        monkeypatch.setattr(segments, "run", slow)
        assert schedules.run_due(house, now=NOON + DAY) == 1
        assert schedules.schedule_of(house, "value", now=NOON + DAY).due_at == NOON + 8 * DAY + MINUTE


class TestFreshness:
    """Old segments are inaccurate segments (Article 5(1)(d) GDPR)."""

    def test_nothing_leaves_by_a_stale_result_at_any_step(self, house: House) -> None:
        """Requested, approved and built while fresh; refused at the next step once it is not (invariant 1)."""
        made = export_requests.request(house, json.dumps(WANTED), actor=OPERATOR, now=NOON)
        export_requests.approve(house, made.number, actor=OPERATOR, now=NOON)
        exports.build(house, made.number, actor=OPERATOR, now=NOON + 29 * DAY)
        late = NOON + 31 * DAY
        with pytest.raises(StaleSegment, match="stale since"):
            exports.download(house, made.number, actor=OPERATOR, now=late)
        with pytest.raises(StaleSegment):
            export_requests.request(house, json.dumps(WANTED), actor=OPERATOR, now=late)
        segments.run(house, "value", actor=OPERATOR, now=late)
        assert export_requests.request(house, json.dumps(WANTED), actor=OPERATOR, now=late)

    def test_another_active_version_makes_the_result_stale(self, house: House) -> None:
        """What was computed by yesterday's rules is not what was approved today."""
        changed = RULES | {"label": {"de": "Anders", "en": "Otherwise"}}
        segments.define(house, json.dumps(changed), actor=OPERATOR, now=NOON)
        with pytest.raises(StaleSegment, match="another version"):
            export_requests.request(house, json.dumps(WANTED), actor=OPERATOR, now=NOON)

    def test_a_scheme_may_ask_for_less_time_and_never_for_more(self, house: House) -> None:
        """The house's own limit stands in the catalogue."""
        assert set_to(house, fresh_for="P2D").freshness.fresh_until == NOON + 2 * DAY
        with pytest.raises(BadInput, match="at most P30D"):
            set_to(house, fresh_for="P31D")
        assert schedules.schedule_of(house, "value", now=NOON + 3 * DAY).freshness.stale

    @pytest.mark.parametrize("every", ["PT1M", "P3Y", "tomorrow", ""])
    def test_a_duration_that_is_none_or_makes_no_sense_is_refused(self, house: House, every: str) -> None:
        """Bad input gets a clear error."""
        with pytest.raises(BadInput):
            set_to(house, every=every)

    def test_a_schedule_is_for_a_scheme_that_exists(self, house: House) -> None:
        """Nothing is set for a name that nobody defined."""
        with pytest.raises(SchemeUnknown):
            schedules.schedule_of(house, "nothing", now=NOON)


class TestFaces:
    """The form, the API, and who may."""

    def test_marketing_sets_it_and_the_page_says_so(self, served: Served) -> None:
        """By form; the officer reads it."""
        marketing = served.browser(Role.MARKETING)
        form = served.form(marketing, every="P7D", on_change="1", fresh_for="P14D")
        assert marketing.post("/console/segments/value/schedule", data=form).status_code == 303
        page = served.browser(Role.DPO).get("/console/segments/value").text
        assert "fresh until" in page
        assert "Next run:" in page
        wrong = marketing.post("/console/segments/value/schedule", data=served.form(marketing, fresh_for="P1Y"))
        assert wrong.status_code == 422
        assert "autofocus" in wrong.text

    def test_the_api_sets_and_tells_it(self, served: Served) -> None:
        """Only who may run may set it (GOV-7)."""
        caller = served.caller(Role.MARKETING)
        told = caller.put("/api/v1/schemes/value/schedule", json={"every": "P1D", "on_change": True}).json()
        assert (told["every"], told["on_change"], told["freshness"]["stale"]) == ("P1D", True, False)
        assert served.caller(Role.DPO).put("/api/v1/schemes/value/schedule", json={}).status_code == 403
