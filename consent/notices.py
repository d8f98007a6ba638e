"""Every notice text that was ever shown, by its hash: what somebody agreed to can be read again byte for byte.

Article 7(1) GDPR puts the burden of proof on the controller; Articles 13 and 14 say what a notice holds.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from audit.database import to_microseconds
from consent import store_ledger as store

if TYPE_CHECKING:
    from governance.catalogue import Catalogue


def notice_hash(text: str) -> bytes:
    """SHA-256 of a notice as shown, in UTF-8."""
    return hashlib.sha256(text.encode()).digest()


def register(connection: Connection, catalogue: Catalogue, *, now: datetime) -> int:
    """Keep the catalogue's notices in both languages; the number of texts that are new. Idempotent."""
    rows = []
    for purpose in catalogue.purposes.values():
        for language in ("de", "en"):
            text = purpose.notice.text.de if language == "de" else purpose.notice.text.en
            since = to_microseconds(now)
            rows.append((notice_hash(text), purpose.key, purpose.notice.version, language, text, since))
    return store.add_notices(connection, rows)


def hashes(connection: Connection) -> dict[tuple[str, str], bytes]:
    """(purpose, version) to the hash of the notice that was shown."""
    return store.notice_hashes(connection)


def text_of(connection: Connection, digest: bytes) -> str | None:
    """The notice of that hash, or None when it was never shown here."""
    return store.notice_text(connection, digest)
