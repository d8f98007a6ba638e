"""Who may do what in PostgreSQL: the statements that keep the rooms apart (PSE-1, FAIR-3); pure, text only.

Three roles, one per store. Each gets what its own tables need and nothing of the others; ledger and log can be added to
and read, never changed. SQLite knows no roles: there each store is a file of its own.
The operator runs the statements once per database after its migrations, as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import MetaData, Table

WORK_ROLE = "lauter_work"
VAULT_ROLE = "lauter_vault"
PROTECTED_ROLE = "lauter_protected"
ROLES = (WORK_ROLE, VAULT_ROLE, PROTECTED_ROLE)

APPEND_ONLY = frozenset(
    {
        "channel_use", "declaration", "ground", "log_checkpoint", "log_cosignature", "log_leaf", "log_node",
        "log_pruning", "notice",
    }
)  # fmt: skip
"""Ledger and log: INSERT and SELECT only. Erasure reaches them through keys and `log_subject`, never by deleting.

Triggers guard the same tables a second time, on SQLite too; the migrations make them.
"""


def role_statements() -> list[str]:
    """Make the three roles without a password or right of any kind; how they sign in is the operator's choice."""
    return [
        f"DO $$ BEGIN CREATE ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS LOGIN; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        for role in ROLES
    ]


def work_statements(
    metadata: Iterable[MetaData], *, schema: str = "public", append_only: Iterable[str] = APPEND_ONLY
) -> list[str]:
    """Rights of the work role on its tables; the block list belongs to them."""
    return _statements(WORK_ROLE, metadata, schema, frozenset(append_only))


def vault_statements(metadata: Iterable[MetaData], *, schema: str = "public") -> list[str]:
    """Rights of the vault role on the vault's tables."""
    return _statements(VAULT_ROLE, metadata, schema, frozenset())


def protected_statements(metadata: Iterable[MetaData], *, schema: str = "public") -> list[str]:
    """Rights of the protected role on the protected store's tables."""
    return _statements(PROTECTED_ROLE, metadata, schema, frozenset())


def _statements(role: str, metadata: Iterable[MetaData], schema: str, append_only: frozenset[str]) -> list[str]:
    others = ", ".join(other for other in ROLES if other != role)
    statements = [f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC", f"GRANT USAGE ON SCHEMA {schema} TO {role}"]
    for table in _tables(metadata):
        name = f'{schema}."{table.name}"'
        rights = "SELECT, INSERT" if table.name in append_only else "SELECT, INSERT, UPDATE, DELETE"
        statements.append(f"REVOKE ALL ON {name} FROM PUBLIC, {role}, {others}")
        statements.append(f"GRANT {rights} ON {name} TO {role}")
    return statements


def _tables(metadata: Iterable[MetaData]) -> list[Table]:
    return [table for one in metadata for table in one.sorted_tables]
