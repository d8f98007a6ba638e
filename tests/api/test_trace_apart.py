"""Commands that need a story of their own: each leaves its facts (LOG-5)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from api.cli import output
from api.settings import read_settings
from api.wiring import House, open_house
from api.workflows import activations, segments
from audit import log
from audit.fact import Fact
from governance.vocabulary import Actor, Role
from tests.api.test_activations import priced
from tests.api.test_trace_commands import Lauter, facts_since
from tests.api.test_trace_commands import lauter as lauter_of_the_commands
from tests.small_world import NOON, populate

lauter = lauter_of_the_commands
WRITER = Actor(Role.MARKETING, "m1")


def left_by(lauter: Lauter, home: Path, *words: str) -> tuple[str, ...]:
    """What a command that succeeds leaves in the log."""
    size, _ = facts_since(home, 0)
    code, said = lauter(*words)
    assert code == 0, said
    return facts_since(home, size)[1]


def asked(house: House) -> None:
    """Marketing asks for a price scheme, which waits for the officer."""
    segments.define(house, priced(), actor=WRITER, now=NOON)
    activations.request(house, "value", actor=WRITER, now=NOON)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("decide", "value", "--approve"), ("scheme:activated",)),
        (("decide", "value", "--refuse", "--note", "Too early."), ("scheme:refused",)),
        (("withdraw", "value"), ("scheme:withdrawn",)),
    ],
)
def test_a_word_about_what_waits_is_a_fact(
    lauter: Lauter, tmp_path: Path, words: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    """By the command line as by the console (LOG-5)."""
    assert lauter("init")[0] == 0
    house = open_house(read_settings(home=tmp_path / "home"))
    populate(house, people=60, gold=30, purposes=("personalised_price",))
    asked(house)
    house.close()

    assert left_by(lauter, tmp_path / "home", "segment", *words) == kinds


def test_pruning_by_command_is_a_fact(lauter: Lauter, tmp_path: Path) -> None:
    """The log tells that it forgot, and under which rule (LOG-12)."""
    home = tmp_path / "home"
    assert lauter("init")[0] == 0
    rules = home / "catalogue.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + '\n[log]\nkeep = "P3Y"\n', encoding="utf-8")
    house = open_house(read_settings(home=home))
    with house.work.writing() as connection:
        log.append(connection, [Fact("session:ended", "desk:4f2a", NOON, {}) for _ in range(600)])
    house.close()
    assert lauter("audit", "checkpoint")[0] == 0
    assert left_by(lauter, home, "audit", "prune", "--dry-run") == ()

    with pytest.MonkeyPatch.context() as later:
        later.setattr(output, "now", lambda: NOON + timedelta(days=5 * 366))
        assert left_by(lauter, home, "audit", "prune") == ("log:pruned",)


def test_a_restore_by_command_is_a_fact_of_the_restored_log(lauter: Lauter, tmp_path: Path) -> None:
    """It stands in the log that came back (LOG-5, GOV-6)."""
    assert lauter("init")[0] == 0
    copy, keys = str(tmp_path / "copy"), str(tmp_path / "keys")
    assert lauter("backup", copy, "--keys", keys)[0] == 0
    old = tmp_path / "home"
    old.rename(tmp_path / "burnt")
    code, said = lauter("restore", copy, "--keys", keys, "--declare-loss")

    assert code == 0, said
    assert "log:restored" in facts_since(old, 0)[1]
