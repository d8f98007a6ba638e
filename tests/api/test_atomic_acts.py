"""An act whose fact cannot be written did not happen, and no fact stands of an act that was not committed (LOG-4)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import event, text

from api.wiring import House
from audit import log
from audit.database import Database
from tests.api import test_trace_api as api
from tests.api.test_trace_api import story as story_of_the_api
from tests.api.trace import Step, Story, kinds_since, size_of

story = story_of_the_api
ACTS = [step for step in api.STEPS if step.kinds]
"""Calls that leave facts; the others are made once, for what later ones need of them."""
ROOT = api.ROOT
MAY_STAY: dict[str, set[str]] = {
    # Staged under a number that nobody reads, and swept with the next run; models are kept by their digest.
    f"POST {ROOT}/schemes/{{scheme}}/runs": {
        "work.run",
        "work.assignment",
        "work.batch",
        "work.batch_tile",
        "work.model",
    },
    # The person's own key for sealed words, made at the first time; the words stand in the row that was not written.
    f"POST {ROOT}/schemes/{{scheme}}/corrections": {"vault.evidence_key"},
    # Rows of a file that is not built yet: the state says so, and building it again begins anew.
    f"POST {ROOT}/exports/{{number}}/build": {"work.export", "work.export_row"},
    # A call that failed may be repeated under its key.
    f"PATCH {ROOT}/preferences/{{handle}}": {"work.idempotency", "vault.evidence_key"},
}
"""What stays of an act that did not happen, besides nothing."""


class Fault(Exception):
    """The disk is full, the process is killed."""


def digests(database: Database) -> dict[str, str]:
    """What stands in each table."""
    with database.reading() as connection:
        kind = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [row[0] for row in connection.execute(text(kind))]
        rows = {name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in names}
    return {name: hashlib.sha256(repr(found).encode()).hexdigest() for name, found in rows.items()}


def everything(house: House) -> dict[str, str]:
    """Every table of the three stores."""
    stores = {"work": house.work, "vault": house.vault.database, "protected": house.protected.database}
    return {
        f"{store}.{table}": found for store, database in stores.items() for table, found in digests(database).items()
    }


def changed(step: Step, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Tables that changed and should not have."""
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return sorted(differing - MAY_STAY.get(step.pattern, set()))


def quietly(step: Step, story: Story) -> None:
    """Make a call that is going to fail."""
    try:
        step.do(story)
    except (Fault, KeyError):
        return


@pytest.fixture
def no_fact(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """While it is on, no fact can be appended; on *after*, it is appended and the commit fails."""
    append = log.append
    state = {"how": ""}

    def failing(connection: Any, facts: Any) -> int:
        if not facts or not state["how"]:
            return append(connection, facts)
        if state["how"] == "before":
            raise Fault

        def refuse(_connection: Any) -> None:
            event.remove(connection.engine, "commit", refuse)
            raise Fault

        first = append(connection, facts)
        event.listen(connection.engine, "commit", refuse)
        return first

    monkeypatch.setattr(log, "append", failing)
    return state


def test_an_act_whose_fact_fails_did_not_happen(story: Story, no_fact: dict[str, str]) -> None:
    """Every act of the API, with its fact refused and with its commit refused; then it is done and leaves its fact."""
    found = []
    for step in api.STEPS:
        for how in ("before", "after") if step in ACTS else ():
            before, size = everything(story.house), size_of(story.house)
            no_fact["how"] = how
            quietly(step, story)
            no_fact["how"] = ""
            left = changed(step, before, everything(story.house))
            if left or kinds_since(story.house, size):
                found.append(f"{step.pattern}, fault {how} the fact: {left} changed, {kinds_since(story.house, size)}")
        size = size_of(story.house)
        step.do(story)
        if kinds_since(story.house, size) != tuple(sorted(step.kinds)):
            found.append(f"{step.pattern}: then the log has {kinds_since(story.house, size)}")
    assert not found, "\n".join(found)
