"""The API for the company's own website and CRM: nothing personal in an address, no lost update, no yes after a no."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.routes.preference_models import HandleOut, LinkOut, PreferencesOut, ReceiptsOut
from api.workflows.declaring import declare, find
from audit import log
from audit.verify import verify_proof
from consent import ledger
from governance import store_idempotency
from governance.staff import Scope
from governance.tables import idempotency
from governance.vocabulary import OPERATOR, THE_SUBJECT, Act, Channel, Role, Source
from tests.api.test_api import is_problem
from tests.api.web import CANARY, Served, serve
from tests.conftest import WORK_TABLES
from tests.small_world import DAY, NOON, said

ROOT = "/api/v1/preferences"
NUMBERS = iter(range(1, 60))
REFUSE_NEWS = {"choices": [{"purpose": "newsletter", "answer": "refuse"}]}
ALLOW_NEWS = {"choices": [{"purpose": "newsletter", "channel": "email", "answer": "allow"}]}
EVIDENCE = {"said_at": "2026-11-22T12:30:00+00:00", "reference": "form 4711"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = serve(tmp_path_factory.mktemp("api"))
    yield made
    made.house.close()


class System:
    """A system of the controller with a token, about one person nobody else in these tests is about."""

    def __init__(self, served: Served, *scopes: Scope, number: int | None = None) -> None:
        self.served = served
        self.client = served.caller(Role.DESK, *(scopes or (Scope.READ, Scope.DECLARE)))
        self.reference = f"K{number or next(NUMBERS):04d}"
        self.handle: str = self.client.post(f"{ROOT}/find", json={"reference": self.reference}).json()["handle"]
        self.url = f"{ROOT}/{self.handle}"

    def read(self) -> Any:
        answer = self.client.get(self.url)
        assert answer.status_code == 200, answer.text
        return answer

    def write(self, body: dict[str, Any], tag: str | None = None, **headers: str) -> Any:
        sent = {"if-match": tag or self.read().headers["etag"], **headers}
        return self.client.patch(self.url, json=body, headers={k.replace("_", "-"): v for k, v in sent.items()})

    def purpose(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.read().json()["purposes"] if one["purpose"] == key)
        return found

    def declared(self) -> list[Any]:
        subject = find(self.served.house, self.reference)
        with self.served.house.work.reading() as connection:
            return ledger.history(connection, subject.number)


def rows(served: Served, *but: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the work database."""
    with served.house.work.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for metadata in WORK_TABLES
            for table in metadata.sorted_tables
            if table.name not in but
        }


def test_what_is_sent_is_what_the_description_says(served: Served) -> None:
    """The models of the OpenAPI document take every answer, and know no more than is sent."""
    system = System(served)

    found = system.client.post(f"{ROOT}/find", json={"reference": system.reference})
    for model, answer in (
        (HandleOut, found),
        (PreferencesOut, system.read()),
        (ReceiptsOut, system.client.get(f"{system.url}/receipts")),
        (LinkOut, system.client.post(f"{system.url}/link")),
    ):
        assert set(model.model_validate(answer.json()).model_fields_set) == set(model.model_fields), answer.text
    described = system.client.get("/api/v1/openapi.json").json()["paths"]
    patch = described["/api/v1/preferences/{handle}"]["patch"]
    assert {"200", "401", "403", "404", "409", "412", "422", "428", "429"} <= set(patch["responses"])
    assert "application/problem+json" in patch["responses"]["412"]["content"]
    assert {one["name"] for one in patch["parameters"]} == {"handle", "if-match", "idempotency-key"}


def test_the_handle_is_opaque_for_one_token_and_one_hour(served: Served) -> None:
    """SEC-6: nothing personal in an address; another token, another hour or another bit opens nothing."""
    system, other = System(served), System(served)
    again = system.client.post(f"{ROOT}/find", json={"reference": system.reference}).json()["handle"]

    assert system.handle != again
    assert system.reference not in system.handle
    assert system.client.get(f"{ROOT}/{again}").status_code == 200
    changed = system.handle[:-2] + ("A" if system.handle[-2] != "A" else "B") + system.handle[-1]
    for client, handle in ((other.client, system.handle), (system.client, changed), (system.client, "x" * 400)):
        assert is_problem(client.get(f"{ROOT}/{handle}"), 404)
    served.now += timedelta(minutes=59)
    assert system.read().status_code == 200
    served.now += timedelta(minutes=1)
    assert is_problem(system.client.get(system.url), 404)


