"""Two people do the same thing at the same moment: both are served or one is told, and nothing is left half done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import export_requests, exports, staff
from api.workflows.export_files import ExportNotReady
from governance.vocabulary import OPERATOR, Role
from segmentation import store_exports
from tests.api.test_exports import a_request
from tests.small_world import NOON, RULES, a_small_world, run_scheme


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty contacts in a scheme, on both engines."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    yield made
    made.close()


def at_once(*acts: Callable[[], Any]) -> list[BaseException | None]:
    """Begin every act at the same moment; what each ended with."""
    barrier, ends = threading.Barrier(len(acts)), list[BaseException | None]([None] * len(acts))

    def work(place: int, act: Callable[[], Any]) -> None:
        barrier.wait(20)
        try:
            act()
        except Exception as error:
            ends[place] = error

    threads = [threading.Thread(target=work, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def approved(house: House) -> int:
    number = export_requests.request(house, a_request(), actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    return number


def test_two_builds_of_one_export_end_in_one_file(house: House) -> None:
    """The later one takes over, the earlier one is told; who is in it is written down once (Article 19 GDPR)."""
    for _ in range(4):
        number = approved(house)

        ends = at_once(*[lambda n=number: exports.build(house, n, actor=OPERATOR, now=NOON)] * 2)

        assert all(end is None or isinstance(end, ExportNotReady) for end in ends), ends
        assert None in ends
        assert exports.download(house, number, actor=OPERATOR, now=NOON).size > 0


def test_a_build_that_was_overtaken_gives_up_at_its_next_step(house: House) -> None:
    """It neither clears nor writes in the other's ledger."""
    number = approved(house)
    mark = exports._begin(house, number)
    exports.build(house, number, actor=OPERATOR, now=NOON)

    with pytest.raises(ExportNotReady, match="another build"):
        exports._dropped(house, number, mark)
    with house.work.reading() as connection:
        assert len(store_exports.ledger(connection, number)) > 0


def test_two_people_are_let_in_at_once(house: House) -> None:
    """Each gets a number of their own; of two with one name, one is refused in plain words (GOV-7)."""

    def add(name: str) -> Callable[[], Any]:
        return lambda: staff.add_member(house, name, Role.DESK, "a long enough secret", actor=OPERATOR, now=NOON)

    assert at_once(add("ines"), add("jan"), add("kim")) == [None, None, None]
    ends = at_once(add("lou"), add("lou"))
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "RoleConflict"]
    assert [member.name for member in staff.members(house)] == ["ines", "jan", "kim", "lou"]
