"""The JSON API: tokens and scopes, problems without echoes, uploads that never touch a disk, the main job over HTTP."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from audit.verify import verify_proof
from governance.staff import Scope
from governance.vocabulary import Role
from tests.api.web import CANARY, Served, serve
from tests.small_world import RULES

MAPPING = """\
kind = "contacts"

[columns]
"""
EVERY_CALL = (
    ("GET", "/schemes"),
    ("POST", "/schemes"),
    ("GET", "/schemes/value"),
    ("POST", "/schemes/preview"),
    ("GET", "/schemes/value/versions"),
    ("POST", "/schemes/value/activation"),
    ("POST", "/schemes/value/activation/decision"),
    ("DELETE", "/schemes/value/activation"),
    ("DELETE", "/schemes/value/activation/request"),
    ("GET", "/templates"),
    ("GET", "/templates/industry"),
    ("POST", "/schemes/value/runs"),
    ("POST", "/schemes/value/explanations"),
    ("POST", "/schemes/value/proofs"),
    ("POST", "/schemes/value/corrections"),
    ("POST", "/schemes/value/corrections/lift"),
    ("POST", "/imports/contacts"),
    ("GET", "/prices"),
    ("POST", "/prices"),
    ("POST", "/prices/x/check"),
    ("POST", "/prices/x/activation"),
    ("GET", "/exports"),
    ("POST", "/exports"),
    ("POST", "/exports/1/approval"),
    ("POST", "/exports/1/build"),
    ("POST", "/exports/1/download"),
    ("GET", "/log/entries"),
    ("GET", "/log/entries/0"),
    ("POST", "/log/verification"),
)


def is_problem(answer: Any, status: int) -> bool:
    """A problem document whose status is the response's, in a named language, without the canary."""
    body = answer.json()
    return bool(
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and body["status"] == status
        and {"type", "title"} <= body.keys()
        and answer.headers["content-language"] in {"de", "en"}
        and CANARY not in answer.text
    )


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_no_call_works_without_a_token_or_with_a_cookie(served: Served, method: str, path: str) -> None:
    """401 as a problem; a browser's session means nothing to the API (CSRF cannot reach it)."""
    browser = served.browser(Role.DPO)
    assert is_problem(browser.request(method, f"/api/v1{path}"), 401)


def test_a_token_does_what_its_scope_and_its_role_both_allow(served: Served) -> None:
    """SEC-4: the scope alone is not enough, nor the role alone."""
    reader = served.caller(Role.MARKETING, Scope.READ)
    assert reader.get("/api/v1/schemes").status_code == 200
    assert is_problem(reader.post("/api/v1/schemes/value/runs"), 403)
    desk = served.caller(Role.DESK)
    assert is_problem(desk.post("/api/v1/exports", json={}), 403)
    assert is_problem(desk.get("/api/v1/log/entries"), 403)


def test_counts_are_exact_for_the_officer_and_in_tens_for_marketing(served: Served) -> None:
    """H2: two exact pictures would tell who left."""
    exact = served.caller(Role.DPO).get("/api/v1/schemes/value").json()
    rounded = served.caller(Role.MARKETING).get("/api/v1/schemes/value").json()

    assert exact["permitted"] + sum(exact["left_out"].values()) == exact["total"]
    assert rounded["permitted"] % 10 == 0
    assert "now" not in rounded
    assert all(part["size"] % 10 == 0 for part in rounded["segments"])