def test_two_who_read_the_same_state_do_not_overwrite_each_other(served: Served) -> None:
    """SEC-2: the second is told to read again; the person's own choice in between counts the same way."""
    website = System(served)
    crm = System(served, number=int(website.reference[1:]))
    tag = crm.read().headers["etag"]
    assert website.read().headers["etag"] == tag

    first = website.write(REFUSE_NEWS, tag)
    assert first.status_code == 200
    assert is_problem(crm.write(ALLOW_NEWS, tag), 412)
    assert crm.write(REFUSE_NEWS, first.headers["etag"]).headers["etag"] == first.headers["etag"]

    tag = crm.read().headers["etag"]
    whom = find(served.house, crm.reference)
    objected = said("sales_care", Act.OBJECTED, at=served.now)
    declare(served.house, whom, [objected], actor=THE_SUBJECT, now=served.now)
    assert is_problem(crm.write(ALLOW_NEWS, tag), 412)
    assert len(crm.declared()) == 2 + 1 + 1


def test_of_two_at_once_one_wins(served: Served) -> None:
    """The state is checked under the person's lock: no pair of threads gets both through."""
    website = System(served)
    crm = System(served, number=int(website.reference[1:]))
    tag = website.read().headers["etag"]
    barrier = threading.Barrier(2)
    statuses: list[int] = []

    def go(system: System, body: dict[str, Any]) -> None:
        barrier.wait()
        statuses.append(system.write(body, tag).status_code)

    threads = [threading.Thread(target=go, args=pair) for pair in ((website, REFUSE_NEWS), (crm, ALLOW_NEWS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 412]


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 428), ("*", 428), ("", 428), ("nonsense", 428), ("W/{tag}", 412), ('"other"', 412),
     ('"other", {tag}', 200)],
)  # fmt: skip
def test_a_change_names_the_state_it_rests_on(served: Served, header: str | None, status: int) -> None:
    """RFC 9110: 428 without a tag, 412 with another or a weak one; any one of several is enough."""
    system = System(served)
    tag = system.read().headers["etag"]
    sent = {} if header is None else {"if-match": header.replace("{tag}", tag)}

    answer = system.client.patch(system.url, json=REFUSE_NEWS, headers=sent)

    assert answer.status_code == status
    assert status == 200 or is_problem(answer, status)


def test_the_tag_tells_nothing_and_changes_with_everything_that_is_decided(served: Served) -> None:
    """Two people who said the same have different tags; restriction and time change it too."""
    system, other = System(served), System(served)
    before = system.read().headers["etag"]
    assert before != other.read().headers["etag"]
    assert system.read().headers["etag"] == before

    whom = find(served.house, system.reference)
    with served.house.work.writing() as connection:
        ledger.restrict(connection, whom.number, actor=OPERATOR, now=served.now)
    assert system.read().headers["etag"] != before


def test_a_change_holds_at_once_and_its_receipt_says_who_brought_it(served: Served) -> None:
    """The controller's system is its own source; the answer is the state that a reader gets next."""
    system = System(served)

    answer = system.write(ALLOW_NEWS | {"evidence": EVIDENCE, "language": "en"})

    assert answer.status_code == 200
    assert answer.json() == system.read().json()
    assert answer.headers["etag"] == system.read().headers["etag"]
    [channel] = system.purpose("newsletter")["channels"]
    assert (channel["lawful"], channel["source"]) == (True, "controller_api")
    [newest, *_] = system.client.get(f"{system.url}/receipts").json()["receipts"]
    receipt = system.client.get(f"{system.url}/receipts/{newest['seq']}")
    assert receipt.headers["content-type"] == "application/ld+json"
    assert "form 4711" not in receipt.text
    proof = system.client.post(f"{system.url}/receipts/{newest['seq']}/proof")
    assert verify_proof(proof.content, [served.house.signer.vkey]).fact.body["source"] == Source.CONTROLLER_API.value
    assert is_problem(system.client.get(f"{system.url}/receipts/1"), 404) == (system.reference != "K0001")


def test_a_yes_after_a_no_needs_the_scope_and_the_person_s_own_later_act(served: Served) -> None:
    """OBJ-10: the system's word raises nothing; nor does evidence without the scope, or of an act before the no."""
    plain = System(served)
    number = int(plain.reference[1:])
    raising = System(served, Scope.READ, Scope.DECLARE, Scope.MAY_RAISE, number=number)
    refused = said("newsletter", Act.WITHDRAWN, at=NOON)
    declare(served.house, find(served.house, plain.reference), [refused], actor=THE_SUBJECT, now=NOON)
    early = EVIDENCE | {"said_at": (NOON - DAY).isoformat()}
    before = plain.declared()

    assert is_problem(plain.write(ALLOW_NEWS), 409)
    assert is_problem(plain.write(ALLOW_NEWS | {"evidence": EVIDENCE}), 403)
    assert is_problem(raising.write(ALLOW_NEWS), 409)
    assert is_problem(raising.write(ALLOW_NEWS | {"evidence": early}), 409)
    assert plain.declared() == before

    assert raising.write(ALLOW_NEWS | {"evidence": EVIDENCE}).status_code == 200
    assert plain.purpose("newsletter")["channels"][0]["lawful"]


