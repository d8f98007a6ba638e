"""A governed run against the ungoverned script (design 9, rows 1 and 2), both in fresh processes, imports counted.

    python -m benchmarks.governed_run --contacts N [--row kmeans|rules|both] [--json]

Row 1: permission, k-means (6) on 7 fields, leaves and stored assignments, against reading a CSV, scaling,
scikit-learn's KMeans(n_init=10) and to_sql. Row 2: 200 rule segments, against 200 pandas masks over the same CSV,
read and stored.
4 of 100 people objected and 5 of 100 withhold a field; the script ignores both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, measure

FIELDS = ("fresh", "milk", "grocery", "frozen", "paper", "delicatessen", "visits")
K, RULES, SEED = 6, 200, 17
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PURPOSE = "service_segmentation"
CHUNK = 100_000


def main() -> None:
    """Prepare the world, run both sides of each row, print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--contacts", type=int, required=True)
    parser.add_argument("--row", choices=("kmeans", "rules", "both"), default="both")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(SIDES[given.side](given.folder, given.contacts)))
        return
    with tempfile.TemporaryDirectory() as folder:
        _side("prepare", Path(folder), given.contacts)
        rows = ("kmeans", "rules") if given.row == "both" else (given.row,)
        found = {row: _compare(row, Path(folder), given.contacts) for row in rows}
    first = found[rows[0]]
    result = {"contacts": given.contacts, **first, **({"rules": found["rules"]} if len(rows) > 1 else {})}
    print(json.dumps(result) if given.json else _for_the_eye(found))


def _compare(row: str, folder: Path, contacts: int) -> dict[str, Any]:
    ours, theirs = _side(row, folder, contacts), _side(f"{row}_baseline", folder, contacts)
    result = {
        "ratio": round(ours.seconds / theirs.seconds, 3),
        "seconds": round(ours.seconds, 2),
        "baseline_seconds": round(theirs.seconds, 2),
        "peak_mb": round(ours.peak_mb),
        "baseline_peak_mb": round(theirs.peak_mb),
        **ours.answer,
    }
    if row == "kmeans":
        result["squares_quotient"] = _side("squares", folder, contacts).answer["quotient"]
    return result


def _side(name: str, folder: Path, contacts: int) -> Measured:
    where = ("--side", name, "--folder", str(folder))
    return measure("-m", "benchmarks.governed_run", "--contacts", str(contacts), *where)


def _prepare(folder: Path, contacts: int) -> dict[str, Any]:
    """The same people as a work database and as a CSV, in mixtures of six kinds."""
    from audit import log
    from audit.database import open_database

    work = open_database(f"sqlite:///{folder / 'work.db'}")
    with work.writing() as connection:
        for metadata in _tables():
            metadata.create_all(connection)
        log.initialise(connection)
    with (folder / "people.csv").open("w") as file:
        file.write(",".join(("id", *FIELDS)) + "\n")
        for start in range(0, contacts, CHUNK):
            _prepare_part(work, file, start, min(start + CHUNK, contacts))
    (folder / "catalogue.toml").write_text(_catalogue(), encoding="utf-8")
    work.close()
    return {}


def _tables() -> list[Any]:
    import audit.tables
    import consent.tables
    import governance.tables
    import segmentation.tables

    return [package.tables.METADATA for package in (audit, governance, consent, segmentation)]


