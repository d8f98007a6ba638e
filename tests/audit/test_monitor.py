"""A monitor derives every root anew: what was deleted, altered, forked or held back is told (LOG-11, T25, T26)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from audit import checkpoint, log
from audit.cosignature import Cosigner
from audit.database import Database
from audit.errors import BadInput
from audit.monitor import Watched, watch
from audit.monitor_tables import LogTables
from audit.note import verifier_key
from audit.policy import parse_policy
from audit.store_witnessing import CosignatureRow, add_cosignatures
from tests.audit.builders import NOON, SIGNER, a_fact

HOUR = timedelta(hours=1)
WITNESS = Cosigner("witness.example.test/w1", b"\x02" * 32)
ALONE = parse_policy(f"log {SIGNER.vkey}\nquorum none\n".encode())
WITNESSED = parse_policy(f"log {SIGNER.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n".encode())


@dataclass
class ALog:
    """A log that grows and is signed, and its monitor."""

    work: Database
    state: Path
    size: int = field(default=0)

    def grow(self, count: int) -> None:
        """Append and sign."""
        with self.work.writing() as connection:
            log.append(connection, [a_fact(n) for n in range(self.size, self.size + count)])
            self.size += count
        with self.work.writing() as connection:
            checkpoint.sign(connection, SIGNER, now=NOON)

    def look(self, *, policy: object = ALONE, hours: int = 0, older_than: timedelta = 48 * HOUR) -> Watched:
        """One look of the monitor."""
        with self.work.reading() as connection:
            return watch(
                LogTables(connection),
                self.state,
                policy,
                now=NOON + hours * HOUR,
                older_than=older_than,  # type: ignore[arg-type]
            )

    def attack(self, statement: str) -> None:
        """Past every door of ours: there are no triggers here."""
        with self.work.writing() as connection:
            connection.exec_driver_sql(statement)

    def alarms(self, **more: object) -> list[str]:
        """Kinds of the alarms of a look."""
        return [alarm.kind for alarm in self.look(**more).alarms]  # type: ignore[arg-type]


@pytest.fixture
def watched(sqlite_work: Database, tmp_path: Path) -> ALog:
    """A log of 700 entries that was looked at once."""
    with sqlite_work.writing() as connection:
        log.initialise(connection)
    made = ALog(sqlite_work, tmp_path / "monitor")
    made.grow(700)
    assert made.alarms() == []
    return made


def test_a_log_that_only_grows_raises_no_alarm(watched: ALog) -> None:
    """Every leaf and every entry compared, at each look."""
    for grow in (1, 67, 256, 3):
        watched.grow(grow)
        look = watched.look()
        assert (look.alarms, look.size, look.leaves, look.entries) == ((), watched.size, watched.size, watched.size)


@pytest.mark.parametrize(
    ("attack", "kinds"),
    [
        ("UPDATE log_leaf SET body = x'00' WHERE idx = 300", {"entry"}),
        ("UPDATE log_leaf SET leaf_hash = randomblob(32) WHERE idx = 300", {"entry", "fork", "root"}),
        ("DELETE FROM log_leaf WHERE idx = 5", {"missing"}),
        ("DELETE FROM log_leaf WHERE idx = 699", {"missing"}),
        ("UPDATE log_node SET hash = randomblob(32) WHERE level = 8 AND idx = 1", {"tile"}),
        ("DELETE FROM log_node WHERE level = 8 AND idx = 0", {"tile"}),
    ],
)
def test_a_row_that_was_altered_or_deleted_is_told(watched: ALog, attack: str, kinds: set[str]) -> None:
    """Whoever holds the database still does not hold the signed root."""
    watched.attack(attack)

    assert kinds <= set(watched.alarms()) <= kinds | {"tile"}


def rewritten(watched: ALog, size: int) -> None:
    """The operator makes another history of the same length or another one, and signs it with the log's own key."""
    watched.attack("DELETE FROM log_checkpoint")
    watched.attack("DELETE FROM log_leaf")
    watched.attack("DELETE FROM log_node")
    watched.attack("UPDATE log_head SET size = 0")
    watched.size = 0
    watched.grow(size)


@pytest.mark.parametrize(("size", "kind"), [(700, "fork"), (900, "fork"), (600, "shrunk")])
def test_another_history_under_the_log_s_own_key_is_a_fork(watched: ALog, size: int, kind: str) -> None:
    """Of the same size, longer or shorter: told, kept as evidence, and told again at the next look (LOG-3)."""
    remembered = (watched.state / "checkpoint").read_text()
    rewritten(watched, size)

    assert watched.alarms()[0] == kind
    assert len(list(watched.state.glob("evidence-*.note")) or list(watched.state.glob("evidence-*"))) == 1
    assert (watched.state / "checkpoint").read_text() == remembered
    assert watched.alarms()[0] == kind


def test_a_log_without_its_witness_or_with_an_old_word_of_it_is_told(watched: ALog) -> None:
    """The quorum counts, and so does its hour: a held-back log looks like a quiet one."""
    assert watched.alarms(policy=WITNESSED) == ["quorum", "stale"]
    with watched.work.writing() as connection:
        note = checkpoint.latest(connection)
        assert note is not None
        line = WITNESS.cosign(note[: note.rindex("\n\n") + 1], now=NOON)
        key = "+".join(WITNESS.vkey.split("+", 2)[:2])
        add_cosignatures(connection, [CosignatureRow(700, key, NOON, line)] * 2)

    look = watched.look(policy=WITNESSED)
    assert (look.alarms, look.witnessed_by) == ((), (key,))
    assert watched.alarms(policy=WITNESSED, hours=49) == ["stale"]


def test_where_nobody_witnesses_a_log_that_stands_still_is_told(watched: ALog) -> None:
    """All a monitor alone can say: it saw nothing new for so long."""
    assert watched.alarms(hours=47) == []
    assert watched.alarms(hours=49) == ["stale"]
    watched.grow(1)
    assert watched.alarms(hours=49) == []


def test_a_checkpoint_by_another_key_is_told(watched: ALog) -> None:
    """The log's name under a key that the policy does not name."""
    other = verifier_key(SIGNER.origin, b"\x09" * 32)

    assert watched.alarms(policy=parse_policy(f"log {other}\nquorum none\n".encode())) == ["signature"]


def test_a_folder_of_something_else_is_refused(watched: ALog) -> None:
    """Neither overwritten nor taken for a checkpoint."""
    (watched.state / "checkpoint").write_text("something else")

    with pytest.raises(BadInput):
        watched.look()
