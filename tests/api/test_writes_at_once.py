"""Two systems at once, on both engines: one change for one state, one answer for one key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import preference_api
from api.workflows.declaring import declare, find
from api.workflows.preference_api import Answer, Change
from api.workflows.preferences import Aim, Choice
from api.workflows.preferences import Answer as Said
from audit.database import Database
from audit.errors import LauterError
from consent import ledger
from consent.errors import ChangedMeanwhile
from governance import store_idempotency
from governance.vocabulary import OPERATOR, Act, Channel
from tests.small_world import NOON, a_small_world, said

REFUSE = Change((Choice(Aim("newsletter"), Said.REFUSE),), "de", None, may_raise=False)
ALLOW = Change((Choice(Aim("newsletter", Channel.EMAIL), Said.ALLOW),), "de", None, may_raise=False)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Two contacts."""
    made = a_small_world(tmp_path / "home", database_url, people=2, gold=1)
    yield made
    made.close()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of several threads that start together came to: its result, or the class of its refusal."""
    barrier = threading.Barrier(len(works))
    found: list[Any] = []

    def go(work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            found.append(work())
        except LauterError as refusal:
            found.append(type(refusal))

    threads = [threading.Thread(target=go, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_two_changes_of_one_state_one_is_recorded(house: House) -> None:
    """SEC-2: the version is checked under the person's lock."""
    subject = find(house, "K0001")
    tag = preference_api.read(house, subject, now=NOON).tag

    def change(to: Change) -> str:
        return preference_api.write(house, subject, to, [tag], actor=OPERATOR, now=NOON).tag

    found = at_once(lambda: change(REFUSE), lambda: change(ALLOW))

    assert found.count(ChangedMeanwhile) == 1
    with house.work.reading() as connection:
        about = [d for d in ledger.history(connection, subject.number) if d.purpose == "newsletter"]
    assert len(about) == 1


def test_a_change_on_an_older_version_is_not_recorded(house: House) -> None:
    """Whatever happened since, by whomever."""
    subject = find(house, "K0001")
    with house.work.reading() as connection:
        version = ledger.version_of(connection, subject.number)
    declare(house, subject, [said("sales_care", Act.OBJECTED, at=NOON)], actor=OPERATOR, now=NOON, expected=version)

    late = said("newsletter", Act.REFUSED, at=NOON)
    with pytest.raises(ChangedMeanwhile):
        declare(house, subject, [late], actor=OPERATOR, now=NOON, expected=version)

    with house.work.reading() as connection:
        assert late not in ledger.history(connection, subject.number)


def test_of_many_calls_with_one_key_one_works(house: House) -> None:
    """The others are told that it is under way, or get its answer."""
    worked: list[int] = []

    def call() -> Answer:
        def work() -> Answer:
            worked.append(1)
            return Answer({"n": len(worked)}, "tag")

        return preference_api.once(house, "caller", "key", b"request", work, now=NOON)

    found = at_once(*[call] * 6)

    assert worked == [1]
    assert {one if isinstance(one, type) else one.body["n"] for one in found} <= {preference_api.KeyInUse, 1}
    assert any(isinstance(one, Answer) and not one.repeated for one in found)
    assert preference_api.once(house, "caller", "key", b"request", lambda: Answer({}, ""), now=NOON).repeated


def test_a_key_is_claimed_once_and_can_be_claimed_again_when_released(work: Database) -> None:
    """A refused call leaves nothing behind."""
    key, request = b"k" * 32, b"r" * 32

    def claim() -> store_idempotency.Held | None:
        with work.writing() as connection:
            return store_idempotency.claim(connection, key, request, now=NOON)

    assert [claim(), claim()] == [None, store_idempotency.Held(request, None, None)]
    with work.writing() as connection:
        store_idempotency.release(connection, key)
    assert claim() is None