def _prepare_part(work: Any, file: Any, start: int, stop: int) -> None:
    import numpy as np

    from audit.database import insert_rows, to_microseconds
    from consent.tables import standing, withheld
    from governance.tables import profile, subject

    random = np.random.default_rng([SEED, start])
    centres = np.random.default_rng(SEED).uniform(5_000, 90_000, (K, len(FIELDS)))
    numbers = centres[random.integers(0, K, stop - start)] + random.normal(0, 12_000, (stop - start, len(FIELDS)))
    values = np.maximum(numbers, 0).astype(np.int64).tolist()
    told, day = to_microseconds(NOW) - 10**12, to_microseconds(NOW) // 86_400_000_000
    ids = range(start + 1, stop + 1)
    file.writelines(f"{number},{','.join(map(str, row))}\n" for number, row in zip(ids, values, strict=True))
    with work.writing() as connection:
        names = ("id", "pseudonym", "unit", "natural", "counterparty", "role_mailbox", "informed_at", "created_at")
        people = ((n, n.to_bytes(16, "big"), "contact", 1, "business", 0, told, told, told) for n in ids)
        insert_rows(connection, subject, (*names, "updated_at"), people)
        texts = (json.dumps(dict(zip(FIELDS, row, strict=True)), separators=(",", ":")) for row in values)
        rows = ((number, text, day) for number, text in zip(ids, texts, strict=True))
        insert_rows(connection, profile, ("subject", "attributes", "observed_on"), rows)
        objected = ((PURPOSE, n, 1, 0, 0, 0) for n in ids if n % 25 == 0)
        columns = ("purpose", "subject", "objected", "channels", "channels_denied", "seq")
        insert_rows(connection, standing, columns, objected)
        hidden = ((PURPOSE, FIELDS[n % 7], n, 0, 0) for n in ids if n % 20 == 3)
        insert_rows(connection, withheld, ("purpose", "field", "subject", "released", "seq"), hidden)


def _catalogue() -> str:
    from importlib import resources

    text = resources.files("governance").joinpath("purposes.toml").read_text(encoding="utf-8")
    for field in FIELDS:
        text += (
            f'\n[[field]]\nkey = "{field}"\nlabel = {{ de = "{field}", en = "{field}" }}\ntype = "integer"\n'
            'category = "user.behavior.purchase_history"\nspecial = false\nquasi_identifier = false\nmutable = true\n'
            f'purposes = ["{PURPOSE}"]\n'
        )
    return text


def _kmeans(folder: Path, _contacts: int) -> dict[str, Any]:
    return _governed(folder, {"kind": "kmeans", "kmeans": {"k": K, "seed": SEED}})


def _rules(folder: Path, _contacts: int) -> dict[str, Any]:
    segments = [
        {"key": f"rule_{number}", "name": {"de": "Regel", "en": "Rule"}, "rule": {"all": [_test(*a), _test(*b)]}}
        for number, (a, b) in enumerate(_limits())
    ]
    return _governed(folder, {"kind": "rules", "segments": segments})


def _test(field: str, limit: int) -> dict[str, Any]:
    return {"feature": field, "at_least": limit}


