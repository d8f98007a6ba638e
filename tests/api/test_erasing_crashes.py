"""An erasure that is cut off anywhere, or overtaken by a run, still ends (Article 17; design 5)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.migrations.environment import STORES
from api.wiring import House, open_house
from api.workflows import erasing, home
from api.workflows.log import verify_home
from consent import ledger
from governance.vocabulary import OPERATOR
from segmentation.run_publish import publish
from tests.api.erasing_world import CANARY, PERSON, REFERENCE, everything, facts, plant, stamp
from tests.builders import NOON
from tests.small_world import RULES, a_small_world, run_scheme


class Died(Exception):
    """Stands for a process that ends between two steps."""


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty people, two runs, and one of them with a canary in every room."""
    made = a_small_world(tmp_path / "home", database_url, people=24, gold=12)
    plant(made)
    run_scheme(made, RULES)
    run_scheme(made, RULES, now=NOON + timedelta(minutes=1))
    yield made
    made.close()


@pytest.mark.parametrize("step", erasing.STEPS[:-1])
def test_what_a_crash_leaves_is_finished_at_the_next_start(house: House, tmp_path: Path, step: str) -> None:
    """Between any two steps a process may die; readers see an erased person, and the sweeper ends it (design 5)."""

    def die(done: str) -> None:
        if done == step:
            raise Died

    with pytest.raises(Died):
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1), after=die)
    with house.work.reading() as connection:
        assert ledger.subjects_of(connection, [PERSON.to_bytes(16, "big")]) == {}

    assert erasing.sweep(house, now=NOON + timedelta(hours=2)) == 1
    assert erasing.sweep(house, now=NOON + timedelta(hours=2)) == 0

    assert CANARY.encode() not in everything(house, tmp_path / "home")
    assert len(facts(house, "subject:erased")) == len(facts(house, "subject:erasure_ordered")) == 1
    assert verify_home(house, deep=True).ok
    assert [row.pseudonym for row in house.journal.erased()] == [PERSON.to_bytes(16, "big")]


def test_a_process_that_is_killed_is_finished_by_doctor(tmp_path: Path) -> None:
    """A real SIGKILL after the keys are gone and before the rows are; `lauter doctor` goes on (ERA-1)."""
    made = a_small_world(tmp_path / "home", people=24, gold=12)
    plant(made)
    run_scheme(made, RULES)
    settings = made.settings
    for store in STORES:
        stamp(getattr(made, store).database if store != "work" else made.work, store)
    made.close()
    settings.home.chmod(0o700)
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom api.settings import read_settings\n"
        "from api.wiring import open_house\nfrom api.workflows import erasing\n"
        "from governance.vocabulary import OPERATOR\nfrom tests.builders import NOON\n"
        "house = open_house(read_settings({}, home=Path(sys.argv[1])))\n"
        "kill = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == 'vault' else None\n"
        f"erasing.erase(house, {REFERENCE!r}, actor=OPERATOR, now=NOON, after=kill)\n"
    )
    child = subprocess.run([sys.executable, "-c", script, str(settings.home)], check=False, cwd=Path.cwd())
    assert child.returncode == -signal.SIGKILL

    checks = {check.name: check for check in home.examine(settings, now=NOON).checks}

    assert checks["erasures"].sound
    assert checks["erasures"].detail.startswith("1 ")
    house = open_house(settings)
    assert CANARY.encode() not in everything(house, settings.home)
    assert verify_home(house, deep=True).ok
    house.close()


def test_a_run_that_began_before_the_erasure_publishes_nothing_of_the_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry of the erasure is what a publication asks about; the row goes down to its hash (OBJ-3, ERA-1)."""

    def later(*given: Any) -> int:
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))
        return publish(*given)

    monkeypatch.setattr("segmentation.run.publish", later)
    run_scheme(house, RULES, now=NOON + timedelta(minutes=2))

    assert "assignment" not in erasing.remains(house, PERSON)
    assert verify_home(house, deep=True).ok
