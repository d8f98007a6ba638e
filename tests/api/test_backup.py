"""A backup holds no key; a restore brings nobody back who was erased, and no yes that was taken back (ERA-3, GOV-6)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from api.migrations.environment import version_table
from api.settings import Settings
from api.wiring import House, open_house
from api.workflows import erasing, journaling
from api.workflows.backup import backup, stores_of
from api.workflows.declaring import Subject, declare
from api.workflows.kek import rotate_kek
from api.workflows.log import sign_checkpoint, verify_home
from api.workflows.restore_checks import BackupUnfit, KeyDestroyed, LossNotDeclared, TooOldToRestore
from api.workflows.restoring import restore
from api.workflows.stores import newest_version
from audit import log
from audit.errors import BadInput, Refused
from audit.fact import Fact
from consent import ledger
from governance import key_checks
from governance.errors import LogBehind
from governance.keys import KeyRole, add_epoch
from governance.tables import outbox, profile, subject
from governance.vocabulary import OPERATOR, Act, Channel, Unit
from segmentation.tables import assignment
from tests.builders import NOON
from tests.small_world import RULES, a_small_world, run_scheme, said

HOUR = timedelta(hours=1)
PERSON = Subject(7, (7).to_bytes(16, "big"))
OTHER = Subject(8, (8).to_bytes(16, "big"))


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Two dozen people and a run; migrations say that the tables are the newest."""
    made = a_small_world(tmp_path / "home", database_url, people=24, gold=12)
    run_scheme(made, RULES)
    for name, store in stores_of(made).items():
        with store.writing() as connection:
            table = version_table(name)
            connection.exec_driver_sql(f"CREATE TABLE {table} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('{newest_version(name)}')")
    sign_checkpoint(made, now=NOON)
    journaling.follow(made, now=NOON)
    yield made
    made.close()


