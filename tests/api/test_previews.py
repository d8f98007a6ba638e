"""Previews over HTTP and by command line: rounded for marketing, exact for whoever may, refused fields with the why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.workflows import activations
from api.workflows.previews import field_choices, preview
from governance.vocabulary import Actor, Role, Unit
from tests.api.web import Served, serve
from tests.small_world import NOON, RULES

WRITER = Actor(Role.MARKETING, "m1")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Sixty contacts of whom five ordered often."""
    made = serve(tmp_path, gold=5)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def test_marketing_reads_tens_and_the_officer_exact_numbers(served: Served) -> None:
    """Nothing below ten, nothing below the minimum size, in no corner of the answer (XPT-3)."""
    text = json.dumps(RULES)
    told = served.caller(Role.MARKETING).post("/api/v1/schemes/preview", json=RULES).json()
    exact = preview(served.house, text, actor=WRITER, now=served.now).to_json()

    assert [each["people"] for each in told["outlook"]["segments"]] == ["<10", 60]
    assert [each["fits"] for each in told["outlook"]["segments"]] == ["<10", None]
    assert [each["people"] for each in exact["outlook"]["segments"]] == [0, 55]
    assert exact["outlook"]["segments"][0]["suppressed"]
    assert [each["key"] for each in exact["warnings"]] == ["few_segments", "below_minimum"]
    assert '"5"' not in json.dumps(told)
    assert not any(cell in range(1, 10) for row in told["outlook"]["moves"]["people"] for cell in row)


def test_a_preview_names_every_refused_field_and_why(served: Served) -> None:
    """What a purpose may not see is said before anything is stored (Article 5(1)(b) GDPR, PRI-1)."""
    features = [*RULES["features"], {"key": "t", "field": "technology"}, {"key": "j", "field": "job_function"}]
    document = RULES | {"purpose": "service_segmentation", "features": features}

    found = preview(served.house, json.dumps(document), actor=WRITER, now=NOON)

    assert found.outlook is None
    assert [each.key for each in found.refused] == ["job_function", "technology"]
    assert all(each.why is not None and "only for" in each.why.en for each in found.refused)


def test_field_choices_list_everything_and_say_why_not(served: Served) -> None:
    """A builder that hides refused fields would teach nobody the purpose."""
    choices = field_choices(served.house, "newsletter", Unit.CONTACT)
    refused = [choice for choice in choices if not choice.permitted]
    assert refused
    assert all(choice.why for choice in refused)
    assert [choice.permitted for choice in choices] == sorted((choice.permitted for choice in choices), reverse=True)


def test_a_preview_says_who_has_to_approve(served: Served) -> None:
    """Price and contract need the officer (Article 35 GDPR)."""
    document = RULES | {"purpose": "personalised_price", "effect_class": "price"}
    assert preview(served.house, json.dumps(document), actor=WRITER, now=NOON).needs_officer
    assert not preview(served.house, json.dumps(RULES), actor=WRITER, now=NOON).needs_officer


def test_over_http_a_draft_waits_and_the_officer_decides(served: Served) -> None:
    """The same rule by the API as by the console: who asks does not approve (GOV-7)."""
    marketing, officer = served.caller(Role.MARKETING), served.caller(Role.DPO)
    document = RULES | {"scheme": "tiers", "purpose": "personalised_price", "effect_class": "price"}
    made = marketing.post("/api/v1/schemes", json=document).json()
    assert (made["state"], made["active"]) == ("requested", None)
    path = "/api/v1/schemes/tiers/activation/decision"
    assert marketing.post(path, json={"approve": True}).status_code == 403
    assert officer.post(path, json={"approve": True, "note": "ja"}).json()["state"] == "active"
    assert marketing.delete("/api/v1/schemes/tiers/activation").json()["state"] == "withdrawn"
    assert marketing.post("/api/v1/schemes/tiers/runs").status_code in {202, 409}
    assert activations.versions(served.house, "tiers").active is None
    assert marketing.get("/api/v1/schemes/tiers/versions").json()["draft"] == 1
