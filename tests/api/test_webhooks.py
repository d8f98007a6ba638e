"""Webhooks: every change reaches every system of the controller, signed, at last, and never as yesterday's state."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from api.http_out import NotDelivered, Outward, TargetRefused
from api.wiring import House
from api.worker import drain
from api.workflows import declaring, webhooks
from api.workflows.consents import Said, declare_for, restrict_for
from api.workflows.post_checks import nothing_given_up
from api.workflows.unsubscribing import unsubscribe_token
from audit import log
from audit.errors import BadInput, Refused
from governance import outbox
from governance.errors import SealBroken, WebhookUnknown
from governance.outbox import MOST_ATTEMPTS
from governance.staff import Scope as TokenScope
from governance.tables import subject, webhook, webhook_delivery
from governance.vocabulary import OPERATOR, THE_SUBJECT, Act, Channel, Role, Scope
from governance.webhooks import signature
from tests.api.other_system import System, another_system
from tests.api.test_staff_and_serve import lauter
from tests.api.test_worker import Postbox
from tests.api.web import Served, serve
from tests.small_world import NOON, a_small_world, said

OFFERS, NEWS = "personalised_offers", "newsletter"
PUBLIC = Outward(resolve=lambda _host, _port: ["1.1.1.1"])


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    made = a_small_world(tmp_path, url, people=6, gold=3)
    yield replace(made, settings=replace(made.settings, webhook_hosts=frozenset({"127.0.0.1"})))
    made.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[House]:
    """The same on SQLite alone, where the engine does not matter."""
    made = a_small_world(tmp_path, people=4, gold=2)
    yield replace(made, settings=replace(made.settings, webhook_hosts=frozenset({"127.0.0.1"})))
    made.close()


def object_to_marketing(house: House, number: int = 3, at: datetime = NOON) -> int:
    """Somebody objects in the portal; the entry."""
    person = declaring.of_number(house, number)
    objection = said(None, Act.OBJECTED, scope=Scope.MARKETING, at=at)
    done = declaring.declare(house, person, [objection], actor=THE_SUBJECT, now=at)
    assert done.entry is not None
    return done.entry


def work(house: House, now: datetime = NOON) -> int:
    return drain(house, Postbox(), now=now)


def bodies(system: System) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in system.requests]


def facts(house: House, kind: str) -> list[log.Entry]:
    with house.work.reading() as connection:
        return log.entries(connection, kind=kind)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver does, by the standard's own words."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


def test_the_signature_is_the_one_of_the_standard() -> None:
    """Known answer: HMAC-SHA-256 over id, time and body, computed apart from the code under test."""
    secret, body = bytes(range(32)), b'{"test": 2432232314}'
    moment = datetime.fromisoformat("2021-02-25T12:23:34+00:00")
    content = f"msg_p5jXN8AQM9LWM0D4loKWxJek.{int(moment.timestamp())}.".encode() + body
    known = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()

    assert int(moment.timestamp()) == 1_614_255_814
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body) == f"v1,{known}"


def test_a_change_reaches_the_system_once_with_where_the_person_stands(house: House) -> None:
    """Under the controller's own reference, signed, with version and entry; nothing else about them (OBJ-4)."""
    with another_system() as system:
        added = webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=NOON)
        entry = object_to_marketing(house)
        assert work(house) == 1
        assert work(house, NOON + timedelta(days=1)) == 0

    ((path, headers, body),) = system.requests
    document = json.loads(body)
    assert path == "/hook?key=1"
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert verified(added.secret, headers, body)
    assert not verified(added.secret, headers, body + b" ")
    assert document.keys() == {"type", "id", "timestamp", "data"}
    assert (document["type"], document["id"]) == ("permission.changed", headers["webhook-id"])
    assert document["timestamp"] == "2026-11-22T12:00:00+00:00"
    data = document["data"]
    assert data.keys() == {"reference", "unit", "state", "entry", "version"}
    assert (data["reference"], data["unit"], data["entry"]) == ("K0003", "contact", entry)
    assert data["state"].keys() == house.catalogue.purposes.keys()
    assert data["state"][OFFERS] == {"lawful": False, "channels": {"email": False, "post": False}}
    assert b"ada" not in body.lower()
    assert b"muster" not in body.lower()