@pytest.fixture
def elsewhere(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """An empty home with the same journal; on PostgreSQL the work database is another one."""
    home = tmp_path / "new"
    settings = replace(
        house.settings,
        home=home,
        vault_url=f"sqlite:///{home / 'vault.db'}",
        protected_url=f"sqlite:///{home / 'protected.db'}",
        journal=house.settings.journal_path,
    )
    if house.work.is_sqlite:
        return replace(settings, database_url=f"sqlite:///{home / 'work.db'}")
    url = str(request.getfixturevalue("another_postgres_url"))
    return replace(settings, database_url=url)


def made(house: House, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    backup(house, folder, keys_to=tmp_path / "keys", actor=OPERATOR, now=NOON + HOUR)
    return folder


def back(elsewhere: Settings, tmp_path: Path, **more: bool) -> House:
    restore(
        elsewhere, tmp_path / "backup", keys_from=tmp_path / "keys", actor=OPERATOR, now=NOON + 5 * HOUR,
        **({"declare_loss": True} | more),
    )  # fmt: skip
    return open_house(elsewhere)


def test_a_backup_restores_the_whole_house(house: House, elsewhere: Settings, tmp_path: Path) -> None:
    """People, ledger, assignments and log are what they were; every proof verifies (Article 32(1)(c))."""
    made(house, tmp_path)

    restored = back(elsewhere, tmp_path)

    assert restored.vault.reveal([PERSON.pseudonym]) == house.vault.reveal([PERSON.pseudonym])
    for table in (subject, profile, assignment):
        with house.work.reading() as old, restored.work.reading() as new:
            assert old.execute(select(table)).all() == new.execute(select(table)).all()
    assert verify_home(restored, deep=True).ok
    with restored.work.writing() as connection:
        values = {"kind": "changed", "reference": "{}", "due_at": NOON, "attempts": 0, "created_at": NOON}
        connection.execute(outbox.insert().values(**values))
    restored.close()


def test_no_key_lies_in_a_backup(house: House, tmp_path: Path) -> None:
    """Whoever finds the folder can name nobody: the keys lie elsewhere or nowhere (ERA-3)."""
    folder = made(house, tmp_path)

    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for key in house.keys.keys:
        assert key.secret not in content
        assert key.secret.hex().encode() not in content
    with pytest.raises(BadInput):
        backup(house, tmp_path / "b2", keys_to=tmp_path / "b2" / "keys", actor=OPERATOR, now=NOON)


def test_whoever_was_erased_since_the_backup_stays_erased(house: House, elsewhere: Settings, tmp_path: Path) -> None:
    """The journal is replayed before anything is served; the destroyed key is destroyed again (ERA-3, T2)."""
    made(house, tmp_path)
    erasing.erase(house, "K0007", actor=OPERATOR, now=NOON + 2 * HOUR)

    restored = back(elsewhere, tmp_path)

    assert restored.vault.reveal([PERSON.pseudonym]) == [None]
    assert restored.vault.find(Unit.CONTACT, ["K0007"]) == [None]
    assert "assignment" not in erasing.remains(restored, 7)
    assert verify_home(restored, deep=True).ok
    restored.close()


def test_a_no_since_the_backup_stands_after_the_restore(house: House, elsewhere: Settings, tmp_path: Path) -> None:
    """A withdrawal, an objection and a restriction outlive the copy that does not know them (invariant 2)."""
    made(house, tmp_path)
    no = said("personalised_offers", Act.WITHDRAWN, at=NOON + 2 * HOUR)
    gone = said("newsletter", Act.WITHDRAWN, at=NOON + 2 * HOUR, channel=Channel.EMAIL)
    declare(house, PERSON, [no, gone], actor=OPERATOR, now=NOON + 2 * HOUR)
    with house.work.writing() as connection:
        ledger.restrict(connection, OTHER.number, actor=OPERATOR, now=NOON + 2 * HOUR)
    journaling.follow(house, now=NOON + 2 * HOUR)

    restored = back(elsewhere, tmp_path)

    with restored.work.reading() as connection:
        history = ledger.history(connection, PERSON.number)
        asked = ["ada.muster7@example.org"]
        assert restored.blocklist.blocked(connection, "email", asked, purpose="newsletter") == [True]
        restricted = select(subject.c.restricted_at).where(subject.c.id == OTHER.number)
        assert connection.scalar(restricted) is not None
    assert [d.act for d in history[-2:]] == [Act.WITHDRAWN, Act.WITHDRAWN]
    restored.close()


def test_a_blocked_address_of_somebody_the_copy_does_not_know_stays_blocked(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """The hash comes back although nobody in the copy has the address (OBJ-6)."""
    made(house, tmp_path)
    with house.work.writing() as connection:
        house.blocklist.add(connection, "email", "late@example.org", now=NOON + 2 * HOUR)
        log.append(connection, [Fact("address:stopped", "subject", NOON + 2 * HOUR, {})])
    journaling.follow(house, now=NOON + 2 * HOUR)

    restored = back(elsewhere, tmp_path)

    with restored.work.reading() as connection:
        assert restored.blocklist.blocked(connection, "email", ["LATE@example.org"]) == [True]
    restored.close()


def test_a_log_that_was_signed_further_goes_on_only_after_the_loss_was_declared(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """Nothing forks in silence: the first entry after the restore names both sizes (LOG-3, record 0015)."""
    made(house, tmp_path)
    declare(house, PERSON, [said("newsletter", at=NOON + 2 * HOUR)], actor=OPERATOR, now=NOON + 2 * HOUR)
    sign_checkpoint(house, now=NOON + 2 * HOUR)
    journaling.follow(house, now=NOON + 2 * HOUR)

    with pytest.raises(LossNotDeclared):
        back(elsewhere, tmp_path, declare_loss=False)
    restored = back(elsewhere, tmp_path)

    with restored.work.reading() as connection:
        [entry] = log.entries(connection, kind="log:restored")
    assert entry.body["lost"] == 1
    assert entry.body["signed"] == entry.index + 1
    assert entry.body["size"] == entry.index
    restored.close()


def test_a_database_that_was_put_back_by_hand_is_not_opened(house: House) -> None:
    """An older copy under a running house would fork the log; whoever opens it is told (LOG-3)."""
    with house.work.reading() as connection:
        size = log.size(connection)
    house.journal.note([], [], house.journal.head()._replace(size=size + 1), now=NOON)  # type: ignore[union-attr]

    with pytest.raises(LogBehind):
        open_house(house.settings)
    with pytest.raises(LogBehind):
        journaling.follow(house, now=NOON)


def test_an_altered_backup_is_refused_by_the_name_of_the_file(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """Every byte of every file counts, and so does a file too many."""
    folder = made(house, tmp_path)
    vault = folder / "stores" / "vault.db"
    vault.write_bytes(vault.read_bytes()[:-1] + b"x")
    with pytest.raises(BackupUnfit, match=r"vault\.db"):
        back(elsewhere, tmp_path)

    shutil.copyfile(vault, folder / "stores" / "more.db")
    with pytest.raises(BackupUnfit, match=r"more\.db"):
        back(elsewhere, tmp_path)
    assert not elsewhere.home.exists()


def test_a_backup_sealed_under_a_destroyed_key_stays_closed(house: House, elsewhere: Settings, tmp_path: Path) -> None:
    """Rotation makes old backups unreadable; nothing is put in place (ERA-3)."""
    made(house, tmp_path)
    add_epoch(tmp_path / "keys", KeyRole.WRAP)
    (tmp_path / "keys" / "wrap-1.key").unlink()

    with pytest.raises(KeyDestroyed, match="wrap-1"):
        back(elsewhere, tmp_path)


def test_without_a_journal_that_reaches_back_nothing_is_restored(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """What is not known cannot be replayed; the operator may say so, and the log repeats it (GOV-6)."""
    folder = made(house, tmp_path)
    lost = replace(elsewhere, journal=tmp_path / "no-journal.db")
    with pytest.raises(TooOldToRestore):
        back(lost, tmp_path)

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["made_at"] = (NOON - HOUR).isoformat()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TooOldToRestore):
        back(elsewhere, tmp_path)
    restored = back(lost, tmp_path, without_journal=True)
    with restored.work.reading() as connection:
        assert log.entries(connection, kind="log:restored")[0].body["journal"] is False
    restored.close()


def test_a_restore_overwrites_nothing_and_a_half_done_one_serves_nothing(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """A home with a database is left alone; one whose restore was interrupted is opened by nobody."""
    made(house, tmp_path)
    with pytest.raises(Refused):
        back(house.settings, tmp_path)
    restored = back(elsewhere, tmp_path)
    restored.close()
    elsewhere.restoring_mark.touch()
    with pytest.raises(BadInput, match="interrupted"):
        open_house(elsewhere)


def test_a_new_key_encryption_key_closes_older_backups_for_good(
    house: House, elsewhere: Settings, tmp_path: Path
) -> None:
    """Everybody is still found; the older key is gone, and what was sealed under it stays shut (ERA-3)."""
    number = house.addresses.keep("ada@example.org", expires_at=NOON + 9 * HOUR)
    before = house.vault.reveal([PERSON.pseudonym])
    made(house, tmp_path)

    done = rotate_kek(house.settings, actor=OPERATOR, now=NOON + 2 * HOUR)

    assert done.destroyed == (1,)
    assert done.moved == 25
    assert not (house.settings.keys_folder / "wrap-1.key").exists()
    again = open_house(house.settings)
    assert again.vault.reveal([PERSON.pseudonym]) == before
    assert again.addresses.open(number) == "ada@example.org"
    with again.work.reading() as connection:
        assert log.entries(connection, kind="key:destroyed")[0].body["epoch"] == 1
    again.close()
    with pytest.raises(KeyDestroyed):
        restore(elsewhere, tmp_path / "backup", keys_from=house.settings.keys_folder, actor=OPERATOR, now=NOON)


def test_an_interrupted_rotation_goes_on(house: House) -> None:
    """With both keys there, the next call makes no third one."""
    with house.work.writing() as connection:
        key_checks.add_epoch(connection, house.settings.keys_folder, KeyRole.WRAP, now=NOON)

    assert rotate_kek(house.settings, actor=OPERATOR, now=NOON).epoch == 2
