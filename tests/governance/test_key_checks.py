"""A key file with other bytes in it is refused before anything is read or written under it (ASVS 11.1; PSE-4)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.database import Database
from governance import key_checks, store_keys
from governance.errors import KeysInvalid
from governance.keys import KeyRole, add_epoch, create_keys, load_keys

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, work: Database) -> Path:
    """A key folder that the work database knows, on both engines."""
    made = tmp_path / "keys"
    with work.writing() as connection:
        key_checks.settle(connection, made, now=NOON)
    return made


def verify(work: Database, folder: Path) -> None:
    with work.reading() as connection:
        key_checks.verify(connection, load_keys(folder))


def settle(work: Database, folder: Path) -> tuple[KeyRole, ...]:
    with work.writing() as connection:
        return key_checks.settle(connection, folder, now=NOON)[1]


def overwrite(path: Path) -> None:
    path.write_bytes(secrets.token_bytes(32))
    path.chmod(0o600)


@pytest.mark.parametrize("role", KeyRole)
def test_a_file_that_holds_another_key_is_refused_by_name(work: Database, folder: Path, role: KeyRole) -> None:
    """Right length, right rights, other bytes: a block list under it would never match again."""
    verify(work, folder)
    overwrite(folder / f"{role.value}-1.key")

    with pytest.raises(KeysInvalid, match=rf"{role.value}-1\.key"):
        verify(work, folder)
    with pytest.raises(KeysInvalid, match=rf"{role.value}-1\.key"):
        settle(work, folder)


def test_two_files_that_changed_places_are_refused(work: Database, folder: Path) -> None:
    """The value is of role and epoch: the same bytes under another name are another key."""
    block, link = folder / "block-1.key", folder / "link-1.key"
    one, other = block.read_bytes(), link.read_bytes()
    block.write_bytes(other)
    link.write_bytes(one)

    with pytest.raises(KeysInvalid, match=r"block-1\.key"):
        verify(work, folder)


def test_a_key_that_nobody_noted_is_refused(work: Database, folder: Path) -> None:
    """A new epoch belongs to the house only once the house knows it: else the newest file would be written under."""
    add_epoch(folder, KeyRole.BLOCK)

    with pytest.raises(KeysInvalid, match=r"block-2\.key"):
        verify(work, folder)
    with pytest.raises(KeysInvalid, match=r"block-2\.key"):
        settle(work, folder)


def test_a_lost_epoch_is_missed_and_never_replaced(work: Database, folder: Path) -> None:
    """Without the old epoch what was blocked under it would not be found (PSE-4)."""
    with work.writing() as connection:
        key_checks.add_epoch(connection, folder, KeyRole.BLOCK, now=NOON)
    verify(work, folder)
    (folder / "block-1.key").unlink()

    with pytest.raises(KeysInvalid, match=r"block-1\.key is missing"):
        verify(work, folder)
    with pytest.raises(KeysInvalid, match=r"block-1\.key is missing"):
        settle(work, folder)


def test_a_lost_role_or_folder_is_never_replaced_by_fresh_keys(work: Database, folder: Path) -> None:
    """Fresh keys would look sound and open nothing."""
    (folder / "wrap-1.key").unlink()
    with pytest.raises(KeysInvalid, match=r"wrap-1\.key"):
        settle(work, folder)

    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(KeysInvalid, match="no key folder"):
        settle(work, folder)
    assert not folder.exists()


def test_a_key_that_was_destroyed_on_purpose_is_not_missed(work: Database, folder: Path) -> None:
    """The old key-encryption key goes once nothing is wrapped under it (design 5)."""
    with work.writing() as connection:
        key_checks.add_epoch(connection, folder, KeyRole.WRAP, now=NOON)
        store_keys.set_destroyed(connection, "wrap", 1, now=NOON)
    (folder / "wrap-1.key").unlink()

    verify(work, folder)


def test_a_role_that_came_with_a_newer_version_gets_its_first_key_and_the_others_stay(
    work: Database, tmp_path: Path
) -> None:
    """A home of a version without links is completed by `lauter init`."""
    folder = tmp_path / "keys"
    ring = create_keys(folder)
    (folder / "link-1.key").unlink()
    with work.writing() as connection:
        key_checks.note(connection, (key for key in ring.keys if key.role is not KeyRole.LINK), now=NOON)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert settle(work, folder) == (KeyRole.LINK,)

    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(after) - set(before) == {"link-1.key"}
    assert {name: after[name] for name in before} == before
    verify(work, folder)
    assert settle(work, folder) == ()


def test_what_is_noted_tells_nothing_of_the_key(work: Database, folder: Path) -> None:
    with work.reading() as connection:
        noted = store_keys.known(connection)

    secrets_held = [path.read_bytes() for path in folder.iterdir()]
    assert {len(row.value) for row in noted} == {16}
    assert len({row.value for row in noted}) == len(KeyRole)
    assert not any(row.value in secret or secret[:16] == row.value for row in noted for secret in secrets_held)
