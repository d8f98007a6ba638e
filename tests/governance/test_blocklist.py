"""The block list: whoever said no stays out, in every spelling, across rotation and erasure (OBJ-6, PSE-4)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from audit.database import Database
from audit.errors import BadInput
from governance import blocklist
from governance.blocklist import BlockList, blocked_address
from governance.keys import KeyRole
from tests.governance.rooms import a_database, a_key_ring, only_epochs

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPELLINGS = ["Müller@Bücher.example", " MÜLLER@xn--bcher-kva.example ", "mu\u0308ller@BU\u0308CHER.example"]
NUMBERS = ["030 123456", "+49 (0)30/123456", "0049 30 123456"]


@pytest.fixture
def store(database_url: str) -> Database:
    """A work database with the block list's table alone."""
    return a_database(database_url, blocklist.METADATA)


def entries(store: Database) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(blocked_address)).scalar_one())


def test_a_blocked_address_is_blocked_in_every_spelling(store: Database) -> None:
    """Whichever spelling came first, one entry blocks them all, and nobody else."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        for spelling in SPELLINGS:
            blocking.add(connection, "email", spelling, now=NOON)
        blocking.add(connection, "phone", NUMBERS[0], now=NOON)

    with store.reading() as connection:
        assert blocking.blocked(connection, "email", [*SPELLINGS, "mueller@bücher.example"]) == [True] * 3 + [False]
        assert blocking.blocked(connection, "phone", [*NUMBERS, "030 123457", ""]) == [True] * 3 + [False] * 2
        assert blocking.blocked(connection, "phone", SPELLINGS) == [False] * 3
    assert entries(store) == 2
    store.close()


def test_what_is_no_address_is_blocked_as_it_was_written(store: Database) -> None:
    """A garbled entry that comes again with the next import still hits; nothing at all cannot be blocked."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        blocking.add(connection, "email", "max at example.org", now=NOON)
        with pytest.raises(BadInput):
            blocking.add(connection, "email", "  ", now=NOON)

    with store.reading() as connection:
        assert blocking.blocked(connection, "email", ["Max  at Example.org ", "max@example.org"]) == [True, False]
    store.close()


def test_rotation_never_unblocks_and_never_needs_the_address(store: Database) -> None:
    """PSE-4: before, during and after each rotation every entry of every age blocks, added twice or not."""
    ring = a_key_ring(3)
    addresses = [f"person{number}@example.org" for number in range(9)]
    for epoch in (1, 2, 3):
        blocking = BlockList(only_epochs(ring, KeyRole.BLOCK, range(1, epoch + 1)))
        so_far = addresses[: 3 * epoch]
        with store.writing() as connection:
            for address in so_far:
                blocking.add(connection, "email", address, now=NOON)
            assert all(blocking.blocked(connection, "email", so_far))
        if epoch != 2:  # the second rotation finds entries of two ages
            with store.writing() as connection:
                assert blocking.rotate(connection, limit=2) == (2 if epoch == 3 else 0)
                assert all(blocking.blocked(connection, "email", so_far))
                while blocking.rotate(connection, limit=2):
                    pass
        with store.reading() as connection:
            asked = [address.upper() for address in so_far]
            assert all(blocking.blocked(connection, "email", asked))
            assert blocking.blocked(connection, "email", ["nobody@example.org"]) == [False]

    assert entries(store) == 9
    with store.reading() as connection:
        assert set(connection.execute(select(blocked_address.c.epoch)).scalars()) == {3}
    store.close()


def test_an_old_key_alone_reads_nothing_from_a_rotated_list(store: Database) -> None:
    """Nested: a leaked key of epoch 1 gives no dictionary over entries that were moved to epoch 2."""
    ring = a_key_ring(2)
    old = BlockList(only_epochs(ring, KeyRole.BLOCK, [1]))
    with store.writing() as connection:
        old.add(connection, "email", "max@example.org", now=NOON)
        BlockList(ring).rotate(connection, limit=100)

    with store.reading() as connection:
        assert old.blocked(connection, "email", ["max@example.org"]) == [False]
        assert BlockList(ring).blocked(connection, "email", ["max@example.org"]) == [True]
    store.close()


def test_the_list_holds_no_address(tmp_path: Path) -> None:
    """Keyed hashes and nothing else: not one byte of the address is in the file."""
    store = a_database(f"sqlite:///{tmp_path / 'work.db'}", blocklist.METADATA)
    with store.writing() as connection:
        BlockList(a_key_ring()).add(connection, "email", "Kanarienvogel@Xylophon.example", now=NOON)
    store.close()

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir()).lower()

    assert b"kanarienvogel" not in content
    assert b"xylophon" not in content


def test_two_houses_keep_different_lists(tmp_path: Path) -> None:
    """No join across controllers."""
    store = a_database(f"sqlite:///{tmp_path / 'work.db'}", blocklist.METADATA)
    with store.writing() as connection:
        BlockList(a_key_ring()).add(connection, "email", "max@example.org", now=NOON)

        assert BlockList(a_key_ring()).blocked(connection, "email", ["max@example.org"]) == [False]
    store.close()


def test_many_addresses_are_asked_at_once(store: Database) -> None:
    """The answer has the order of the question."""
    blocking = BlockList(a_key_ring(2))
    addresses = [f"person{number}@example.org" for number in range(3_000)]
    with store.writing() as connection:
        for address in addresses[::500]:
            blocking.add(connection, "email", address, now=NOON)
        answers = blocking.blocked(connection, "email", addresses)

    assert [number for number, answer in enumerate(answers) if answer] == list(range(0, 3_000, 500))
    store.close()