def test_the_delivery_is_a_fact_about_the_person(house: House) -> None:
    """A disclosure to the controller's own system: one entry each, with tokens and numbers only."""
    with another_system() as system:
        webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=NOON)
        entry = object_to_marketing(house)
        work(house)

    (fact,) = facts(house, "webhook:delivered")
    assert (fact.actor, fact.body["entry"], fact.body["webhook"]) == ("engine", entry, 1)
    with house.work.reading() as connection:
        assert next(each.kind for each in log.entries(connection, subject=3)) == "webhook:delivered"


def test_every_live_webhook_hears_of_it_each_with_an_id_and_a_secret_of_its_own(small: House) -> None:
    """One that is down keeps no other waiting."""
    with another_system(500) as down, another_system() as up:
        for system, label in ((down, "Shop"), (up, "CRM")):
            webhooks.add(small, system.url, label, actor=OPERATOR, now=NOON)
        object_to_marketing(small)
        object_to_marketing(small, 2)
        work(small)

    assert len(down.requests) == 1
    assert [body["data"]["reference"] for body in bodies(up)] == ["K0003", "K0002"]
    assert down.requests[0][1]["webhook-id"] not in {headers["webhook-id"] for _, headers, _ in up.requests}


def test_what_failed_is_delivered_again_under_the_same_id_with_the_state_of_then(house: House) -> None:
    """A late delivery tells what is true when it arrives, never what was true when it failed."""
    with another_system(500, 200) as system:
        added = webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=NOON)
        person = declaring.of_number(house, 3)
        declaring.declare(house, person, [said(NEWS, at=NOON)], actor=THE_SUBJECT, now=NOON)
        assert work(house) == 0
        second = NOON + timedelta(minutes=1)
        with house.work.writing() as connection:  # what is said next is announced by itself; leave that aside
            connection.execute(update(webhook).values(ended_at=second))
        object_to_marketing(house, 3, second)
        with house.work.writing() as connection:
            connection.execute(update(webhook).values(ended_at=None))
        assert work(house, second) == 1

    first, again = bodies(system)
    assert first["data"]["state"][NEWS]["lawful"]
    assert not again["data"]["state"][NEWS]["lawful"]
    assert again["data"]["version"] > first["data"]["version"]
    assert again["data"]["entry"] == first["data"]["entry"]
    assert first["id"] == again["id"]
    stamps = [headers["webhook-timestamp"] for _, headers, _ in system.requests]
    assert int(stamps[1]) - int(stamps[0]) == 60
    assert all(verified(added.secret, headers, body) for _, headers, body in system.requests)
    assert len(facts(house, "webhook:delivered")) == 1


def test_after_almost_three_days_it_is_given_up_and_stays_visible_until_it_is_sent_again(house: House) -> None:
    """No change is lost without a word; by hand it is sent once more."""
    with another_system(503) as system:
        webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=NOON)
        object_to_marketing(house)
        now = NOON
        for _ in range(MOST_ATTEMPTS):
            work(house, now)
            now += timedelta(days=2)
        assert len(system.requests) == MOST_ATTEMPTS
        assert work(house, now + timedelta(days=30)) == 0
        (row,) = webhooks.show(house).rows
        assert (row.waiting, row.delivered, row.failed) == (0, 0, 1)
        (fact,) = facts(house, "webhook:failed")
        assert fact.body["answer"] == "status_503"
        with pytest.raises(Refused, match="lauter webhook redeliver"):
            nothing_given_up(house)
        system.answers = [200]
        assert webhooks.redeliver(house, 1, actor=OPERATOR, now=now).deliveries == 1
        assert webhooks.redeliver(house, actor=OPERATOR, now=now).deliveries == 0
        work(house, now)

    (row,) = webhooks.show(house).rows
    assert (row.waiting, row.delivered, row.failed) == (0, 1, 0)
    assert nothing_given_up(house)


