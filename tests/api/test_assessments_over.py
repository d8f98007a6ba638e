"""Once the assessment of prices or contracts is over, nothing of them goes on (Article 35(11) GDPR, GOV-2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from api.wiring import House
from api.workflows import export_requests, exports, schedules, segments
from governance.vocabulary import OPERATOR
from segmentation.errors import AssessmentMissing
from tests.api.test_exports import a_request
from tests.api.test_prices import SCHEME
from tests.small_world import NOON, a_small_world, run_scheme

PRICE = "personalised_price"
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A scheme that prices hang on ran while its assessment held."""
    made = a_small_world(tmp_path, people=40, gold=20, purposes=(PRICE,))
    run_scheme(made, SCHEME)
    yield made
    made.close()


def over(house: House) -> House:
    """The same house on the day after the assessment's last."""
    purpose = house.catalogue.purpose(PRICE)
    assert purpose.assessment is not None
    ended = replace(purpose, assessment=replace(purpose.assessment, valid_until=date(2026, 11, 21)))
    purposes = MappingProxyType({**house.catalogue.purposes, PRICE: ended})
    return replace(house, catalogue=replace(house.catalogue, purposes=purposes))


def test_it_is_not_computed_again_by_hand_or_by_the_clock(house: House) -> None:
    """The officer's approval rested on the assessment."""
    schedules.set_schedule(house, "tiers", every="PT1H", on_change=False, fresh_for=None, actor=OPERATOR, now=NOON)
    ended = over(house)

    with pytest.raises(AssessmentMissing, match=PRICE):
        segments.run(ended, "tiers", actor=OPERATOR, now=LATER)
    schedules.run_due(ended, now=NOON + timedelta(days=2))
    assert segments.show(house, "tiers", now=LATER).to_json()["run"] == 1
    assert segments.run(house, "tiers", actor=OPERATOR, now=LATER).run == 2


def test_no_file_is_asked_for_built_or_handed_out(house: House) -> None:
    """Also one that was asked for while it held."""
    wanted = a_request(purpose=PRICE, scheme="tiers", mode="pseudonyms", channel=..., fields=["customer_since"])
    number = export_requests.request(house, wanted, actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    ended = over(house)

    with pytest.raises(AssessmentMissing):
        export_requests.request(ended, wanted, actor=OPERATOR, now=LATER)
    with pytest.raises(AssessmentMissing):
        exports.build(ended, number, actor=OPERATOR, now=LATER)
