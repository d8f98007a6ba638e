"""Every table says who answers for what it knows of people, and for how long (Articles 5(1)(e) and 17; ERA-5)."""

from __future__ import annotations

from pathlib import Path

from api.migrations.environment import STORES
from governance.rights import ABOUT_NOBODY
from tests.builders import a_house


def test_every_table_says_who_keeps_it_and_for_how_long(tmp_path: Path) -> None:
    """A table about people without a holder or a retention fails here, not in front of the authority (ERA-5)."""
    house = a_house(tmp_path / "home")
    held = {table: words for holder in house.holders for table, words in holder.holds.items()}
    house.close()
    work = {table for metadata in STORES["work"] for table in metadata.tables}

    assert held.keys() & ABOUT_NOBODY.keys() == set()
    assert work - held.keys() - ABOUT_NOBODY.keys() == set()
    assert all(held.values())
    for metadata in (*STORES["vault"], *STORES["protected"]):
        for table in metadata.sorted_tables:
            assert table.name in ABOUT_NOBODY or "retention: " in (table.comment or ""), table.name


def test_a_table_with_a_column_named_subject_has_a_holder() -> None:
    """Nobody can call a table about people one about nobody."""
    about = {
        table.name
        for metadata in STORES["work"]
        for table in metadata.sorted_tables
        if {"subject", "owner"} & {column.name for column in table.columns if column.type.python_type is int}
    }

    assert about & ABOUT_NOBODY.keys() == set()
