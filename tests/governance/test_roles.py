"""Each room has its own role in PostgreSQL, and the other rooms' doors are locked (PSE-1, FAIR-3, invariant 9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import MetaData, make_url, text
from sqlalchemy.exc import ProgrammingError

from audit.database import Database, open_database
from governance import blocklist, grants, protected, vault
from governance.keys import KeyRole
from governance.protected import ProtectedStore
from governance.vault import Vault
from governance.vocabulary import Unit
from tests.conftest import WORK_TABLES
from tests.governance.rooms import a_key_ring, a_pseudonym, an_identity

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORK: list[MetaData] = [*WORK_TABLES, blocklist.METADATA]


class Rooms:
    """One PostgreSQL database with every table, so that only the rights keep the rooms apart."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.owner = open_database(url)
        with self.owner.writing() as connection:
            for metadata in [*WORK, vault.METADATA, protected.METADATA]:
                metadata.create_all(connection)
            for statement in [
                *grants.role_statements(),
                *grants.work_statements(WORK),
                *grants.vault_statements([vault.METADATA]),
                *grants.protected_statements([protected.METADATA]),
            ]:
                connection.exec_driver_sql(statement)
        self.opened = [self.owner]

    def as_role(self, role: str) -> Database:
        """The database as whoever signs in under that role."""
        url = make_url(self.url).set(username=role)
        database = open_database(url.render_as_string(hide_password=False))
        self.opened.append(database)
        return database

    def close(self) -> None:
        for database in self.opened:
            database.close()


@pytest.fixture
def rooms(postgres_url: str) -> Iterator[Rooms]:
    made = Rooms(postgres_url)
    yield made
    made.close()


def names(*metadata: MetaData) -> list[str]:
    return [table.name for one in metadata for table in one.sorted_tables]


def refused(database: Database, statement: str) -> bool:
    """Whether PostgreSQL answers "permission denied"."""
    try:
        with database.writing() as connection:
            connection.execute(text(statement))
    except ProgrammingError as error:
        return getattr(error.orig, "sqlstate", None) == "42501"
    return False


ROOMS = {
    grants.WORK_ROLE: names(*WORK),
    grants.VAULT_ROLE: names(vault.METADATA),
    grants.PROTECTED_ROLE: names(protected.METADATA),
}


@pytest.mark.parametrize("role", sorted(ROOMS))
def test_a_role_reads_its_own_room_and_no_other(rooms: Rooms, role: str) -> None:
    """Work and segmentation cannot even count the vault's or the protected store's rows, nor the other way round."""
    database = rooms.as_role(role)
    for owner, tables in ROOMS.items():
        for table in tables:
            for statement in (f'SELECT count(*) FROM "{table}"', f'SELECT 1 FROM "{table}" LIMIT 1'):
                assert refused(database, statement) is (owner != role), (owner, statement)
            if owner != role:
                assert refused(database, f'DELETE FROM "{table}"')
                assert refused(database, f'INSERT INTO "{table}" DEFAULT VALUES')
                assert refused(database, f'TRUNCATE "{table}"')


def test_the_work_role_cannot_reach_the_vault_by_other_ways(rooms: Rooms) -> None:
    """No copy, no view, no other role, no new table to hide in."""
    work = rooms.as_role(grants.WORK_ROLE)

    assert refused(work, "COPY sealed_identity TO STDOUT")
    assert refused(work, "SELECT * FROM declaration d JOIN sealed_identity s ON true")
    assert refused(work, f"GRANT SELECT ON sealed_identity TO {grants.WORK_ROLE}")
    assert refused(work, "CREATE TABLE public.copy_of_it (a int)")
    assert refused(work, "ALTER TABLE sealed_identity OWNER TO CURRENT_USER")
    with rooms.owner.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname LIKE 'lauter_%'"
            )
        ).all()
    assert rows == [(False,) * 4] * 3


@pytest.mark.parametrize("table", sorted(grants.APPEND_ONLY))
def test_ledger_and_log_are_added_to_and_never_changed(rooms: Rooms, table: str) -> None:
    """INSERT and SELECT only, by grant."""
    work = rooms.as_role(grants.WORK_ROLE)
    column = next(one for metadata in WORK for one in metadata.tables.values() if one.name == table).columns.keys()[0]

    assert not refused(work, f'SELECT * FROM "{table}"')
    assert refused(work, f'UPDATE "{table}" SET "{column}" = "{column}"')
    assert refused(work, f'DELETE FROM "{table}"')
    assert refused(work, f'TRUNCATE "{table}"')
    with rooms.owner.reading() as connection:
        rights = connection.execute(
            text(
                "SELECT privilege_type FROM information_schema.role_table_grants "
                "WHERE grantee = :role AND table_name = :table"
            ),
            {"role": grants.WORK_ROLE, "table": table},
        ).scalars()
        assert set(rights) == {"SELECT", "INSERT"}


def test_every_append_only_table_exists() -> None:
    """A table that was renamed must not lose its guard."""
    assert set(ROOMS[grants.WORK_ROLE]) >= grants.APPEND_ONLY


def test_the_rights_are_enough_for_the_work(rooms: Rooms) -> None:
    """Vault, protected store and block list do everything they promise under their roles."""
    ring = a_key_ring()
    pseudonym = a_pseudonym()
    sealed_room = Vault(rooms.as_role(grants.VAULT_ROLE), ring)
    sealed_room.store([(pseudonym, an_identity("K1"))])
    sealed_room.update([(pseudonym, an_identity("K1", city="Köln"))])
    [sealed] = sealed_room.seal_evidence([(pseudonym, b"form")])
    assert sealed_room.find(Unit.CONTACT, ["K1"]) == [pseudonym]
    assert sealed_room.check() == []
    sealed_room.erase([pseudonym], retain_evidence_until=NOON)
    assert sealed_room.open_evidence([(pseudonym, sealed)]) == [b"form"]
    assert sealed_room.destroy_due_evidence(now=NOON) == 1

    store = ProtectedStore(rooms.as_role(grants.PROTECTED_ROLE), ring.current(KeyRole.PROTECTED))
    store.replace({"sex": [(pseudonym, "f")]})
    assert store.counts_by("sex", [(pseudonym, 1)]) == {(1, "f"): 1}
    store.clear()

    blocking = blocklist.BlockList(ring)
    with rooms.as_role(grants.WORK_ROLE).writing() as connection:
        blocking.add(connection, "email", "max@example.org", now=NOON)
        assert blocking.blocked(connection, "email", ["max@example.org"]) == [True]


def test_the_statements_can_be_run_again(rooms: Rooms) -> None:
    """After each migration, without harm."""
    with rooms.owner.writing() as connection:
        for statement in [*grants.role_statements(), *grants.work_statements(WORK)]:
            connection.exec_driver_sql(statement)
        may = "SELECT has_table_privilege('lauter_work', 'declaration', '{}')"
        rights = {right: connection.exec_driver_sql(may.format(right)).scalar_one() for right in ("INSERT", "UPDATE")}

    assert rights == {"INSERT": True, "UPDATE": False}
