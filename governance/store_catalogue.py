"""SQL on the versions of the catalogue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from governance.catalogue import Catalogue
from governance.tables import catalogue_version


def latest_catalogue(connection: Connection) -> bytes | None:
    """Digest of the catalogue that was last recorded as in force."""
    newest = select(catalogue_version.c.digest).order_by(catalogue_version.c.since.desc()).limit(1)
    return connection.execute(newest).scalar_one_or_none()


def catalogue_text(connection: Connection, digest: bytes) -> str | None:
    """The document of that digest, as it was in force."""
    query = select(catalogue_version.c.document).where(catalogue_version.c.digest == digest)
    return connection.execute(query).scalar_one_or_none()


def versions(connection: Connection) -> list[tuple[datetime, str]]:
    """Every version that was in force with the instant since when, newest first."""
    query = select(catalogue_version.c.since, catalogue_version.c.document).order_by(catalogue_version.c.since.desc())
    return [(row.since, row.document) for row in connection.execute(query)]


def record_catalogue(connection: Connection, catalogue: Catalogue, *, now: datetime) -> None:
    """Record that this catalogue is in force from now on; an old one that returns gets its new date."""
    known = catalogue_version.c.digest == catalogue.digest
    if connection.execute(catalogue_version.update().where(known).values(since=now)).rowcount:
        return
    connection.execute(
        catalogue_version.insert(), {"digest": catalogue.digest, "document": catalogue.document, "since": now}
    )
