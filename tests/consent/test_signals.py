"""What a browser and a mail program may say for a person, value by value (formats 2.5 and 2.6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.signals import form_fields, gpc_is_on, gpc_objects, gpc_values, is_one_click
from governance.vocabulary import Act, Declaration, Scope, Source
from tests.builders import NOON

HOUR = timedelta(hours=1)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("values", "on"),
    [
        ([b"1"], True),
        ([b" 1 "], True),
        ([b"\t1"], True),
        ([b"0"], False),
        ([b"true"], False),
        ([b"1;x"], False),
        ([b'"1"'], False),
        ([b"11"], False),
        ([b""], False),
        ([b"1.0"], False),
        (["１".encode()], False),
        ([b"0, 1"], False),
        ([b"0", b"1"], True),
        ([b"1", b"1"], True),
        ([b"0", b"true"], False),
        ([], False),
    ],
)
def test_the_signal_is_exactly_1_in_at_least_one_field(values: list[bytes], on: bool) -> None:
    """Any other value is ignored (W3C Global Privacy Control, OBJ-9)."""
    assert gpc_is_on(values) is on


@given(st.lists(st.binary(max_size=4)))
def test_nothing_but_a_1_is_a_signal(values: list[bytes]) -> None:
    """No truthiness (OBJ-9)."""
    assert gpc_is_on(values) is any(value.strip(b" \t") == b"1" for value in values)
    assert not gpc_is_on([value for value in values if b"1" not in value])


def test_only_the_header_of_that_name_counts() -> None:
    """Raw fields as ASGI hands them over, repeated ones apart."""
    raw = [(b"sec-gpc", b"0"), (b"x-sec-gpc", b"1"), (b"sec-gpc", b"1"), (b"dnt", b"1")]

    assert gpc_values(raw) == [b"0", b"1"]
    assert gpc_values([(b"dnt", b"1")]) == []


def wide(act: Act, source: Source, at: datetime, scope: Scope = Scope.PROFILING) -> Declaration:
    more: dict[str, Any] = {"purpose": None, "channel": None, "field": None}
    return Declaration(act=act, scope=scope, said_at=at, received_at=at, source=source, **more)


OBJECTED = wide(Act.OBJECTED, Source.SIGNAL, NOON)
LIFTED = wide(Act.OBJECTION_LIFTED, Source.SUBJECT, NOON + HOUR)


@pytest.mark.parametrize(
    ("history", "adds"),
    [
        ([], True),
        ([OBJECTED], False),
        ([wide(Act.OBJECTED, Source.SUBJECT, NOON)], False),
        ([wide(Act.OBJECTED, Source.SUBJECT, NOON, Scope.MARKETING)], True),
        ([OBJECTED, LIFTED], False),
        ([wide(Act.OBJECTED, Source.SUBJECT, NOON), LIFTED], True),
        ([OBJECTED, LIFTED, wide(Act.OBJECTED, Source.SUBJECT, NOON + 2 * HOUR)], False),
    ],
    ids=["nothing said", "in force", "own objection", "to marketing alone", "chosen otherwise", "older lift", "again"],
)
def test_a_signal_objects_once_and_never_against_a_later_explicit_choice(
    history: list[Declaration], adds: bool
) -> None:
    """Article 21(5) GDPR; the last explicit human choice wins (OBJ-10)."""
    assert gpc_objects(history) is adds


MULTIPART = b"--b\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("kind", "body", "one_click"),
    [
        (FORM, b"List-Unsubscribe=One-Click", True),
        (f"{FORM}; charset=utf-8", b"List-Unsubscribe=One-Click", True),
        ("multipart/form-data; boundary=b", MULTIPART % (b'"List-Unsubscribe"', b"One-Click"), True),
        ('Multipart/Form-Data; boundary="b"', MULTIPART % (b"List-Unsubscribe", b"One-Click"), True),
        (FORM, b"list-unsubscribe=one-click", False),
        (FORM, b"List-Unsubscribe=One-Click+", False),
        (FORM, b"choice=everything", False),
        ("multipart/form-data", b"--b", False),
        ("multipart/form-data; boundary=b", b"", False),
        ("text/plain", b"List-Unsubscribe=One-Click", False),
        ("", b"List-Unsubscribe=One-Click", False),
    ],
)
def test_one_click_is_one_pair_in_two_encodings(kind: str, body: bytes, one_click: bool) -> None:
    """RFC 8058, sections 3.1 and 3.2."""
    assert is_one_click(form_fields(kind, body)) is one_click


@given(st.text(max_size=60), st.binary(max_size=200))
def test_no_body_is_too_strange_to_be_looked_at(kind: str, body: bytes) -> None:
    """Whatever is sent, reading it never fails: stopping must not hang on a form."""
    for each in (kind, f"multipart/form-data; boundary={kind}", FORM):
        assert isinstance(form_fields(each, body), dict)
