"""What the three environments share: which tables belong to which store, and how a migration is run."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData

import audit.tables
import consent.tables
import governance.addresses
import governance.blocklist
import governance.protected
import governance.retained
import governance.tables
import governance.vault
import segmentation.tables
from audit.database import Instant

STORES: dict[str, tuple[MetaData, ...]] = {
    "work": (
        audit.tables.METADATA,
        governance.tables.METADATA,
        governance.blocklist.METADATA,
        consent.tables.METADATA,
        segmentation.tables.METADATA,
    ),
    "vault": (governance.vault.METADATA,),
    "protected": (governance.protected.METADATA,),
}
LOCK_TIMEOUT = "5s"


def version_table(store: str) -> str:
    """Each store counts its own versions, so that two may share a server."""
    return f"alembic_version_{store}"


def own_tables_only(store: str):  # noqa: ANN201
    """A filter for comparison: tables of other stores in the same database are none of our business."""
    names = {table for metadata in STORES[store] for table in metadata.tables}

    def include(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in names

    return include


def _plain_types(kind: str, item: object, _context: object) -> str | bool:
    """A migration is frozen text: it names the database's type, not ours, which may change."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


def run(store: str) -> None:
    """Run the migrations of *store* on the connection that the caller put into the configuration."""
    connection: Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    context.configure(
        connection=connection,
        target_metadata=list(STORES[store]),
        version_table=version_table(store),
        include_name=own_tables_only(store),
        transactional_ddl=True,
        render_item=_plain_types,
    )
    with context.begin_transaction():
        context.run_migrations()
