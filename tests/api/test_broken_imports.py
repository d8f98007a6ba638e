"""An import that breaks off: the log told of it before it stored anybody (LOG-4, LOG-5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.workflows import contact_rows, imports
from governance.vocabulary import OPERATOR
from tests.api.trace import kinds_since, size_of
from tests.builders import a_house
from tests.small_world import NOON

MAPPING = 'kind = "contacts"\n[columns]\nreference = "K"\n'


def test_an_import_that_breaks_off_left_a_fact_before_its_first_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is stored of whose coming the log does not tell, whatever ends the import (LOG-4, Article 5(2) GDPR)."""
    house, take = a_house(tmp_path), contact_rows.ContactRows.take
    taken: list[tuple[str, ...]] = []

    def breaking(rows: Any, batch: Any) -> None:
        if taken:
            raise OSError("the disk is full")
        take(rows, batch)
        taken.append(kinds_since(house, size))

    size = size_of(house)
    monkeypatch.setattr(contact_rows.ContactRows, "take", breaking)
    file = tmp_path / "c.csv"
    file.write_text("K\n" + "".join(f"K{n:06d}\n" for n in range(20_000)), encoding="utf-8")
    with pytest.raises(OSError, match="disk is full"):
        imports.import_contacts(house, file, MAPPING, actor=OPERATOR, now=NOON)

    assert taken == [("import:began",)]
    assert kinds_since(house, size) == ("import:began",)
    house.close()
