"""Every call of the JSON API leaves exactly its facts in the log, in the transaction of the act (LOG-4, LOG-5)."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.workflows import prices
from api.workflows.home import note_catalogue
from governance.vocabulary import OPERATOR, Role
from tests.api.canaries import leaks
from tests.api.test_api import MAPPING
from tests.api.test_prices import SCHEME as PRICED
from tests.api.test_prices import a_policy, answers
from tests.api.trace import Do, Step, Story, called, differences, routes, without_step
from tests.api.web import serve
from tests.small_world import NOON, RULES, run_scheme

ROOT = "/api/v1"
WHOM = {"reference": "K0003"}
WANTED: dict[str, Any] = {
    "purpose": "personalised_offers", "scheme": "value", "segments": ["gold"], "valid": "P7D",
    "recipient": {"name": "Versandhaus Muster GmbH", "country": "DE", "role": "processor"},
    "channel": "email", "fields": ["contact.email"], "mode": "contact_points",
}  # fmt: skip
MARKETING, DPO, DESK, STEWARD = Role.MARKETING, Role.DPO, Role.DESK, Role.STEWARD


def sends(method: str, path: str, role: Role = DPO, *, keep: str = "", **sent: Any) -> Do:
    """A call by a role; `{name}` in the path stands for what was kept, *keep* keeps a member of the answer."""

    def do(story: Story) -> Any:
        answer = story.as_(role).request(method, (ROOT + path).format(**story.kept), **sent)
        if keep and answer.status_code < 400:
            story.kept[keep] = answer.json()[keep]
        return answer

    return do


def reads(path: str, role: Role = DPO, *kinds: str, pattern: str = "") -> Step:
    """A reading; without kinds it shows nobody."""
    return Step(f"GET {ROOT}{pattern or path}", kinds, sends("GET", path, role))


def acts(pattern: str, kinds: tuple[str, ...], path: str, role: Role, **sent: Any) -> Step:
    """Something that is not a reading by its method."""
    method, template = pattern.split(" ")
    return Step(f"{method} {ROOT}{template}", kinds, sends(method, path, role, **sent))


def runs(story: Story) -> Any:
    """Start a run and wait for its end: its fact is its own transaction's, not the start's."""
    client = story.as_(MARKETING)
    started = client.post(f"{ROOT}/schemes/second/runs")
    story.kept["job"] = started.headers["location"].rsplit("/", 1)[-1]
    while client.get(started.headers["location"]).json()["state"] not in {"done", "failed"}:
        time.sleep(0.01)
    return started


def writes(story: Story) -> Any:
    """Change a preference against the state that was read."""
    client, path = story.as_(DESK), f"{ROOT}/preferences/{story.kept['handle']}"
    tag = client.get(path).headers["etag"]
    body = {"choices": [{"purpose": "newsletter", "answer": "refuse"}]}
    return client.patch(path, json=body, headers={"if-match": tag})


def lists_receipts(story: Story) -> Any:
    """The receipts of the person, of which one is opened next."""
    answer = story.as_(DESK).get(f"{ROOT}/preferences/{story.kept['handle']}/receipts")
    story.kept["seq"] = answer.json()["receipts"][0]["seq"]
    return answer


def imports(story: Story) -> Any:
    """One contact whom nobody knew."""
    mapping = base64.urlsafe_b64encode((MAPPING + 'reference = "K"\n').encode()).decode()
    return story.as_(STEWARD).post(
        f"{ROOT}/imports/contacts", content=b"K\nK0999\n", headers={"lauter-mapping": mapping}
    )


PRICED_VERSION = PRICED | {"scheme": "third"}
CORRECTION = {**WHOM, "kind": "out", "reason": "Asked for it.", "review_on": "2027-01-31"}
STEPS = (
    reads("/openapi.json"),
    reads("/templates"),
    reads("/templates/industry", pattern="/templates/{key}"),
    reads("/schemes"),
    acts("POST /schemes/preview", (), "/schemes/preview", MARKETING, json=RULES),
    acts("POST /schemes", ("scheme:activated", "scheme:defined"), "/schemes", MARKETING,
         json=RULES | {"scheme": "second"}),
    Step(f"POST {ROOT}/schemes/{{scheme}}/runs", ("run:published",), runs),
    Step(f"GET {ROOT}/jobs/{{job}}", (), sends("GET", "/jobs/{job}", MARKETING)),
    reads("/schemes/second", pattern="/schemes/{scheme}"),
    reads("/schemes/second/versions", pattern="/schemes/{scheme}/versions"),
    reads("/schemes/second/segments/gold", pattern="/schemes/{scheme}/segments/{segment}"),
    reads("/schemes/value/compare?with=gold&with=others", pattern="/schemes/{scheme}/compare"),
    reads("/schemes/value/migration", pattern="/schemes/{scheme}/migration"),
    reads("/schemes/value/history", pattern="/schemes/{scheme}/history"),
    Step(f"GET {ROOT}/schemes/{{scheme}}/check", ("assignment:replayed",), sends("GET", "/schemes/second/check")),
    acts("POST /schemes/{scheme}/segments/{segment}/notes", ("segment:noted",), "/schemes/value/segments/gold/notes",
         MARKETING, json={"owner": "Team", "strategy": "Thank them."}),
    reads("/schemes/value/schedule", pattern="/schemes/{scheme}/schedule"),
    acts("PUT /schemes/{scheme}/schedule", ("schedule:set",), "/schemes/value/schedule", MARKETING,
         json={"every": "P1D"}),
    acts("POST /schemes", ("scheme:activation_requested", "scheme:defined"), "/schemes", MARKETING,
         json=PRICED_VERSION),
    acts("DELETE /schemes/{scheme}/activation/request", ("scheme:withdrawn",), "/schemes/third/activation/request",
         MARKETING),
    acts("POST /schemes/{scheme}/activation", ("scheme:activation_requested",), "/schemes/third/activation",
         MARKETING, json={}),
    acts("POST /schemes/{scheme}/activation/decision", ("scheme:activated",), "/schemes/third/activation/decision",
         DPO, json={"approve": True, "note": "ja"}),
    acts("DELETE /schemes/{scheme}/activation", ("scheme:withdrawn",), "/schemes/third/activation", MARKETING),
    acts("POST /schemes/{scheme}/explanations", ("assignment:explained",), "/schemes/value/explanations", DESK,
         json={**WHOM, "language": "en"}),
    acts("POST /schemes/{scheme}/proofs", ("assignment:proven",), "/schemes/value/proofs", DESK, json=WHOM),
    acts("POST /schemes/{scheme}/corrections", ("assignment:corrected",), "/schemes/value/corrections", DESK,
         json=CORRECTION),
    acts("POST /schemes/{scheme}/corrections/lift", ("correction:lifted",), "/schemes/value/corrections/lift", DESK,
         json=WHOM),
    acts("POST /preferences/find", ("subject:viewed",), "/preferences/find", DESK, json=WHOM, keep="handle"),
    Step(f"GET {ROOT}/preferences/{{handle}}", (), sends("GET", "/preferences/{handle}", DESK)),
    Step(f"PATCH {ROOT}/preferences/{{handle}}", ("consent:refused",), writes),
    Step(f"POST {ROOT}/preferences/{{handle}}/link", ("portal:link_made",),
         sends("POST", "/preferences/{handle}/link", DESK)),
    Step(f"GET {ROOT}/preferences/{{handle}}/receipts", (), lists_receipts),
    Step(f"GET {ROOT}/preferences/{{handle}}/receipts/{{seq}}", (),
         sends("GET", "/preferences/{handle}/receipts/{seq}", DESK)),
    Step(f"POST {ROOT}/preferences/{{handle}}/receipts/{{seq}}/proof", (),
         sends("POST", "/preferences/{handle}/receipts/{seq}/proof", DESK)),
    acts("POST /decisions", (), "/decisions", DESK,
         json={**WHOM, "purpose": "personalised_offers", "channel": "email"}),
    acts("POST /confirmations", (), "/confirmations", DESK,
         json={"reference": "K0004", "purpose": "newsletter"}),
    Step(f"POST {ROOT}/imports/{{kind}}", ("contacts:imported", "import:began"), imports),
    acts("POST /prices", ("price:defined",), "/prices", MARKETING, content=a_policy(policy="more")),
    reads("/prices"),
    reads("/prices/volume", pattern="/prices/{name}"),
    acts("POST /prices/{name}/check", ("price:checked",), "/prices/volume/check", DPO),
    acts("POST /prices/{name}/activation", ("price:activated",), "/prices/volume/activation", MARKETING),
    acts("POST /exports", ("export:requested",), "/exports", MARKETING, json=WANTED, keep="export"),
    reads("/exports"),
    reads("/exports/1", pattern="/exports/{number}"),
    acts("POST /exports/{number}/approval", ("export:approved",), "/exports/{export}/approval", DPO),
    acts("POST /exports/{number}/build", ("export:built",), "/exports/{export}/build", MARKETING),
    acts("POST /exports/{number}/download", ("export:released",), "/exports/{export}/download", MARKETING),
    acts("POST /exports", ("export:requested",), "/exports", MARKETING, json=WANTED | {"valid": "P6D"}, keep="export"),
    acts("POST /exports/{number}/refusal", ("export:declined",), "/exports/{export}/refusal", DPO),
    acts("POST /webhooks", ("webhook:added",), "/webhooks", STEWARD,
         json={"url": "https://1.1.1.1/hook", "label": "CRM"}),
    reads("/webhooks", STEWARD),
    acts("POST /webhooks/{number}/redelivery", (), "/webhooks/1/redelivery", STEWARD),
    acts("DELETE /webhooks/{number}", ("webhook:ended",), "/webhooks/1", STEWARD),
    reads("/log/entries"),
    reads("/log/entries/3", pattern="/log/entries/{index}"),
    reads("/log/checkpoint"),
    acts("POST /log/verification", (), "/log/verification?deep=true", DPO),
    acts("POST /proofs/verification", (), "/proofs/verification", DPO, content=b"nothing"),
    reads("/records/processing"),
    reads("/records/processing/changes?since=2026-11-01", pattern="/records/processing/changes"),
    reads("/records/ai"),
    reads("/schemes/value/evidence", pattern="/schemes/{scheme}/evidence"),
    reads("/schemes/value/impact", pattern="/schemes/{scheme}/impact"),
)  # fmt: skip
"""Jobs, texts, templates and records show nobody; neither do lists of entries, which hold handles of one entry each. A
handle of `find` opens one person's preferences and receipts for one caller and one hour: its fact stands for the
readings of that hour. A confirmation is only put down here; the worker asks."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A scheme that ran, a price that passes its check, and one token per role."""
    served = serve(
        tmp_path_factory.mktemp("trace"), people=100, gold=50, purposes=("personalised_offers", "personalised_price")
    )
    run_scheme(served.house, PRICED)
    run_scheme(served.house, RULES, now=NOON + timedelta(minutes=30))
    answers(served.house, lambda n: "f" if n % 2 else "m")
    prices.define(served.house, a_policy(), actor=OPERATOR, now=NOON)
    note_catalogue(served.house, actor=OPERATOR, now=NOON)
    made = Story(served, served.caller)
    made.meet(MARKETING, DPO, DESK, STEWARD)
    yield made
    served.app.state.web.jobs.close()
    served.house.close()


def test_every_call_of_the_api_leaves_exactly_its_facts(story: Story) -> None:
    """Assignments, corrections, consents, imports, exports, gates, readings: one fact each (LOG-5, Article 5(2))."""
    found = differences(story.house, STEPS, called(story))
    assert not found, "\n".join(found)
    assert leaks(story, 100) == []


def test_no_call_of_the_api_is_without_a_step(story: Story) -> None:
    """A new route says here what it leaves."""
    of_the_api = (pattern for pattern in routes(story.served.app) if f" {ROOT}/" in pattern)
    assert not (missing := without_step(of_the_api, STEPS)), "\n".join(missing)
