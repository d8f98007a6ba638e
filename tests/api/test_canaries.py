"""The log holds nobody: what scans it finds every form of a value, and no two entries show that they are about one."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import cbor2
import pytest

from api.wiring import House
from api.workflows import explanations, portal
from api.workflows.consents import Said, declare_for
from api.workflows.log import prove_assignment
from audit import log
from governance.vocabulary import OPERATOR, Act, Scope
from tests.api.canaries import people_in
from tests.small_world import NOON, RULES, a_small_world, identity_of, run_scheme

MAIL = identity_of(3).details["email"]


@pytest.mark.parametrize(
    "form",
    [
        MAIL.encode(),
        MAIL.upper().encode(),
        quote(MAIL).encode(),
        MAIL.encode().hex().encode(),
        base64.b64encode(MAIL.encode()),
        hashlib.sha256(MAIL.encode()).digest(),
        b'{"said": "' + b"K0003" + b'"}',
    ],
)
def test_the_scan_finds_somebody_in_any_form(form: bytes) -> None:
    """A scan that finds nothing in anything would prove nothing."""
    assert people_in(b"before " + form + b" after", 5)
    assert not people_in(b"nobody at all", 5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two people to whom the same happens at the same times."""
    made = a_small_world(tmp_path, people=12, gold=12)
    run_scheme(made, RULES)
    yield made
    made.close()


def test_two_entries_of_one_person_cannot_be_linked_without_the_key(house: House) -> None:
    """No value of eight bytes or more stands in two entries of one person alone (LOG-6, Recital 26 GDPR)."""
    about: dict[int, list[bytes]] = {3: [], 4: []}
    for minute in range(4):
        for number, entries in about.items():
            with house.work.reading() as connection:
                before = log.size(connection)
            happens(house, f"K{number:04d}", last=minute == 3, now=NOON + timedelta(minutes=minute))
            with house.work.reading() as connection:
                entries += [log.entry(connection, at).data for at in range(before, log.size(connection))]

    assert all(len(entries) == 14 for entries in about.values())
    seen = {who: Counter(value for data in entries for value in set(_values(data))) for who, entries in about.items()}
    for number, other in ((3, 4), (4, 3)):
        linking = [value for value, times in seen[number].items() if times > 1 and value not in seen[other]]
        assert linking == []


def happens(house: House, reference: str, *, last: bool, now: datetime) -> None:
    """Somebody is explained, proven and written to; at last they object, twice."""
    explanations.explain_reference(house, "value", reference, actor=OPERATOR, now=now)
    prove_assignment(house, "value", reference, actor=OPERATOR, now=now)
    portal.letter_for(house, reference, actor=OPERATOR, now=now)
    for scope in (Scope.PROFILING, Scope.MARKETING) if last else ():
        declare_for(house, reference, Said(Act.OBJECTED, scope), actor=OPERATOR, now=now)


def _values(data: bytes) -> Iterator[bytes | str]:
    """Every text and byte string of an entry that is long enough to tell people apart."""
    waiting = [cbor2.loads(data)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str | bytes) and len(value) >= 8:
            yield value
