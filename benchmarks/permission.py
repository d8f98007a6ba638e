"""Permission for everybody and twenty fields, against a pandas merge of the same tables (goal: at most once).

Both sides run in a fresh process, imports counted, on the same SQLite file, and end with the same people, the same 20
columns and the same emptied cells, which is checked. The pandas side reads the five tables whole, merges them, decides
with masks and empties the withheld cells; it knows two of the reasons, no staleness and no snapshot, holds everything
in memory, and parses the profiles with the same Arrow reader.

    python -m benchmarks.permission --contacts 1000000 [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import measure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FIELDS = 20
PURPOSE = "newsletter"
HIDDEN = ("f03", "f11")


def write_tables(file: Path, contacts: int) -> None:
    """People who do not exist: 70 % consented, 3 % objected, 1 % restricted, 5 % withhold a field."""
    import audit.tables
    import consent.tables
    import governance.tables
    from audit import log
    from audit.database import in_batches, insert_rows, open_database, to_microseconds
    from consent import store_ledger

    database = open_database(f"sqlite:///{file}")
    with database.writing() as connection:
        for metadata in (audit.tables.METADATA, governance.tables.METADATA, consent.tables.METADATA):
            metadata.create_all(connection)
        log.initialise(connection)
    at = to_microseconds(NOW)
    subjects = ("id", "pseudonym", "unit", "natural", "counterparty", "role_mailbox", "informed_at", "created_at",
                "updated_at", "restricted_at")  # fmt: skip
    people = (
        (n, n.to_bytes(16, "big"), "contact", 1, "business", 0, at, at, at, at if n % 100 == 0 else None)
        for n in range(1, contacts + 1)
    )
    standings = ((PURPOSE, n, "given", None, at - n, 0, 1, 0, n) for n in range(1, contacts + 1) if n % 10 < 7)
    objections = ((n, None, at, None, n) for n in range(3, contacts + 1, 33))
    withheld = ((PURPOSE, HIDDEN[0], n, 0, n) for n in range(1, contacts + 1, 20))
    everywhere = (("", HIDDEN[1], n, 0, n) for n in range(7, contacts + 1, 40))
    for table, columns, rows in (
        (governance.tables.subject, subjects, people),
        (governance.tables.profile, ("subject", "attributes", "observed_on"), _profiles(contacts)),
        (consent.tables.standing, store_ledger.STANDING_COLUMNS, standings),
        (consent.tables.objection, store_ledger.OBJECTION_COLUMNS, objections),
        (consent.tables.withheld, store_ledger.WITHHELD_COLUMNS, withheld),
        (consent.tables.withheld, store_ledger.WITHHELD_COLUMNS, everywhere),
    ):
        for batch in in_batches(rows):
            with database.writing() as connection:
                insert_rows(connection, table, columns, batch)
    database.close()


def _profiles(contacts: int) -> Iterator[tuple[int, str, int]]:
    for n in range(1, contacts + 1):
        numbers = ", ".join(f'"f{k:02d}": {n * (k + 3) % 99991}' for k in range(14))
        words = ", ".join(f'"f{k:02d}": "level {n * k % 9}"' for k in range(14, 18))
        decimals = ", ".join(f'"f{k:02d}": {n % 997 / 8}' for k in range(18, 20))
        yield n, f"{{{numbers}, {words}, {decimals}}}", 20_000


def _fields() -> tuple[Any, ...]:
    from governance.fields import Field, FieldType
    from governance.vocabulary import Text

    def kind(k: int) -> FieldType:
        return FieldType.INTEGER if k < 14 else FieldType.CATEGORY if k < 18 else FieldType.DECIMAL

    return tuple(
        Field(
            key=f"f{k:02d}", label=Text("Feld", "Field"), type=kind(k), unit=None, category="user.workplace",
            special=False, quasi_identifier=False, mutable=True, suggestable=True, staleness=None, window=None,
            purposes=frozenset({PURPOSE}), levels=(),
        )
        for k in range(FIELDS)
    )  # fmt: skip


def governed(file: Path) -> dict[str, int]:
    """Ours: decide about everybody and read every permitted cell, batch by batch."""
    import pyarrow.compute as pc

    from audit.database import open_database
    from consent.permission import PopulationRequest, permitted
    from governance.purposes import Assessment, NoticeText, Purpose
    from governance.vocabulary import Channel, EffectClass, LegalBasis, Text, Unit

    text = Text("Satz", "Sentence")
    purpose = Purpose(
        key=PURPOSE, label=text, basis=LegalBasis.CONSENT, notice=NoticeText("1", text),
        assessment=Assessment("LIA", date(2030, 1, 1)), channels=frozenset(Channel), categories=frozenset({"user"}),
        marketing=True, profiling=False, effect=EffectClass.NONE, retention="P1Y", consent_validity=None,
    )  # fmt: skip
    database = open_database(f"sqlite:///{file}")
    cells = nulls = total = 0
    with database.reading() as connection:
        population = permitted(connection, PopulationRequest(purpose, Unit.CONTACT, _fields()), now=NOW)
        for batch in population.batches():
            cells += sum(len(array) for array in batch.cells.values())
            nulls += sum(array.null_count for array in batch.cells.values())
            total += int(pc.sum(batch.cells["f00"]).as_py())
    database.close()
    return {"size": population.size, "cells": cells, "nulls": nulls, "total": total}


def bare(file: Path) -> dict[str, int]:
    """The other side: five tables into pandas, merged and masked."""
    import io
    import sqlite3

    import pandas as pd
    import pyarrow.json

    connection = sqlite3.connect(file)
    at = int(NOW.timestamp() * 1_000_000)
    people = pd.read_sql("SELECT id, natural, minor, informed_at, restricted_at, erased_at FROM subject", connection)
    standing = pd.read_sql("SELECT * FROM standing WHERE purpose = ?", connection, params=(PURPOSE,))
    objection = pd.read_sql("SELECT * FROM objection", connection)
    withheld = pd.read_sql("SELECT * FROM withheld WHERE purpose IN ('', ?)", connection, params=(PURPOSE,))
    profile = pd.read_sql("SELECT subject, attributes FROM profile", connection)
    values = pyarrow.json.read_json(io.BytesIO("\n".join(profile["attributes"]).encode())).to_pandas()
    values["subject"] = profile["subject"]
    merged = people.merge(standing, how="left", left_on="id", right_on="subject")
    merged = merged.merge(objection, how="left", left_on="id", right_on="subject", suffixes=("", "_objection"))
    lawful = (
        merged["erased_at"].isna()
        & merged["restricted_at"].isna()
        & merged["state"].isin(["given", "renewed"])
        & (merged["valid_until"].isna() | (merged["valid_until"] > at))
        & (merged["objected"] == 0)
        & merged["general_at"].isna()
        & (merged["marketing_at"].isna() | (merged["granted_at"] > merged["marketing_at"]))
    )
    result = merged.loc[lawful, ["id"]].merge(values, how="left", left_on="id", right_on="subject")
    for field, hidden in withheld.groupby("field"):
        result.loc[result["id"].isin(hidden["subject"]), field] = None
    cells = result[[f"f{k:02d}" for k in range(FIELDS)]]
    nulls = int(cells.isna().sum().sum())
    return {"size": len(result), "cells": cells.size, "nulls": nulls, "total": int(cells["f00"].sum())}


def compare(contacts: int) -> dict[str, Any]:
    """Both sides on the same file; they have to agree."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "work.db"
        measure("-m", "benchmarks.permission", "--side", "tables", "--file", str(file), "--contacts", str(contacts))
        ours = measure("-m", "benchmarks.permission", "--side", "governed", "--file", str(file))
        other = measure("-m", "benchmarks.permission", "--side", "bare", "--file", str(file))
    if ours.answer != other.answer:
        raise RuntimeError(f"the two sides differ: {ours.answer} and {other.answer}")
    return {
        "contacts": contacts,
        "fields": FIELDS,
        **ours.answer,
        "ratio": round(ours.seconds / other.seconds, 3),
        "seconds": round(ours.seconds, 2),
        "baseline_seconds": round(other.seconds, 2),
        "peak_mb": round(ours.peak_mb),
        "baseline_peak_mb": round(other.peak_mb),
    }


def main() -> None:
    """Compare, or be one of the sides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("tables", "governed", "bare"))
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.side == "tables":
        write_tables(given.file, given.contacts)
    elif given.side:
        print(json.dumps({"governed": governed, "bare": bare}[given.side](given.file)))
    else:
        found = compare(given.contacts)
        if given.json:
            json.dump(found, sys.stdout)
            print()
        else:
            for name, value in found.items():
                print(f"{name:>18}  {value}")


if __name__ == "__main__":
    main()
