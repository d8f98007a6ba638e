"""The SQL that reads notices back: one by its hash, and the same version in the other language."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from consent.tables import notice


class NoticeRow(NamedTuple):
    """A notice text as it was shown."""

    hash: bytes
    purpose: str
    version: str
    language: str
    text: str


def notice_of(connection: Connection, digest: bytes) -> NoticeRow | None:
    """The notice of that hash."""
    columns = (notice.c.hash, notice.c.purpose, notice.c.version, notice.c.language, notice.c.text)
    row = connection.execute(select(*columns).where(notice.c.hash == digest)).one_or_none()
    return None if row is None else NoticeRow(*row)


def in_other_language(connection: Connection, shown: NoticeRow) -> bytes | None:
    """The hash of the same version in another language, the newest one."""
    same = (notice.c.purpose == shown.purpose, notice.c.version == shown.version, notice.c.language != shown.language)
    query = select(notice.c.hash).where(*same).order_by(notice.c.since.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()
