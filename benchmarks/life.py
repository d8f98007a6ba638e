"""An incremental run against a full one, where 1 of 100 people changed; both in fresh processes, imports counted.

    python -m benchmarks.life --contacts N [--json]

The world is that of `benchmarks.governed_run`: k-means (6) on 7 fields, run once in full. Then the same 1 % of people
get another value, and the scheme runs again on copies of the same home: once incrementally, once in full.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.governed_run import FIELDS, NOW, PURPOSE, K, _governed, _prepare
from benchmarks.measure import Measured, measure

SHARE = 100
"""One of so many people changes."""


def main() -> None:
    """Prepare the world, run both sides, print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--contacts", type=int, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("prepare", "incremental", "full"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        done = _ready(given.folder, given.contacts) if given.side == "prepare" else _again(given.folder, given.side)
        print(json.dumps(done))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "first"
        folder.mkdir()
        _side("prepare", folder, given.contacts)
        other = shutil.copytree(folder, Path(name) / "second")
        sides = {
            "incremental": _side("incremental", folder, given.contacts),
            "full": _side("full", other, given.contacts),
        }
    ours, theirs = sides["incremental"], sides["full"]
    result = {
        "contacts": given.contacts,
        "ratio": round(ours.seconds / theirs.seconds, 3),
        "seconds": round(ours.seconds, 2),
        "full_seconds": round(theirs.seconds, 2),
        "peak_mb": round(ours.peak_mb),
        "full_peak_mb": round(theirs.peak_mb),
        "records": ours.answer["records"],
        "full_records": theirs.answer["records"],
        "stages": ours.answer["stages"],
        "full_stages": theirs.answer["stages"],
    }
    told = ", ".join(f"{key} {value}" for key, value in result.items())
    print(json.dumps(result) if given.json else told)


def _side(name: str, folder: Path, contacts: int) -> Measured:
    return measure("-m", "benchmarks.life", "--contacts", str(contacts), "--side", name, "--folder", str(folder))


def _ready(folder: Path, contacts: int) -> dict[str, Any]:
    _prepare(folder, contacts)
    _governed(folder, {"kind": "kmeans", "kmeans": {"k": K, "seed": 17}})
    from audit.database import open_database

    work = open_database(f"sqlite:///{folder / 'work.db'}")
    with work.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE profile SET attributes = json_set(attributes, ?, json_extract(attributes, ?) + 1000) "
            "WHERE subject % ? = 7",
            (f"$.{FIELDS[0]}", f"$.{FIELDS[0]}", SHARE),
        )
    work.close()
    return {}


def _again(folder: Path, side: str) -> dict[str, Any]:
    from datetime import timedelta

    from audit.database import open_database
    from governance.catalogue import load_catalogue
    from governance.vocabulary import ENGINE
    from segmentation import store
    from segmentation.definitions import parse_definition
    from segmentation.run import Task, run

    catalogue = load_catalogue(folder / "catalogue.toml")
    work = open_database(f"sqlite:///{folder / 'work.db'}")
    with work.reading() as connection:
        [row] = store.latest_definitions(connection)
    definition = parse_definition(row.document, catalogue)
    assert definition.purpose == PURPOSE
    now = NOW + timedelta(days=1)
    report = run(work, Task(definition, 1, catalogue, ENGINE, now, "benchmark", incremental=side == "incremental"))
    work.close()
    return {"records": report.size, "stages": dict(report.seconds)}


if __name__ == "__main__":
    main()
