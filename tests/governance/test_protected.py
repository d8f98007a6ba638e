"""The protected store gives counts and nothing else (FAIR-3)."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest
from sqlalchemy import select

from governance import protected
from governance.errors import CellsTooFine
from governance.keys import Key, KeyRole
from governance.protected import MOST_CELLS, ProtectedStore, protected_attribute
from tests.governance.rooms import a_database, a_key_ring, a_pseudonym

KEY = Key(KeyRole.PROTECTED, 1, b"\x07" * 32)


@pytest.fixture
def store(database_url: str) -> Iterator[ProtectedStore]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    made = ProtectedStore(a_database(database_url, protected.METADATA), KEY)
    yield made
    made.database.close()


def test_people_are_counted_by_cell_and_value(store: ProtectedStore) -> None:
    """Whoever has no value is counted under None: coverage is part of the result (T39)."""
    people = [a_pseudonym() for _ in range(6)]
    store.replace({"age_group": [(people[0], "young"), (people[1], "old"), (people[2], "old"), (a_pseudonym(), "old")]})

    counts = store.counts_by("age_group", zip(people, [1, 1, 1, 2, 2, 2], strict=True))

    assert counts == {(1, "young"): 1, (1, "old"): 2, (2, None): 3}
    assert store.counts_by("sex", [(people[0], 1)]) == {(1, None): 1}


def test_a_new_import_replaces_an_attribute_whole(store: ProtectedStore) -> None:
    """What was not delivered again is gone; other attributes stay; the last of two values holds."""
    first, second = a_pseudonym(), a_pseudonym()
    store.replace({"age_group": [(first, "young"), (second, "old")], "sex": [(first, "f")]})
    store.replace({"age_group": [(second, "young"), (second, "old")]})

    assert store.attributes() == ("age_group", "sex")
    assert store.counts_by("age_group", [(first, 0), (second, 0)]) == {(0, None): 1, (0, "old"): 1}
    assert store.counts_by("sex", [(first, 0)]) == {(0, "f"): 1}


def test_the_digest_follows_every_import_of_these_attributes(store: ProtectedStore) -> None:
    """A verdict names the attributes it rests on (FAIR-5); order and what else is held do not matter."""
    first, second = a_pseudonym(), a_pseudonym()
    digests = [store.digest(["sex"])]
    store.replace({"sex": [(first, "f"), (second, "m")]})
    digests.append(store.digest(["sex"]))
    store.replace({"sex": [(second, "m"), (first, "f")], "age_group": [(first, "old")]})
    assert store.digest(["sex"]) == digests[-1]
    store.replace({"sex": [(second, "f"), (first, "f")]})
    digests.append(store.digest(["sex"]))
    store.replace({"sex": []})
    digests.append(store.digest(["sex"]))

    assert len(set(digests)) == len(digests)
    assert store.digest(["sex", "age_group"]) == store.digest(["age_group", "sex"]) != store.digest(["age_group"])


def test_clearing_and_forgetting_bring_nothing_new(store: ProtectedStore) -> None:
    """The values go within days of a check (FAIR-3) and with the person (Article 17): the verdict still fits."""
    first, second = a_pseudonym(), a_pseudonym()
    store.replace({"sex": [(first, "f"), (second, "m")]})
    checked = store.digest(["sex"])

    store.forget([first])
    assert store.digest(["sex"]) == checked
    store.clear()
    assert (store.attributes(), store.digest(["sex"])) == ((), checked)

    store.replace({"sex": [(first, "m"), (second, "m")]})
    store.clear()
    assert store.digest(["sex"]) != checked


def test_one_person_can_be_forgotten(store: ProtectedStore) -> None:
    """Article 17 GDPR."""
    first, second = a_pseudonym(), a_pseudonym()
    store.replace({"age_group": [(first, "young")], "sex": [(first, "f"), (second, "f")]})

    assert store.forget([first]) == 2
    assert store.counts_by("sex", [(first, 0), (second, 0)]) == {(0, None): 1, (0, "f"): 1}


def test_cells_so_fine_that_they_name_people_are_refused(store: ProtectedStore) -> None:
    """One cell per person would be a join back."""
    with pytest.raises(CellsTooFine):
        store.counts_by("sex", ((a_pseudonym(), cell) for cell in range(MOST_CELLS + 1)))


def test_people_stand_under_ids_of_this_store_alone(store: ProtectedStore) -> None:
    """No pseudonym is stored, and one person has unrelated ids under two attributes."""
    person = a_pseudonym()
    store.replace({"age_group": [(person, "young")], "sex": [(person, "f")]})

    with store.database.reading() as connection:
        ids = [bytes(row.person) for row in connection.execute(select(protected_attribute))]

    assert len(set(ids)) == 2
    assert person not in ids


def test_another_key_counts_nobody(tmp_path: Path) -> None:
    """Without the key nobody can join the store to anything."""
    database = a_database(f"sqlite:///{tmp_path / 'protected.db'}", protected.METADATA)
    person = a_pseudonym()
    ProtectedStore(database, KEY).replace({"sex": [(person, "f")]})

    stranger = ProtectedStore(database, a_key_ring().current(KeyRole.PROTECTED))

    assert stranger.counts_by("sex", [(person, 0)]) == {(0, None): 1}
    database.close()


def test_no_method_gives_rows() -> None:
    """Only names, counts and a digest leave the store."""
    public = {name for name in vars(ProtectedStore) if not name.startswith("_")}
    returned = {name: str(signature(getattr(ProtectedStore, name)).return_annotation) for name in public}

    assert returned == {
        "replace": "None",
        "attributes": "tuple[str, ...]",
        "counts_by": "dict[tuple[int, str | None], int]",
        "digest": "bytes",
        "clear": "None",
        "forget": "int",
    }
