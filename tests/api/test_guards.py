"""The small guards of the web face: rights, attempts, stand-ins, form tokens, the operational log."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from api.access import RIGHTS, Right, may
from api.console.counts import Counts, funnel
from api.console.forms import way_back
from api.handles import Handles
from api.logs import new_log
from api.security import cookie_name, form_token, is_https, is_loopback
from api.throttle import Throttle
from governance.vocabulary import Role, Text

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)


def test_every_role_is_in_the_table() -> None:
    """A role without a row could do nothing, and nobody would notice why."""
    assert set(RIGHTS) == set(Role)


def test_who_approves_an_export_cannot_ask_for_one() -> None:
    """Four eyes: no console role both requests and approves (REC-4, GOV-7)."""
    for role in set(Role) - {Role.OPERATOR}:
        assert not (may(role, Right.REQUEST_EXPORT) and may(role, Right.APPROVE_EXPORT))


def test_the_administrator_sees_no_data() -> None:
    """Accounts and keys only (design 8)."""
    data = {Right.CONTACTS, Right.SEGMENTS, Right.PERSON, Right.PRICES, Right.EXPORTS, Right.LOG, Right.EXACT}
    assert not RIGHTS[Role.ADMIN] & data


def test_marketing_neither_sees_nor_moves_a_single_person() -> None:
    """Who writes the rules decides about nobody (Article 22(3) GDPR)."""
    assert not RIGHTS[Role.MARKETING] & {Right.PERSON, Right.CORRECT, Right.EXACT, Right.LOG}


def test_the_sixth_attempt_within_the_window_is_refused_and_the_window_moves() -> None:
    """Guessing stays slow (SEC-11)."""
    throttle = Throttle(5, WINDOW)
    for minute in range(5):
        assert throttle.take("anna", now=NOON + timedelta(minutes=minute)) is None

    assert throttle.take("anna", now=NOON + timedelta(minutes=5)) == timedelta(minutes=10)
    assert throttle.take("bert", now=NOON + timedelta(minutes=5)) is None
    assert throttle.take("anna", now=NOON + timedelta(minutes=15)) is None


def test_an_attempt_that_succeeded_does_not_count() -> None:
    """Signing in often is no attack."""
    throttle = Throttle(1, WINDOW)
    for _ in range(3):
        assert throttle.take("anna", now=NOON) is None
        throttle.give_back("anna")


def test_a_stand_in_means_nothing_in_another_session_and_ends() -> None:
    """No customer reference stands in a URL, and the stand-in is no second reference (SEC-6)."""
    handles = Handles(timedelta(hours=1))
    handle = handles.hold("one", "K-1", now=NOON)

    assert handle != handles.hold("two", "K-1", now=NOON)
    assert handles.hold("one", "K-1", now=NOON) == handle
    assert handles.reference("one", handle, now=NOON) == "K-1"
    assert handles.reference("two", handle, now=NOON) is None
    assert handles.reference("one", handle, now=NOON + timedelta(hours=1)) is None
    handles.hold("one", "K-2", now=NOON)
    handles.forget("one")
    assert not handles._held.keys() - {("two", next(key[1] for key in handles._held))}


def test_a_form_token_belongs_to_one_cookie_and_one_key() -> None:
    """A token of one session is worthless in another."""
    assert form_token(b"k" * 32, "a") != form_token(b"k" * 32, "b")
    assert form_token(b"k" * 32, "a") != form_token(b"l" * 32, "a")


def test_cookies_bind_to_the_host_over_https_and_still_work_on_one_machine() -> None:
    """`__Host-` needs https; plain http is for the loopback address."""
    assert cookie_name("lauter", https=is_https("https://lauter.example.org")) == "__Host-lauter"
    assert cookie_name("lauter", https=is_https("http://127.0.0.1:8080")) == "lauter"
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.0.2.1")


def test_the_log_drops_what_is_not_on_its_list() -> None:
    """No address, no exception text, no line break reaches the operational log (ASVS 16.2.5)."""
    lines = io.StringIO()
    log = new_log(lines)

    log.info(
        "request:served", route="/console/log/{index}", status=200, body="canary@example.org", q="canary@example.org"
    )
    log.info("canary@example.org came by", status=200)
    log.info("request:failed", error="a\r\nb" + "x" * 500)

    first, second, third = (json.loads(line) for line in lines.getvalue().splitlines())
    assert first.keys() == {"at", "event", "route", "status"}
    assert second == {"event": "unlisted"}
    assert "\n" not in third["error"]
    assert len(third["error"]) < 130
    assert "canary" not in lines.getvalue()


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/console/log", "/console/log"),
        ("/console/log?kind=x", "/console/log"),
        ("//evil.example/console", "/console"),
        ("https://evil.example/console", "/console"),
        ("/console/../etc", "/console"),
        ("/console\\@evil.example", "/console"),
        ("", "/console"),
    ],
)
def test_a_form_leads_back_into_the_console_only(asked: str, path: str) -> None:
    """No open redirect."""
    assert way_back(asked) == path


def test_rounded_counts_tell_no_single_person_and_pool_small_reasons() -> None:
    """Two pictures a day apart do not tell who left (H2: differencing)."""
    rounded = Counts(exact=False)
    assert [rounded.see(count) for count in (0, 9, 10, 14, 15, 1284)] == [None, None, 10, 10, 20, 1280]

    labels = {"a": Text("a", "a"), "b": Text("b", "b"), "c": Text("c", "c")}
    steps = funnel(("all", 120), {"a": 24, "b": 4, "c": 9}, labels, ("left", 83), rounded, "others")
    assert [(step.label, step.count) for step in steps] == [
        ("all", 120),
        (labels["a"], 20),
        ("others", 10),
        ("left", 80),
    ]

    exact = funnel(("all", 120), {"a": 24, "b": 4, "c": 9}, labels, ("left", 83), Counts(exact=True), "others")
    assert [step.count for step in exact] == [120, 24, 9, 4, 83]
