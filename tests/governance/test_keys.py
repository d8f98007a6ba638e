"""Keys are files with one length, one owner and one name each (ASVS 11.1, 11.2)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.errors import KeysExist, KeysInvalid
from governance.keys import Key, KeyRole, add_epoch, create_keys, derive, length_prefixed, load_keys


def test_created_keys_are_read_back_one_per_role(tmp_path: Path) -> None:
    """A fresh home has epoch 1 of every role, all different."""
    created = create_keys(tmp_path / "keys")

    loaded = load_keys(tmp_path / "keys")

    assert set(loaded.keys) == set(created.keys)
    assert [loaded.current(role).epoch for role in KeyRole] == [1] * len(KeyRole)
    assert len({key.secret for key in loaded.keys}) == len(KeyRole)


def test_only_the_owner_can_read_a_key(tmp_path: Path) -> None:
    """Folder 0700, files 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        create_keys(tmp_path / "keys")
    finally:
        os.umask(previous)

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    """A second creation is refused and leaves the first as it is."""
    before = create_keys(tmp_path / "keys")

    with pytest.raises(KeysExist):
        create_keys(tmp_path / "keys")

    assert set(load_keys(tmp_path / "keys").keys) == set(before.keys)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    """A truncated file must not become a weak key."""
    create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "wrap-1.key").write_bytes(b"\x07" * length)

    with pytest.raises(KeysInvalid, match=r"wrap-1\.key"):
        load_keys(tmp_path / "keys")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o610])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The message says how to mend it."""
    create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "block-1.key").chmod(mode)

    with pytest.raises(KeysInvalid, match="chmod 600"):
        load_keys(tmp_path / "keys")


def test_a_missing_role_is_refused(tmp_path: Path) -> None:
    """No key is made up for it."""
    create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "protected-1.key").unlink()

    with pytest.raises(KeysInvalid, match=r"protected-1\.key"):
        load_keys(tmp_path / "keys")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """With the way to make one."""
    with pytest.raises(KeysInvalid, match="lauter init"):
        load_keys(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["lookup-01.key", "lookup.key", "lookup-0.key", "other-1.key", "Lookup-1.key"])
def test_a_key_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    """The epoch stands in the name; a name that cannot be read hides one."""
    create_keys(tmp_path / "keys")
    stray = tmp_path / "keys" / name
    stray.write_bytes(b"\x07" * 32)
    stray.chmod(0o600)

    with pytest.raises(KeysInvalid, match="ROLE-EPOCH"):
        load_keys(tmp_path / "keys")


def test_the_newest_epoch_is_current_and_the_older_stay(tmp_path: Path) -> None:
    """Epochs are numbers: 10 is newer than 9 (PSE-4)."""
    create_keys(tmp_path / "keys")
    for _ in range(9):
        add_epoch(tmp_path / "keys", KeyRole.BLOCK)

    ring = load_keys(tmp_path / "keys")

    assert ring.current(KeyRole.BLOCK).epoch == 10
    assert [key.epoch for key in ring.all(KeyRole.BLOCK)] == list(range(10, 0, -1))
    assert ring.current(KeyRole.LOOKUP).epoch == 1


def test_nothing_printed_shows_a_secret(tmp_path: Path) -> None:
    """A key ring in a traceback or log line tells roles and epochs only."""
    ring = create_keys(tmp_path / "keys")

    shown = f"{ring!r} {ring} {ring.keys[0]!r}"

    assert not any(repr(key.secret) in shown or key.secret.hex() in shown for key in ring.keys)
    assert "lookup" in shown


def test_derived_keys_differ_by_use_role_and_key() -> None:
    """Domain separation (PSE-3)."""
    key = Key(KeyRole.EXPORT, 1, b"\x01" * 32)
    derived = {
        derive(key, b"export 1"),
        derive(key, b"export 2"),
        derive(Key(KeyRole.LOOKUP, 1, b"\x01" * 32), b"export 1"),
        derive(Key(KeyRole.EXPORT, 1, b"\x02" * 32), b"export 1"),
        key.secret,
    }

    assert len(derived) == 5


def test_no_two_lists_of_parts_share_their_bytes() -> None:
    """("ab", "c") is not ("a", "bc")."""
    assert length_prefixed(b"ab", b"c") != length_prefixed(b"a", b"bc")
    assert length_prefixed(b"") != length_prefixed()
