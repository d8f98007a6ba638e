"""With the triggers in place the database itself refuses to change an entry, whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from audit import log
from audit.database import Database
from audit.errors import BadInput
from audit.store import append_only_ddl
from tests.audit.builders import CheckedLog, a_fact

ATTACKS = [
    "UPDATE log_leaf SET kind = 'a:b' WHERE idx = 0",
    "UPDATE log_node SET idx = 5",
    "UPDATE log_checkpoint SET note = ''",
    "DELETE FROM log_leaf",
    "DELETE FROM log_node WHERE level = 1",
    "DELETE FROM log_checkpoint",
]


@pytest.fixture
def guarded(work: Database) -> CheckedLog:
    """A signed log whose tables are append-only."""
    with work.writing() as connection:
        for statement in append_only_ddl(connection.dialect.name):
            connection.exec_driver_sql(statement)
    checked = CheckedLog(work)
    checked.append(a_fact(0), a_fact(1), a_fact(2))
    checked.sign()
    return checked


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_update_or_delete_is_refused(guarded: CheckedLog, attack: str) -> None:
    """Entries, nodes and checkpoints are written once."""
    with pytest.raises(DBAPIError, match="append-only"), guarded.database.writing() as connection:
        connection.exec_driver_sql(attack)

    guarded.check(3)


def test_a_replacing_insert_or_truncate_is_refused(guarded: CheckedLog) -> None:
    """The back doors of each database: REPLACE deletes without asking triggers, TRUNCATE too."""
    attack = "TRUNCATE log_leaf"
    if guarded.database.is_sqlite:
        attack = (
            "INSERT OR REPLACE INTO log_leaf SELECT 0, kind, body, leaf_hash, recorded_at FROM log_leaf WHERE idx = 1"
        )
    with pytest.raises(DBAPIError, match="append-only"), guarded.database.writing() as connection:
        connection.exec_driver_sql(attack)

    guarded.check(3)


def test_a_guarded_log_still_grows(guarded: CheckedLog) -> None:
    """Append, sign, and erase the way to a person: all of that goes on."""
    guarded.append(*(a_fact(number, subjects=(number,)) for number in range(5)))
    guarded.sign()
    with guarded.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM log_subject")
        assert log.entries(connection, subject=1) == []
    guarded.check(8)


def test_an_unknown_database_is_refused() -> None:
    """No triggers is not the same as triggers that nobody wrote."""
    with pytest.raises(BadInput):
        append_only_ddl("mysql")