def test_the_way_from_a_definition_to_an_explanation_and_a_proof(tmp_path: Path) -> None:
    """Define, run, explain, prove, correct, lift: over HTTP as on the command line."""
    served = serve(tmp_path)
    marketing, desk = served.caller(Role.MARKETING), served.caller(Role.DESK)
    made = marketing.post("/api/v1/schemes", json=RULES | {"scheme": "second"})
    assert made.status_code == 201
    started = marketing.post("/api/v1/schemes/second/runs")
    assert started.status_code == 202
    assert _ended(marketing, started.headers["location"]) == "done"
    whom = {"reference": "K0003"}

    explained = desk.post("/api/v1/schemes/second/explanations", json={**whom, "language": "en"}).json()
    assert explained["segment"] == "gold"
    proof = desk.post("/api/v1/schemes/second/proofs", json=whom).content
    assert verify_proof(proof, [served.house.signer.vkey])
    assert desk.post("/api/v1/proofs/verification", content=proof).json()["ok"]
    assert not desk.post("/api/v1/proofs/verification", content=proof[:-9] + b"A" + proof[-8:]).json()["ok"]
    order = {**whom, "kind": "out", "reason": "Asked for it.", "review_on": "2027-01-31"}
    assert desk.post("/api/v1/schemes/second/corrections", json=order).status_code == 201
    assert desk.post("/api/v1/schemes/second/corrections/lift", json=whom).json()["lifted"]
    served.app.state.web.jobs.close()
    served.house.close()


def test_an_export_needs_two_and_arrives_whole(tmp_path: Path) -> None:
    """Requested by marketing, approved by the officer, built, and checked again before the first byte (XPT-2)."""
    served = serve(tmp_path)
    marketing, officer = served.caller(Role.MARKETING), served.caller(Role.DPO)
    wanted = {
        "purpose": "personalised_offers", "scheme": "value", "segments": ["gold"], "valid": "P7D",
        "recipient": {"name": "Versandhaus Muster GmbH", "country": "DE", "role": "processor"},
        "channel": "email", "fields": ["contact.email"], "mode": "contact_points",
    }  # fmt: skip
    number = marketing.post("/api/v1/exports", json=wanted).json()["export"]
    assert is_problem(marketing.post(f"/api/v1/exports/{number}/approval"), 403)
    assert officer.post(f"/api/v1/exports/{number}/approval").json()["state"] == "approved"
    built = marketing.post(f"/api/v1/exports/{number}/build").json()
    assert built["manifest"]["included"] == 30
    file = marketing.post(f"/api/v1/exports/{number}/download")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.count("@example.org") == 30
    served.house.close()


