"""Several people and runs at once: each correction and each run gets a number of its own, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from api.wiring import House
from governance.vocabulary import OPERATOR
from segmentation import store, store_corrections
from segmentation.corrections import CorrectionKind, Ruling, correct
from tests.small_world import NOON, RULES, a_small_world, run_scheme


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty contacts in a scheme."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    yield made
    made.close()


def at_once(act: Callable[[int], None], rounds: int) -> list[BaseException]:
    """Two threads call *act* with numbers of their own, each pair at the same moment; what went wrong."""
    barrier, errors = threading.Barrier(2), list[BaseException]()

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                barrier.wait(20)
                act(number)
        except Exception as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(range(start, 2 * rounds + 1, 2),)) for start in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def out(house: House, subject: int) -> None:
    ruling = Ruling(CorrectionKind.OUT, None, b"sealed", date(2027, 1, 1))
    with house.work.writing() as connection:
        correct(connection, "value", subject, ruling, actor=OPERATOR, now=NOON, today=NOON.date())


def test_two_clerks_correct_two_people(house: House) -> None:
    """Neither is turned away."""
    assert at_once(lambda number: out(house, number), 15) == []


def test_two_clerks_correct_the_same_person(house: House) -> None:
    """One correction is in force, the other lifted (REC-2)."""
    assert at_once(lambda _: out(house, 1), 15) == []
    with house.work.reading() as connection:
        assert len(store_corrections.active(connection, "value")) == 1


def test_two_runs_start(house: House) -> None:
    """Of different schemes, say."""
    with house.work.reading() as connection:
        live = store.live_run(connection, "value")
    assert live is not None

    def start(_: int) -> None:
        run_scheme(house, RULES | {"scheme": f"value_{_ % 2}"})

    assert at_once(start, 3) == []