def test_an_entry_for_one_purpose_blocks_that_purpose_alone(store: Database) -> None:
    """OBJ-6: a no to the newsletter says nothing about the offer; a no to all says something about each."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        blocking.add(connection, "email", SPELLINGS[0], now=NOON, purpose="newsletter")
        blocking.add(connection, "email", "max@example.org", now=NOON)

    with store.reading() as connection:
        asked = [*SPELLINGS, "max@example.org"]
        assert blocking.blocked(connection, "email", asked, purpose="newsletter") == [True] * 4
        assert blocking.blocked(connection, "email", asked, purpose="offers") == [False] * 3 + [True]
        assert blocking.blocked(connection, "email", asked) == [False] * 3 + [True]
        assert blocking.blocked(connection, "email", asked, purpose="newsletter", everywhere=False) == [True] * 3 + [
            False
        ]
    store.close()


def test_an_entry_is_taken_off_in_every_spelling_and_the_others_stay(store: Database) -> None:
    """The person's own later yes frees what it is about."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        for purpose in (None, "newsletter", "offers"):
            blocking.add(connection, "email", SPELLINGS[0], now=NOON, purpose=purpose)
        blocking.remove(connection, "email", SPELLINGS[1])
        blocking.remove(connection, "email", SPELLINGS[2], purpose="offers")

        assert blocking.blocked(connection, "email", SPELLINGS) == [False] * 3
        assert blocking.blocked(connection, "email", SPELLINGS, purpose="offers") == [False] * 3
        assert blocking.blocked(connection, "email", SPELLINGS, purpose="newsletter") == [True] * 3
        blocking.remove(connection, "email", "nobody@example.org")
        blocking.remove(connection, "email", " ")
    store.close()


def test_an_entry_for_every_purpose_can_be_lifted_for_one(store: Database) -> None:
    """Asked for the newsletter after a no to all advertising: that one, until the next no."""
    blocking = BlockList(a_key_ring())
    value = "max@example.org"

    def closed(connection: Connection) -> list[bool]:
        return [blocking.blocked(connection, "email", [value], purpose=each)[0] for each in ("newsletter", "offers")]

    with store.writing() as connection:
        blocking.add(connection, "email", value, now=NOON)
        blocking.lift(connection, "email", value.upper(), purpose="newsletter", now=NOON)
        assert closed(connection) == [False, True]
        assert blocking.blocked(connection, "email", [value]) == [True]

        blocking.add(connection, "email", value, now=NOON, purpose="newsletter")
        assert closed(connection) == [True, True]
        blocking.remove(connection, "email", value, purpose="newsletter")
        assert closed(connection) == [False, True]

        blocking.restore(connection, "email", value, purposes=["newsletter", "offers"])
        assert closed(connection) == [True, True]
        with pytest.raises(BadInput):
            blocking.lift(connection, "email", "", purpose="newsletter", now=NOON)
    store.close()


def test_a_number_is_one_address_for_all_and_two_for_a_purpose(store: Database) -> None:
    """§ 7(2) UWG: calls and texts are two ways; a no to everything is a no to both."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        blocking.add(connection, "sms", NUMBERS[0], now=NOON, purpose="offers")
        assert blocking.blocked(connection, "sms", NUMBERS, purpose="offers") == [True] * 3
        assert blocking.blocked(connection, "phone", NUMBERS, purpose="offers") == [False] * 3

        blocking.add(connection, "sms", "030 999999", now=NOON)
        assert blocking.blocked(connection, "phone", ["+4930999999"], purpose="offers") == [True]
    store.close()


def test_entries_of_every_kind_survive_rotation(store: Database) -> None:
    """PSE-4: also what blocks one purpose, what lifts one, and what is removed under a later key."""
    ring = a_key_ring(3)
    first = BlockList(only_epochs(ring, KeyRole.BLOCK, [1]))
    value, other = "max@example.org", "ada@example.org"
    with store.writing() as connection:
        first.add(connection, "email", value, now=NOON)
        first.lift(connection, "email", value, purpose="newsletter", now=NOON)
        first.add(connection, "email", other, now=NOON, purpose="newsletter")
        BlockList(only_epochs(ring, KeyRole.BLOCK, [1, 2])).rotate(connection, limit=2)
        last = BlockList(ring)
        last.rotate(connection, limit=2)

        assert last.blocked(connection, "email", [value, other], purpose="newsletter") == [False, True]
        assert last.blocked(connection, "email", [value, other], purpose="offers") == [True, False]
        last.remove(connection, "email", other, purpose="newsletter")
        last.remove(connection, "email", value)
        assert last.blocked(connection, "email", [value, other], purpose="newsletter") == [False, False]
        assert last.blocked(connection, "email", [value], purpose="offers") == [False]
    store.close()


HOUSES = ["Groß, Lange Straße 1a, 10115", "GROSS,  lange str. 1 A,10115", "Gross, Lange-Strasse 1A, 10115"]


def test_a_letter_box_is_blocked_in_every_spelling(store: Database) -> None:
    """OBJ-6: name and house together; a neighbour of another name still gets letters."""
    blocking = BlockList(a_key_ring())
    with store.writing() as connection:
        blocking.add(connection, "post", HOUSES[0], now=NOON)

        neighbours = ["Müller, Lange Straße 1a, 10115", "Groß, Lange Straße 11a, 10115", ""]
        assert blocking.blocked(connection, "post", [*HOUSES, *neighbours]) == [True] * 3 + [False] * 3
    store.close()
