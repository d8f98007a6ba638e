"""A small world with somebody in it whose traces can be looked for everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, select, update

from api.migrations.environment import STORES, version_table
from api.wiring import House
from api.workflows.declaring import Subject, declare
from api.workflows.stores import newest_version
from audit import log
from governance.identity import Identity
from governance.tables import profile
from governance.vocabulary import OPERATOR, Act, Channel, Unit
from tests.builders import NOON
from tests.small_world import identity_of, said

CANARY = "zyzzyva-canary"
PERSON = 7
REFERENCE = "K0007"


def plant(house: House) -> None:
    number = PERSON.to_bytes(16, "big")
    details = dict(identity_of(PERSON).details) | {"family_name": CANARY, "email": f"{CANARY}@example.org"}
    house.vault.update([(number, Identity(Unit.CONTACT, REFERENCE, details))])
    house.protected.replace({"age_group": [(number, CANARY), ((8).to_bytes(16, "big"), "30-39")]})
    with house.work.writing() as connection:
        connection.execute(
            update(profile).where(profile.c.subject == PERSON).values(attributes=json.dumps({"industry": CANARY}))
        )
    person = Subject(PERSON, number)
    objected = said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL)
    declare(house, person, [objected], actor=OPERATOR, now=NOON)
    letter = said("personalised_offers", channel=Channel.POST, has_evidence=True)
    declare(house, person, [letter], actor=OPERATOR, now=NOON, evidence=[CANARY.encode()])


def everything(house: House, folder: Path) -> bytes:
    """Every byte of the home's files but keys, and every row of every table as text."""
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    for store, metadata in (
        (house.work, STORES["work"]), (house.vault.database, STORES["vault"]),
        (house.protected.database, STORES["protected"]),
    ):  # fmt: skip
        found.append(_dump(store, metadata))
    return b"\n".join(found)


def _dump(store: Any, metadata: tuple[MetaData, ...]) -> bytes:
    with store.reading() as connection:
        return b"\n".join(
            b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
            for one in metadata
            for table in one.sorted_tables
            for row in connection.execute(select(table))
        )


def stamp(store: Any, name: str) -> None:
    """Say that the tables are at the newest version, as migrations would have."""
    with store.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {version_table(name)} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {version_table(name)} VALUES ('{newest_version(name)}')")


def facts(house: House, kind: str) -> list[log.Entry]:
    with house.work.reading() as connection:
        return log.entries(connection, kind=kind)