def _limits() -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Two comparisons for each of the 200 rules."""
    return [
        ((FIELDS[n % 7], 5_000 + 400 * n), (FIELDS[(n + 1 + n // 7 % 6) % 7], 90_000 - 400 * n)) for n in range(RULES)
    ]


def _governed(folder: Path, part: dict[str, Any]) -> dict[str, Any]:
    from audit.database import open_database
    from governance.catalogue import load_catalogue
    from governance.vocabulary import ENGINE
    from segmentation import store
    from segmentation.definitions import parse_definition
    from segmentation.run import Task, run

    catalogue = load_catalogue(folder / "catalogue.toml")
    features = [{"key": field, "field": field} for field in FIELDS]
    document = {"scheme": part["kind"], "unit": "contact", "purpose": PURPOSE, "features": features, **part}
    definition = parse_definition(json.dumps(document), catalogue)
    work = open_database(f"sqlite:///{folder / 'work.db'}")
    with work.writing() as connection:
        row = store.DefinitionRow(definition.digest, definition.scheme, 1, definition.document, NOW, "operator")
        store.add_definition(connection, row)
    holds = _watch_lock(work)
    task = Task(definition, 1, catalogue, ENGINE, NOW, "benchmark")
    report = run(work, task)
    return {"lock_seconds": round(max(holds), 3), "stages": dict(report.seconds), "permitted": report.permitted}


def _watch_lock(work: Any) -> list[float]:
    """Seconds of every writing transaction from when it has the lock to when it has committed."""
    from sqlalchemy import event

    holds: list[float] = [0.0]
    begun: dict[int, float] = {}

    def begins(connection: Any) -> None:
        if "lauter_begin" not in connection.get_execution_options():
            begun[id(connection)] = time.perf_counter()

    def commits(connection: Any) -> None:
        if id(connection) in begun:
            connection.connection.dbapi_connection.commit()
            holds.append(time.perf_counter() - begun.pop(id(connection)))

    event.listen(work.engine, "begin", begins)
    event.listen(work.engine, "commit", commits)
    return holds


def _kmeans_baseline(folder: Path, _contacts: int) -> dict[str, Any]:
    """What a script does that asks nobody."""
    import sqlite3

    import pandas as pd
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    people = pd.read_csv(folder / "people.csv")
    scaler = StandardScaler()
    scaled = scaler.fit_transform(people[list(FIELDS)])
    fitted = KMeans(K, n_init=10, random_state=SEED).fit(scaled)
    people["segment"] = fitted.labels_
    with sqlite3.connect(folder / "plain.db") as connection:
        people.to_sql("segments", connection, index=False)
    centres = fitted.cluster_centers_.tolist()
    (folder / "baseline.json").write_text(
        json.dumps({"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist(), "centres": centres})
    )
    return {}


def _rules_baseline(folder: Path, _contacts: int) -> dict[str, Any]:
    """200 masks, the first that fits and all that fit, stored in a row per person."""
    import sqlite3

    import numpy as np
    import pandas as pd

    people = pd.read_csv(folder / "people.csv")
    masks = np.stack([((people[a] >= low) & (people[b] >= high)).to_numpy() for (a, low), (b, high) in _limits()])
    people["segment"] = np.where(masks.any(axis=0), masks.argmax(axis=0), -1)
    packed = np.packbits(masks, axis=0).T.tobytes()
    width = (RULES + 7) // 8
    people["rules"] = [packed[start : start + width] for start in range(0, len(packed), width)]
    with sqlite3.connect(folder / "plain.db") as connection:
        people.to_sql("rules", connection, index=False)
    return {}


def _squares(folder: Path, contacts: int) -> dict[str, Any]:
    """Within-cluster squares over everybody permitted with complete data, ours by the script's."""
    import numpy as np
    import pandas as pd

    from audit.database import open_database
    from segmentation.membership import live

    with open_database(f"sqlite:///{folder / 'work.db'}").reading() as connection:
        method: Any = live(connection, "kmeans").model.method
    theirs = json.loads((folder / "baseline.json").read_text())
    mean, scale = np.array(theirs["mean"]), np.array(theirs["scale"])
    ours = (np.array(method.centroids) * np.array(method.scales) + np.array(method.means) - mean) / scale
    totals = np.zeros(2)
    for part in pd.read_csv(folder / "people.csv", chunksize=CHUNK):
        kept = part[(part["id"] % 25 != 0) & (part["id"] % 20 != 3)]
        rows = (kept[list(FIELDS)].to_numpy() - mean) / scale
        for side, centres in enumerate((ours, np.array(theirs["centres"]))):
            totals[side] += np.min([((rows - centre) ** 2).sum(axis=1) for centre in centres], axis=0).sum()
    return {"quotient": round(float(totals[0] / totals[1]), 6), "contacts": contacts}


def _for_the_eye(found: dict[str, dict[str, Any]]) -> str:
    lines = []
    for row, result in found.items():
        lines.append(
            f"{row}: {result['ratio']} × the script ({result['seconds']} s against {result['baseline_seconds']} s), "
            f"peak {result['peak_mb']} MB against {result['baseline_peak_mb']} MB, "
            f"longest lock {result['lock_seconds']} s"
        )
        lines.append("  " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in result["stages"].items()))
        if "squares_quotient" in result:
            lines.append(f"  within-cluster squares {result['squares_quotient']} × the script's")
    return "\n".join(lines)


SIDES = {
    "prepare": _prepare,
    "kmeans": _kmeans,
    "kmeans_baseline": _kmeans_baseline,
    "rules": _rules,
    "rules_baseline": _rules_baseline,
    "squares": _squares,
}

if __name__ == "__main__":
    main()