def test_a_delivery_that_arrived_is_not_sent_again_by_a_worker_that_died_right_after(small: House) -> None:
    """The row knows before the outbox does."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        object_to_marketing(small)
        with small.work.writing() as connection:
            (item,) = outbox.take(connection, now=NOON)
        webhooks.deliver(small, int(item.reference["delivery"] or 0), last=False, now=NOON)
        work(small, NOON + timedelta(hours=1))

    assert len(system.requests) == 1
    assert len(facts(small, "webhook:delivered")) == 1


def test_two_workers_at_once_deliver_each_change_once(house: House) -> None:
    """Real threads, both engines."""
    with another_system() as system:
        webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=NOON)
        for number in range(1, 7):
            object_to_marketing(house, number)
        workers = [threading.Thread(target=lambda: work(house)) for _ in range(2)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    assert sorted(body["data"]["reference"] for body in bodies(system)) == [f"K000{n}" for n in range(1, 7)]


def test_a_declaration_that_says_nothing_new_is_not_announced(small: House) -> None:
    """A repetition changes nothing."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        person = declaring.of_number(small, 3)
        again = said(None, Act.OBJECTED, scope=Scope.MARKETING, at=NOON)
        for _ in range(3):
            declaring.declare(small, person, [again], actor=THE_SUBJECT, now=NOON)
        assert work(small) == 1


def test_a_restriction_is_a_change_too(small: House) -> None:
    """Whoever is restricted may be used for nothing (Article 18 GDPR)."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        restrict_for(small, "K0003", actor=OPERATOR, now=NOON)
        restrict_for(small, "K0003", actor=OPERATOR, now=NOON)
        work(small)

    (told,) = bodies(system)
    assert not told["data"]["state"][OFFERS]["lawful"]


def test_a_change_that_was_not_committed_is_not_announced(small: House) -> None:
    """The delivery stands in the transaction of the change (LOG-4)."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)

        def interrupted() -> None:
            with small.work.writing() as connection:
                webhooks.announce(connection, small, 3, 1, now=NOON)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            interrupted()
        assert work(small) == 0


def test_about_somebody_who_was_erased_nothing_is_sent_any_more(small: House) -> None:
    """Neither their reference nor a row about them stays behind."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        object_to_marketing(small)
        with small.work.writing() as connection:
            connection.execute(update(subject).where(subject.c.id == 3).values(erased_at=NOON))
        work(small)

    assert system.requests == []
    with small.work.reading() as connection:
        assert connection.execute(select(webhook_delivery)).all() == []


def test_a_blocked_address_is_no_permission(small: House) -> None:
    """The state is the effective one: law and block list together (OBJ-6)."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        with small.work.writing() as connection:
            small.blocklist.add(connection, "email", "ADA.Muster3@example.org", now=NOON)
        person = declaring.of_number(small, 3)
        declaring.declare(small, person, [said(NEWS, Act.WITHDRAWN, at=NOON)], actor=THE_SUBJECT, now=NOON)
        work(small)

    state = bodies(system)[0]["data"]["state"]
    assert state[OFFERS]["lawful"]
    assert not state[OFFERS]["channels"]["email"]


def test_an_ended_webhook_hears_nothing_more(small: House) -> None:
    """Not even what waited."""
    with another_system() as system:
        webhooks.add(small, system.url, "CRM", actor=OPERATOR, now=NOON)
        object_to_marketing(small)
        webhooks.end(small, 1, actor=OPERATOR, now=NOON)
        object_to_marketing(small, 2)
        work(small)

    assert system.requests == []
    assert webhooks.show(small).rows[0].waiting == 0
    for act in (webhooks.end, webhooks.redeliver):
        with pytest.raises(WebhookUnknown):
            act(small, 1, actor=OPERATOR, now=NOON)


