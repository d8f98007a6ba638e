"""Import with pseudonyms and seal, against bare HMAC + AES-GCM + bulk insert of the same rows (goal: at most twice).

Both sides read the same CSV in a fresh process, imports counted, and end with the same people on disk. The bare
side hashes reference, e-mail and phone (HMAC-SHA-256), seals the identity (AES-256-GCM, one key) and inserts tuples; it
looks nobody up, wraps no keys, judges no cell, keeps no report and cannot be repeated or killed.

    python -m benchmarks.intake --contacts 100000 [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import measure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAPPING = """
kind = "contacts"
[columns]
reference = "Kundennr"
given_name = "Vorname"
family_name = "Nachname"
email = "E-Mail"
phone = "Telefon"
street = "Straße"
postcode = "PLZ"
city = "Ort"
[fields]
industry = "Branche"
employees = "Mitarbeiter"
annual_revenue = "Umsatz"
customer_since = "Kunde seit"
postcode_prefix = { column = "PLZ", prefix = 2 }
[options]
counterparty = "business"
"""
_GIVEN = ["Anna", "Björn", "Claudia", "Dieter", "Eva", "Frank", "Gül", "Heinz", "Ines", "Jörg"]
_FAMILY = [
    "Müller",
    "Schmidt",
    "Yılmaz",
    "Weiß",
    "Fischer",
    "Meyer",
    "Köhler",
    "Krüger",
    "Wolf",
    "Öztürk",
    "Braun",
    "Lange",
]
_CITY = ["Köln", "Berlin", "München", "Hamburg", "Leipzig", "Kassel", "Ulm", "Jena"]


def write_file(path: Path, contacts: int) -> None:
    """People who do not exist, with a column that no mapping names."""
    with path.open("w", encoding="utf-8") as file:
        file.write(
            "Kundennr;Vorname;Nachname;E-Mail;Telefon;Straße;PLZ;Ort;Branche;Mitarbeiter;Umsatz;Kunde seit;Notiz\n"
        )
        for n in range(contacts):
            given, family = _GIVEN[n % 10], _FAMILY[n * 7 % 12]
            file.write(
                f"K{n:08d};{given};{family};person.{n}@firma-{n % 9973}.example.org;"
                f"+49 221 {1000000 + n * 37 % 8999999};"
                f"Weg {n % 200 + 1};{10000 + n * 13 % 89999};{_CITY[n % 8]};46.{n % 9 + 1}{n % 8};{n % 500 + 1};"
                f"{n % 999 + 1}.{n % 900 + 100},{n % 90 + 10};{n % 28 + 1:02d}.{n % 12 + 1:02d}.{2000 + n % 25};egal\n"
            )


def governed(folder: Path, file: Path) -> None:
    """Ours: the workflow behind `lauter import contacts`."""
    from api.settings import read_settings
    from api.wiring import open_house
    from api.workflows.imports import import_contacts
    from governance.vocabulary import OPERATOR

    house = open_house(read_settings({}, folder / "home"))
    report = import_contacts(house, file, MAPPING, actor=OPERATOR, now=NOW)
    house.close()
    sys.stdout.write(json.dumps({"created": report.created, "failed": report.failed}) + "\n")


def bare(folder: Path, file: Path) -> None:
    """Theirs: read, hash, seal, insert."""
    import hmac
    import sqlite3

    import pyarrow.csv as arrow_csv
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, cipher, total = os.urandom(32), AESGCM(AESGCM.generate_key(256)), 0
    work, vault = (sqlite3.connect(folder / name, isolation_level=None) for name in ("bare-work.db", "bare-vault.db"))
    for database in (work, vault):
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            database.execute(f"PRAGMA {pragma}")
    vault.execute(
        "CREATE TABLE v (id INTEGER PRIMARY KEY, pseudonym BLOB, sealed BLOB, reference BLOB, email BLOB, phone BLOB)"
    )
    for column in ("pseudonym", "reference", "email", "phone"):
        vault.execute(f"CREATE INDEX v_{column} ON v ({column})")
    work.execute("CREATE TABLE subject (id INTEGER PRIMARY KEY, pseudonym BLOB UNIQUE, unit TEXT, at INTEGER)")
    work.execute("CREATE TABLE profile (subject INTEGER PRIMARY KEY, attributes TEXT, day INTEGER)")
    parse, read = arrow_csv.ParseOptions(delimiter=";"), arrow_csv.ReadOptions(block_size=16 * 1024**2)
    for batch in arrow_csv.open_csv(file, read_options=read, parse_options=parse):
        rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        sealed, people, profiles = [], [], []
        for row in rows:
            total += 1
            pseudonym, nonce = os.urandom(16), os.urandom(12)
            hashes = [hmac.digest(key, str(value).encode(), "sha256")[:16] for value in (row[0], row[3], row[4])]
            identity = "\0".join(map(str, row[:8])).encode()
            sealed.append((pseudonym, nonce + cipher.encrypt(nonce, identity, pseudonym), *hashes))
            people.append((total, pseudonym, "contact", 0))
            profiles.append((total, json.dumps(dict(zip("abcd", map(str, row[8:12]), strict=True))), 0))
        for database, statement, values in (
            (vault, "INSERT INTO v (pseudonym, sealed, reference, email, phone) VALUES (?, ?, ?, ?, ?)", sealed),
            (work, "INSERT INTO subject VALUES (?, ?, ?, ?)", people),
            (work, "INSERT INTO profile VALUES (?, ?, ?)", profiles),
        ):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(statement, values)
            database.execute("COMMIT")
    work.close()
    vault.close()
    sys.stdout.write(json.dumps({"created": total}) + "\n")


def compare(contacts: int) -> dict[str, float | int]:
    """Both sides on one file, each in a fresh process."""
    from api.settings import read_settings
    from api.workflows.home import make_home
    from governance.vocabulary import OPERATOR

    with tempfile.TemporaryDirectory(prefix="lauter-benchmark-") as name:
        folder = Path(name)
        file = folder / "contacts.csv"
        write_file(file, contacts)
        make_home(read_settings({}, folder / "home"), actor=OPERATOR, now=NOW)
        baseline = measure("-m", "benchmarks.intake", "--side", "bare", "--folder", name)
        ours = measure("-m", "benchmarks.intake", "--side", "governed", "--folder", name)
        again = measure("-m", "benchmarks.intake", "--side", "governed", "--folder", name)
    if ours.answer != {"created": contacts, "failed": 0} or baseline.answer != {"created": contacts}:
        raise RuntimeError(f"the sides did not do the same: {ours.answer}, {baseline.answer}")
    return {
        "contacts": contacts,
        "ratio": round(ours.seconds / baseline.seconds, 3),
        "seconds": round(ours.seconds, 2),
        "baseline_seconds": round(baseline.seconds, 2),
        "peak_mb": round(ours.peak_mb, 1),
        "baseline_peak_mb": round(baseline.peak_mb, 1),
        "cpu_seconds": round(ours.cpu_seconds, 2),
        "baseline_cpu_seconds": round(baseline.cpu_seconds, 2),
        "again_seconds": round(again.seconds, 2),
    }


def main() -> None:
    """Read the arguments and print the comparison, or be one of its sides."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("bare", "governed"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        side = bare if arguments.side == "bare" else governed
        side(arguments.folder, arguments.folder / "contacts.csv")
        return
    result = compare(arguments.contacts)
    if arguments.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write("".join(f"{name:18} {value}\n" for name, value in result.items()))


if __name__ == "__main__":
    main()
