"""`lauter init` makes a home once, `lauter doctor` says what is wrong with it, and migrations agree with the tables."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.settings import Settings, read_settings
from api.wiring import open_house
from api.workflows import stores
from api.workflows.home import examine, make_home
from audit import log
from audit.database import open_database
from audit.errors import BadInput, LauterError
from governance.vocabulary import OPERATOR
from tests.builders import NOON


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({}, tmp_path / "home")


def test_init_makes_everything_and_a_second_call_makes_nothing(settings: Settings) -> None:
    """Calling it again must be harmless: keys and catalogue are never overwritten."""
    first = make_home(settings, actor=OPERATOR, now=NOON)
    secrets = {path.name: path.read_bytes() for path in settings.keys_folder.iterdir()}
    second = make_home(settings, actor=OPERATOR, now=NOON)

    assert {"folder", "keys", "catalogue", "work database", "vault database", "protected database"} <= set(first.made)
    assert second.made == ()
    assert second.log_key == first.log_key
    assert secrets == {path.name: path.read_bytes() for path in settings.keys_folder.iterdir()}


def test_key_files_are_readable_by_their_owner_alone(settings: Settings) -> None:
    """Secrets are files of mode 0600 (Article 32(1)(a) GDPR)."""
    make_home(settings, actor=OPERATOR, now=NOON)

    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.keys_folder.iterdir()} == {0o600}


def test_database_files_are_readable_by_their_owner_alone(settings: Settings) -> None:
    """Whoever may enter the folder, say through a backup, is no reader yet; `lauter init` mends old ones."""
    make_home(settings, actor=OPERATOR, now=NOON)
    files = sorted(settings.home.glob("*.db"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * 3
    files[0].chmod(0o644)

    broken = {check.name: check.detail for check in examine(settings).checks if not check.sound}
    assert list(broken) == ["folder"]
    assert files[0].name in broken["folder"]
    assert make_home(settings, actor=OPERATOR, now=NOON).made == (f"rights of {files[0].name}",)
    assert examine(settings).sound


def test_a_changed_catalogue_is_recorded_once(settings: Settings) -> None:
    """The record of processing shows which version was in force when (Article 30 GDPR)."""
    make_home(settings, actor=OPERATOR, now=NOON)
    changed = settings.catalogue_path.read_text(encoding="utf-8") + "\n# edited by the controller\n"
    settings.catalogue_path.write_text(changed, encoding="utf-8")
    make_home(settings, actor=OPERATOR, now=NOON + timedelta(hours=1))
    make_home(settings, actor=OPERATOR, now=NOON + timedelta(hours=2))

    house = open_house(settings)
    with house.work.reading() as connection:
        kinds = [entry.kind for entry in log.entries(connection)]
    house.close()
    assert kinds.count("catalogue:changed") == 2


def test_doctor_finds_a_sound_home_sound(settings: Settings) -> None:
    """Keys, rights, catalogue, databases, vault, runs and log are looked at."""
    make_home(settings, actor=OPERATOR, now=NOON)

    diagnosis = examine(settings)

    assert diagnosis.sound, [check for check in diagnosis.checks if not check.sound]
    assert {"folder", "keys", "catalogue", "work database", "vault", "runs", "log"} <= {
        c.name for c in diagnosis.checks
    }


def test_doctor_says_what_is_wrong_and_how_to_mend_it(settings: Settings) -> None:
    """A key that others may read, an unmigrated database and a missing home are each named."""
    assert not examine(settings).sound
    make_home(settings, actor=OPERATOR, now=NOON)
    next(settings.keys_folder.iterdir()).chmod(0o644)

    broken = {check.name: check.detail for check in examine(settings).checks if not check.sound}

    assert set(broken) == {"keys"}


@pytest.mark.parametrize("role", ["block", "lookup", "protected", "link", "wrap", "log", "session", "export"])
def test_a_key_file_with_other_content_opens_nothing(settings: Settings, role: str) -> None:
    """Its length is right and its rights are: only what is in it is not (Article 32(1)(b) GDPR)."""
    make_home(settings, actor=OPERATOR, now=NOON)
    (settings.keys_folder / f"{role}-1.key").write_bytes(b"\x07" * 32)

    with pytest.raises(BadInput, match=rf"{role}-1\.key holds another key"):
        open_house(settings)
    with pytest.raises(BadInput, match=rf"{role}-1\.key holds another key"):
        make_home(settings, actor=OPERATOR, now=NOON)
    broken = {check.name: check.detail for check in examine(settings).checks if not check.sound}
    assert set(broken) == {"key values"}
    assert f"{role}-1.key" in broken["key values"]


def test_init_completes_a_home_of_a_version_that_knew_fewer_keys(settings: Settings) -> None:
    """The first key of a new role is made, the others are not touched."""
    make_home(settings, actor=OPERATOR, now=NOON)
    others = {path.name: path.read_bytes() for path in settings.keys_folder.iterdir() if path.name != "link-1.key"}
    (settings.keys_folder / "link-1.key").unlink()
    database = open_database(settings.database_url)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM key_check WHERE role = 'link'"))
    database.close()

    again = make_home(settings, actor=OPERATOR, now=NOON)

    assert again.made == ("link key",)
    assert others == {p.name: p.read_bytes() for p in settings.keys_folder.iterdir() if p.name != "link-1.key"}
    assert examine(settings).sound


def test_a_home_whose_database_is_not_there_yet_is_not_opened(settings: Settings) -> None:
    """What cannot be asked is not taken for granted: no key is used unchecked."""
    make_home(settings, actor=OPERATOR, now=NOON)
    (settings.home / "work.db").unlink()

    with pytest.raises(LauterError, match="lauter init"):
        open_house(settings)


def test_an_invalid_catalogue_is_refused_with_the_path_of_the_mistake(settings: Settings) -> None:
    """The controller reads where and how to mend it."""
    make_home(settings, actor=OPERATOR, now=NOON)
    settings.catalogue_path.write_text("[[purpose]]\nkey = 'x'\nbasis = 'because'\n", encoding="utf-8")

    with pytest.raises(BadInput, match=r"purpose\[0\]\.basis"):
        open_house(settings)


@pytest.mark.parametrize("store", ["work", "vault", "protected"])
def test_migrations_and_tables_agree(store: str, database_url: str) -> None:
    """What the code expects is what the migrations make, on both engines."""
    database = open_database(database_url)
    stores.migrate(database, store)
    stores.migrate(database, store)

    assert stores.differences(database, store) == []
    assert stores.current_version(database, store) == stores.newest_version(store)
    database.close()


EVIDENCE = {
    "log_leaf": ("(idx, kind, body, leaf_hash, recorded_at) VALUES (0, 'a:b', '', '', 0)", "idx"),
    "log_node": ("(level, idx, hash) VALUES (1, 0, '')", "idx"),
    "log_checkpoint": ("(size, note, signed_at) VALUES (1, 'n', 0)", "size"),
    "declaration": (
        "(seq, subject, act, scope, said_at, received_at, source) VALUES (1, 1, 'given', 'purpose', 0, 0, 'subject')",
        "seq",
    ),
    "ground": (
        (
            "(seq, subject, purpose, channel, kind, holds, since, recorded_at, evidence) "
            "VALUES (1, 1, 'p', 'email', 'address_from_sale', 1, 0, 0, '')"
        ),
        "seq",
    ),
    "channel_use": ("(seq, subject, purpose, channel, used_at) VALUES (1, 1, 'p', 'phone', 0)", "seq"),
}


@pytest.mark.parametrize("table", EVIDENCE)
def test_ledger_and_log_tables_take_no_change(table: str, database_url: str) -> None:
    """Evidence is INSERT and SELECT only: by trigger here, by grant besides (Article 5(2) GDPR)."""
    database = open_database(database_url)
    stores.migrate(database, "work")
    values, column = EVIDENCE[table]
    with database.writing() as connection:
        connection.execute(text(f"INSERT INTO {table} {values}"))

    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = 9"):
        with pytest.raises(DBAPIError, match="append"), database.writing() as connection:
            connection.execute(text(statement))
    replacing = f"TRUNCATE {table}"
    if database.is_sqlite:
        replacing = f"INSERT OR REPLACE INTO {table} {values}"
    with pytest.raises(DBAPIError, match="append"), database.writing() as connection:
        connection.execute(text(replacing))
    database.close()