def test_all_choices_are_recorded_or_none(served: Served) -> None:
    """A mistake in the last one leaves the first unsaid."""
    system = System(served)
    before = system.declared()
    wrong: list[dict[str, Any]] = [
        {"purpose": "nonsense", "answer": "refuse"},
        {"purpose": "newsletter", "channel": "phone", "answer": "allow"},
        {"answer": "refuse"},
        {"scope": "marketing", "answer": "allow"},
    ]

    for choice in wrong:
        answer = system.write({"choices": [*REFUSE_NEWS["choices"], choice]})
        assert is_problem(answer, 404 if choice.get("purpose") == "nonsense" else 422)

    assert system.declared() == before


def test_the_same_key_and_call_gives_the_first_answer_again(served: Served) -> None:
    """SEC-2: a retry after a lost answer is harmless; another body under the key is a mistake."""
    system = System(served)
    tag = system.read().headers["etag"]
    first = system.write(REFUSE_NEWS, tag, idempotency_key="order-1")
    system.write({"choices": [{"scope": "profiling", "answer": "refuse"}]})

    again = system.write(REFUSE_NEWS, tag, idempotency_key="order-1")

    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert is_problem(system.write(ALLOW_NEWS, idempotency_key="order-1"), 422)
    other = System(served)
    assert other.write(REFUSE_NEWS, idempotency_key="order-1").status_code == 200


def test_a_refused_call_gives_its_key_back(served: Served) -> None:
    """Whoever mends the call may send it under the same key."""
    system = System(served)

    assert is_problem(system.write(REFUSE_NEWS, '"stale"', idempotency_key="order-2"), 412)
    assert system.write(REFUSE_NEWS, idempotency_key="order-2").status_code == 200


def test_a_call_under_way_is_a_conflict_until_it_is_given_up(served: Served) -> None:
    """409 while somebody works on it; a killed process blocks the key for two minutes, and the row goes after a day."""
    house, key, request = served.house, b"k" * 32, b"r" * 32
    with house.work.writing() as connection:
        assert store_idempotency.claim(connection, key, request, now=NOON) is None
    with house.work.writing() as connection:
        held = store_idempotency.claim(connection, key, request, now=NOON + timedelta(minutes=1))
        assert held == store_idempotency.Held(request, None, None)
    with house.work.writing() as connection:
        assert store_idempotency.claim(connection, key, request, now=NOON + timedelta(minutes=2)) is None
        store_idempotency.answered(connection, key, 200, b"sealed")
        store_idempotency.release(connection, key)
        assert store_idempotency.claim(connection, key, b"s" * 32, now=NOON + DAY) is not None
        assert store_idempotency.drop_void(connection, now=NOON + timedelta(minutes=2) + DAY) >= 1


def test_two_with_one_key_at_once_work_once(served: Served) -> None:
    """The second waits for no answer: it is told that the first is under way, or gets its answer."""
    system = System(served)
    tag, before = system.read().headers["etag"], len(system.declared())
    barrier = threading.Barrier(2)
    statuses: list[int] = []

    def go() -> None:
        barrier.wait()
        statuses.append(system.write(REFUSE_NEWS, tag, idempotency_key="order-3").status_code)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert len(system.declared()) == before + 1


def test_kept_answers_and_keys_are_sealed(served: Served) -> None:
    """A copy of the database tells nobody's preferences, and no key of the caller."""
    system = System(served)
    system.write(REFUSE_NEWS, idempotency_key=CANARY)

    with served.house.work.reading() as connection:
        kept = connection.execute(select(idempotency)).all()

    assert kept
    for row in kept:
        assert CANARY.encode() not in bytes(row.key) + bytes(row.request) + bytes(row.answer or b"")
        assert b"newsletter" not in bytes(row.answer or b"")


def test_the_link_opens_the_portal_once(served: Served) -> None:
    """A button on the controller's page: made for one person, used once (design 8)."""
    system = System(served)

    made = system.client.post(f"{system.url}/link")

    assert made.status_code == 201
    assert made.json()["url"].startswith("http://127.0.0.1:8080/portal")
    assert system.reference not in made.json()["url"]
    assert made.json()["url"] != system.client.post(f"{system.url}/link").json()["url"]


