"""What a correction waits for: its review day, or a human because its segment is gone (Articles 16 and 22(3) GDPR)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import correcting, segments
from api.workflows.segment_results import CorrectionOrder
from governance.vocabulary import OPERATOR, Role
from segmentation.errors import CorrectionRefused
from tests.api.web import serve
from tests.small_world import NOON, RULES, a_small_world, run_scheme

REVIEW = date(2027, 3, 1)
RENAMED: dict[str, Any] = RULES | {
    "segments": [{**RULES["segments"][0], "key": "silver"}],
}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty contacts in a scheme, on both engines."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    yield made
    made.close()


def correct(house: House, reference: str = "K0040", *, now: datetime = NOON, review: date = REVIEW) -> None:
    order = CorrectionOrder("move", "gold", "Told us so.", review)
    correcting.correct(house, "value", reference, order, actor=OPERATOR, now=now)


def redefine(house: House, now: datetime = NOON) -> None:
    segments.define(house, json.dumps(RENAMED), actor=OPERATOR, now=now)
    segments.run(house, "value", actor=OPERATOR, now=now)


def test_a_scheme_says_how_many_corrections_want_somebody(house: House) -> None:
    """In force, due, and into a segment that a redefinition took away (REC-3)."""
    assert segments.show(house, "value", now=NOON).to_json()["corrections"]["in_force"] == 0
    correct(house)
    correct(house, "K0041", review=date(2027, 9, 1))

    then = NOON + timedelta(days=200)
    redefine(house, then)

    assert segments.show(house, "value", now=then).to_json()["corrections"] == {
        "in_force": 2,
        "due": 1,
        "homeless": 2,
        "next_review": "2027-03-01",
    }


def test_a_day_is_a_day_where_the_controller_is(house: House) -> None:
    """Half past eleven at night in Greenwich is tomorrow in Berlin: a review on that day is too soon there."""
    night = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    with pytest.raises(CorrectionRefused, match="review"):
        correct(house, now=night, review=date(2026, 11, 23))

    correct(house, now=night, review=date(2026, 11, 24))
    due_at = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert segments.show(house, "value", now=due_at).corrections.due == 1
    assert segments.show(house, "value", now=due_at - timedelta(seconds=1)).corrections.due == 0


def test_the_desk_finds_whoever_a_correction_waits_for(tmp_path: Path) -> None:
    """A task on the first page, a list behind it, and each row opens the person; nobody is named on the way (REC-3)."""
    served = serve(tmp_path)
    correct(served.house)
    redefine(served.house)
    desk = served.browser(Role.DESK)

    assert "A correction names a segment that is gone" in desk.get("/console").text
    page = desk.get("/console/corrections").text
    assert "segment is gone" in page
    assert "K0040" not in page
    path = page.split('href="/console/person/', 1)[1].split('"', 1)[0]
    assert desk.get(f"/console/person/{path}").status_code == 200
    assert served.browser(Role.MARKETING).get("/console/corrections").status_code == 403

    served.now = datetime(2027, 2, 28, 23, 30, tzinfo=UTC)
    desk = served.browser(Role.DESK)
    assert "A correction is due for review" in desk.get("/console").text
    assert "review is due" in desk.get("/console/corrections").text
    served.house.close()