def test_an_upload_is_read_as_a_stream_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not mapped never touches a disk (PRI-3): temporary folder and stores are searched for a canary."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    served = serve(tmp_path / "home")
    steward = served.caller(Role.STEWARD)
    text = served_mapping(served)
    rows = "\n".join(f"N{n};Neu{n};neu{n}@example.org;{CANARY}" for n in range(50))

    def body() -> Iterator[bytes]:
        yield b"Nr;Name;Mail;Notiz\n"
        for line in rows.splitlines():
            yield line.encode() + b"\n"

    header = {"lauter-mapping": base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")}
    answer = steward.post("/api/v1/imports/contacts", content=body(), headers=header)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["created"] == 50
    assert report["dropped_columns"] >= 1
    assert CANARY not in answer.text
    assert list(temporary.iterdir()) == []
    served.house.close()
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file.name


def test_an_import_names_its_mapping_or_is_refused(served: Served) -> None:
    """By name from the home, in the header, or not at all; a name is no path."""
    steward = served.caller(Role.STEWARD)
    for query in ("", "?mapping=missing", "?mapping=../catalogue"):
        assert is_problem(steward.post(f"/api/v1/imports/contacts{query}", content=b"a;b\n1;2\n"), 422)
    assert is_problem(steward.post("/api/v1/imports/contacts", content=b"x", headers={"lauter-mapping": "%%%"}), 422)
    assert is_problem(steward.post("/api/v1/imports/nonsense", content=b"x"), 422)


def test_no_error_ever_repeats_what_was_sent(served: Served) -> None:
    """A canary in every place a caller can fill never comes back (SEC-1, invariant 7)."""
    caller = {role: served.caller(role) for role in (Role.DPO, Role.MARKETING, Role.DESK, Role.STEWARD)}
    bodies: tuple[Any, ...] = (
        CANARY,
        [CANARY],
        {CANARY: CANARY},
        {"reference": CANARY, "language": CANARY, CANARY: 1},
        {"reference": CANARY, "kind": CANARY, "segment": CANARY, "reason": CANARY, "review_on": CANARY},
        {"reference": CANARY, "kind": "move", "segment": CANARY, "reason": CANARY, "review_on": "2027-01-01"},
        {"scheme": CANARY, "kind": CANARY, "purpose": CANARY, "features": [{"key": CANARY, "field": CANARY}]},
        {"policy": CANARY, "scheme": CANARY, "discounts": {CANARY: 1}},
        {"purpose": CANARY, "recipient": {"name": CANARY, "country": CANARY}, "fields": [CANARY], "segments": [CANARY]},
    )
    for client in caller.values():
        for method, path in EVERY_CALL:
            for body in bodies:
                answer = client.request(method, f"/api/v1{path}", json=body)
                assert CANARY not in answer.text, (path, answer.text)
        for path in (f"/schemes/{CANARY}", f"/prices/{CANARY}", f"/exports/{CANARY}", f"/log/entries?kind={CANARY}",
                     f"/log/entries?before={CANARY}", f"/jobs/{CANARY}", f"/{CANARY}"):  # fmt: skip
            answer = client.get(f"/api/v1{path}")
            assert is_problem(answer, answer.status_code), path
            assert answer.status_code >= 400
        broken = client.post("/api/v1/schemes/value/explanations", content=f'{{"reference": "{CANARY}'.encode())
        assert CANARY not in broken.text
    assert CANARY not in served.lines.getvalue()


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_as_a_whole(served: Served) -> None:
    """A document is a text that people write; uploads have limits of their own."""
    marketing = served.caller(Role.MARKETING)
    assert is_problem(marketing.post("/api/v1/schemes", content=b" " * (1 << 20) + b"{}"), 413)


def test_a_mistake_in_a_definition_is_told_with_its_path(served: Served) -> None:
    """An error that helps to mend names where; keys are the caller's own words only where they are plain keys."""
    answer = served.caller(Role.MARKETING).post("/api/v1/schemes", json=RULES | {"kind": "magic"})

    assert is_problem(answer, 422)
    assert "$.kind" in answer.json()["detail"]


def test_the_log_is_read_by_cursor_and_verified(served: Served) -> None:
    """Newest first, `next_before` continues without gap or repetition."""
    auditor = served.caller(Role.AUDITOR)
    seen: list[int] = []
    before: int | None = None
    while True:
        query = f"?limit=40&before={before}" if before is not None else "?limit=40"
        page = auditor.get(f"/api/v1/log/entries{query}").json()
        seen += [entry["index"] for entry in page["entries"]]
        before = page["next_before"]
        if before is None:
            break
    assert seen == list(range(len(seen) - 1, -1, -1))
    assert auditor.post("/api/v1/log/verification?deep=true").json()["ok"]


def test_the_description_is_openapi_3_1_with_scheme_and_problems(served: Served) -> None:
    """Clients are generated from it; it names the bearer scheme."""
    document = served.browser().get("/api/v1/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert json.dumps(document).count("console") == 0


def served_mapping(served: Served) -> str:
    """A mapping for the small file, as the house itself would suggest it."""
    import io

    from api.workflows.imports import suggest_mapping

    sample = b"Nr;Name;Mail;Notiz\nN1;Neu1;neu1@example.org;x\nN2;Neu2;neu2@example.org;y\n"
    return suggest_mapping(served.house, io.BytesIO(sample), name="contacts.csv").text


def _ended(client: TestClient, path: str) -> str:
    for _ in range(500):
        state = str(client.get(path).json()["state"])
        if state != "running":
            return state
        time.sleep(0.02)
    return "running"