def test_reading_changes_nothing(served: Served) -> None:
    """SEC-2: safe methods have no effects; that somebody asked was written down when they asked."""
    system = System(served)
    [seq] = [one["seq"] for one in system.client.get(f"{system.url}/receipts").json()["receipts"]][:1]
    before = rows(served)

    for path in ("", "/receipts", f"/receipts/{seq}", "/link", "/receipts/0"):
        system.client.get(system.url + path)
        system.client.head(system.url + path)

    assert rows(served) == before
    with served.house.work.reading() as connection:
        assert log.entries(connection, kind="subject:viewed", limit=1)[0].body["view"] == "preferences"


CALLS = (
    ("POST", "/find"), ("GET", "/{h}"), ("PATCH", "/{h}"), ("POST", "/{h}/link"), ("GET", "/{h}/receipts"),
    ("GET", "/{h}/receipts/1"), ("POST", "/{h}/receipts/1/proof"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_each_call_needs_its_scope_and_role(served: Served, method: str, path: str) -> None:
    """SEC-4: reading and writing are two scopes; marketing never looks at one person; a cookie is nothing here."""
    system = System(served)
    url = ROOT + path.replace("{h}", system.handle)
    writing = method == "PATCH" or path.endswith("/link")
    wrong = Scope.READ if writing else Scope.DECLARE
    headers = {"if-match": '"x"'}

    browser = served.browser(Role.DESK)
    assert is_problem(browser.request(method, url, json=REFUSE_NEWS, headers=headers), 401)
    for client in (served.caller(Role.DESK, wrong), served.caller(Role.MARKETING), served.caller(Role.STEWARD)):
        assert is_problem(client.request(method, url, json=REFUSE_NEWS, headers=headers), 403)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"purpose": CANARY, "answer": "refuse"}]},
        {"choices": [{"purpose": "newsletter", "answer": CANARY}]},
        {"choices": [{"purpose": "newsletter", "answer": "refuse", CANARY: 1}]},
        {"choices": [], "language": CANARY},
        {"choices": [{"purpose": "newsletter", "answer": "refuse"}],
         "evidence": {"said_at": CANARY, "reference": CANARY}},
        {"choices": [{"field": CANARY, "answer": "refuse"}]},
        {"choices": [{"purpose": "newsletter", "channel": "email", "answer": "allow"}],
         "evidence": {"said_at": "2036-01-01T00:00:00Z", "reference": CANARY}},
        {"choices": [{"purpose": "newsletter", "answer": "refuse"}],
         "evidence": {"said_at": "2026-01-01T00:00:00", "reference": "x"}},
    ],
)  # fmt: skip
def test_no_refusal_repeats_what_was_sent(served: Served, body: dict[str, Any]) -> None:
    """Invariant 7: every 4xx is free of it, whatever place it came in."""
    system = System(served, Scope.READ, Scope.DECLARE, Scope.MAY_RAISE)

    answer = system.write(body, idempotency_key=CANARY)

    assert 400 <= answer.status_code < 500
    assert is_problem(answer, answer.status_code)
    assert is_problem(system.client.post(f"{ROOT}/find", json={"reference": CANARY}), 404)
    assert is_problem(system.client.post(f"{ROOT}/find", json={"reference": "K1", "unit": CANARY}), 422)
    assert is_problem(system.client.get(f"{ROOT}/{CANARY}"), 404)
    assert CANARY not in served.lines.getvalue()


def test_whoever_guesses_references_is_stopped_and_whoever_knows_them_is_not(served: Served) -> None:
    """SEC-11: unknown ones are counted, found ones are given back."""
    system = System(served)

    for _ in range(130):
        assert system.client.post(f"{ROOT}/find", json={"reference": system.reference}).status_code == 200
    statuses = [system.client.post(f"{ROOT}/find", json={"reference": f"X{n}"}).status_code for n in range(121)]

    assert statuses == [404] * 120 + [429]


def test_sixty_changes_of_one_person_in_an_hour_are_enough(served: Served) -> None:
    """SEC-11: whoever makes them; a repeated call does not count."""
    system = System(served)
    for n in range(60):
        answer = ("refuse", "lift")[n % 2]
        body = {"choices": [{"scope": "profiling", "answer": answer}]}
        assert system.write(body, idempotency_key=f"n{n}").status_code in {200, 409}

    assert is_problem(system.write(REFUSE_NEWS), 429)
    assert system.write(REFUSE_NEWS).headers["retry-after"] == "3600"
    assert is_problem(system.client.post(f"{system.url}/link"), 429)
    assert json.loads(system.read().text)["version"] > 0


def test_channel_words_are_those_of_the_law() -> None:
    """One word everywhere (style, § 7 UWG)."""
    assert {channel.value for channel in Channel} == {"email", "phone", "post", "sms"}