def test_the_secret_is_shown_once_and_lies_here_sealed_for_its_own_row(small: House) -> None:
    """256 random bits behind the prefix of the standard; moved to another row it does not open."""
    one, two = (webhooks.add(small, "http://127.0.0.1/", name, actor=OPERATOR, now=NOON) for name in ("A", "B"))
    secret = base64.b64decode(one.secret.removeprefix("whsec_"))
    with small.work.reading() as connection:
        rows = connection.execute(select(webhook).order_by(webhook.c.id)).all()

    assert one.secret.startswith("whsec_")
    assert len(secret) == 32
    assert one.secret != two.secret
    assert secret not in rows[0].secret
    assert one.secret not in repr((one, rows[0], webhooks.show(small)))
    with small.work.writing() as connection:
        connection.execute(update(webhook).where(webhook.c.id == 2).values(secret=rows[0].secret))
    object_to_marketing(small)
    with small.work.reading() as connection:
        (delivery,) = connection.execute(select(webhook_delivery.c.id).where(webhook_delivery.c.webhook == 2)).scalars()
    with pytest.raises(SealBroken):
        webhooks.deliver(small, delivery, last=False, now=NOON)


def test_a_target_in_a_private_network_is_refused_when_it_is_registered(small: House) -> None:
    """Unless the operator allows the host by name; the refusal says so."""
    with pytest.raises(TargetRefused, match="LAUTER_WEBHOOK_HOSTS"):
        webhooks.add(small, "https://10.0.0.1/hook", "CRM", actor=OPERATOR, now=NOON)
    with pytest.raises(TargetRefused, match="https"):
        webhooks.add(small, "http://crm.example.org/", "CRM", actor=OPERATOR, now=NOON, outward=PUBLIC)
    for label in ("", "x" * 81, "a\nb"):
        with pytest.raises(BadInput, match="label"):
            webhooks.add(small, "https://crm.example.org/", label, actor=OPERATOR, now=NOON, outward=PUBLIC)

    assert webhooks.show(small).rows == ()
    assert webhooks.add(small, "https://crm.example.org/", "CRM", actor=OPERATOR, now=NOON, outward=PUBLIC).number == 1


def test_a_target_that_moved_into_a_private_network_is_refused_at_each_delivery(small: House) -> None:
    """DNS rebinding after registration: nothing leaves, and the delivery waits."""
    with another_system() as system:
        url = f"https://crm.example.org:{system.port}/"
        webhooks.add(small, url, "CRM", actor=OPERATOR, now=NOON, outward=PUBLIC)
        object_to_marketing(small)
        moved = Outward(resolve=lambda _host, _port: ["127.0.0.1"])
        with pytest.raises(TargetRefused):
            webhooks.deliver(small, 1, last=False, now=NOON, outward=moved)

    assert system.requests == []
    with small.work.reading() as connection:
        row = connection.execute(select(webhook_delivery)).one()
    assert (row.attempts, row.answer, row.failed_at) == (1, "address_not_public", None)


def test_a_redirect_is_not_followed_and_counts_as_a_failure(small: House) -> None:
    """Where it leads was never checked."""
    with another_system() as inner, another_system(307, location=inner.url) as outer:
        webhooks.add(small, outer.url, "CRM", actor=OPERATOR, now=NOON)
        object_to_marketing(small)
        with pytest.raises(NotDelivered, match="status_307"):
            webhooks.deliver(small, 1, last=False, now=NOON)

    assert inner.requests == []


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def test_the_api_keeps_webhooks_for_who_may_and_tells_a_secret_once(
    web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stewards keep them, officer and auditor look; the list shows a host and no key that a path may hold."""
    monkeypatch.setattr("api.workflows.webhooks.outward_of", lambda _house: PUBLIC)
    keeper, officer = web.caller(Role.STEWARD, TokenScope.WEBHOOK), web.caller(Role.DPO, TokenScope.WEBHOOK)
    new = {"url": "https://crm.example.org/hooks/KEY?k=SECRET", "label": "CRM"}
    made = keeper.post("/api/v1/webhooks", json=new)
    shown = officer.get("/api/v1/webhooks")

    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert shown.json()["webhooks"][0]["host"] == "https://crm.example.org"
    for hidden in ("KEY", "SECRET", "whsec_"):
        assert hidden not in shown.text
    assert officer.post("/api/v1/webhooks", json=new).status_code == 403
    assert officer.delete("/api/v1/webhooks/1").status_code == 403
    assert web.caller(Role.MARKETING).get("/api/v1/webhooks").status_code == 403
    assert web.caller(Role.STEWARD, TokenScope.READ).get("/api/v1/webhooks").status_code == 403
    assert keeper.post("/api/v1/webhooks/1/redelivery").json() == {"deliveries": 0}
    assert keeper.delete("/api/v1/webhooks/1").status_code == 204
    for number in (1, 2, 2**70, -1):
        assert keeper.delete(f"/api/v1/webhooks/{number}").status_code == 404


def test_a_refused_target_is_a_problem_document_that_does_not_repeat_it(web: Served) -> None:
    """What was sent is never echoed (SEC-1)."""
    keeper = web.caller(Role.STEWARD, TokenScope.WEBHOOK)
    answer = keeper.post("/api/v1/webhooks", json={"url": "https://10.1.2.3/private-key", "label": "CRM"})

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/target-refused")
    assert "LAUTER_WEBHOOK_HOSTS" in answer.json()["detail"]
    assert "10.1.2.3" not in answer.text
    assert "private-key" not in answer.text


def test_an_act_in_the_portal_and_one_at_the_desk_are_one_delivery_each(
    web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the way in, there is one write path."""
    house = replace(web.house, settings=replace(web.house.settings, webhook_hosts=frozenset({"127.0.0.1"})))
    with another_system() as system:
        webhooks.add(house, system.url, "CRM", actor=OPERATOR, now=web.now)
        declare_for(house, "K0005", Said(Act.WITHDRAWN, purpose=OFFERS), actor=OPERATOR, now=web.now)
        token = unsubscribe_token(house, (6).to_bytes(16, "big"), OFFERS, Channel.EMAIL)
        clicked = web.browser().post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
        assert clicked.status_code == 200
        work(house, web.now)

    told = {body["data"]["reference"]: body["data"]["state"][OFFERS] for body in bodies(system)}
    assert told["K0005"] == {"lawful": False, "channels": {"email": False, "post": False}}
    assert told["K0006"]["lawful"]
    assert not told["K0006"]["channels"]["email"]
    assert len(system.requests) == 2


def test_the_command_line_adds_lists_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lauter webhook`; the secret is printed once."""
    monkeypatch.setenv("LAUTER_WEBHOOK_HOSTS", "127.0.0.1, crm.internal")
    home = tmp_path / "home"
    lauter(home, "init")
    made = json.loads(lauter(home, "webhook", "add", "http://127.0.0.1:9/", "--label", "CRM").stdout)
    listed = lauter(home, "webhook", "list").stdout

    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in listed
    assert json.loads(listed)["webhooks"][0]["host"] == "http://127.0.0.1:9"
    assert json.loads(lauter(home, "webhook", "redeliver").stdout) == {"deliveries": 0}
    assert json.loads(lauter(home, "webhook", "end", "1").stdout) == {"ended": 1}
    assert isinstance(lauter(home, "webhook", "end", "1").exception, WebhookUnknown)
    assert isinstance(lauter(home, "webhook", "add", "https://10.0.0.1/", "--label", "CRM").exception, TargetRefused)
