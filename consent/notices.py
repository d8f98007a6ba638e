"""Every notice text that was ever shown, by its hash: what somebody agreed to can be read again byte for byte.

Article 7(1) GDPR puts the burden of proof on the controller; Articles 13 and 14 say what a notice holds. A material
change asks again whoever consented to an earlier version. It ends no consent by itself: the earlier one goes on to
cover what its own notice told, and something new in kind is a purpose of its own. Nobody is asked again within the
purpose's cool-down after a no (CON-14), nor while an objection stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from audit.database import to_microseconds
from consent import store_ledger as store
from consent.decision import objection_reason
from consent.replay import DENIALS, FIELD_ACTS, effective_at, in_time, objections_of, standing_of
from consent.standing import PERMITTING_STATES
from governance.deadlines import add_duration
from governance.notice_items import Item, required
from governance.vocabulary import Act, ConsentState, Declaration, Language, LegalBasis, Scope, Source

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.purposes import Purpose

GRANTING = frozenset({Act.GIVEN, Act.RENEWED})
MAY_ASK_ANEW = frozenset({ConsentState.EXPIRED, ConsentState.UNKNOWN, ConsentState.REFUSED, ConsentState.WITHDRAWN})


@dataclass(frozen=True)
class Notice:
    """A notice as it was shown."""

    digest: bytes
    purpose: str
    version: str
    language: Language
    text: str
    since: datetime
    material: bool


def notice_hash(text: str) -> bytes:
    """SHA-256 of a notice as shown, in UTF-8."""
    return hashlib.sha256(text.encode()).digest()


def hashes_of(purpose: Purpose) -> tuple[bytes, bytes]:
    """The hashes of a purpose's present notice: German, English."""
    return notice_hash(purpose.notice.text.de), notice_hash(purpose.notice.text.en)


def register(connection: Connection, catalogue: Catalogue, *, now: datetime) -> int:
    """Keep the catalogue's notices in both languages; the number of texts that are new. Idempotent."""
    rows = []
    for purpose in catalogue.purposes.values():
        notice = purpose.notice
        for language, text in (("de", notice.text.de), ("en", notice.text.en)):
            about = (purpose.key, notice.version, language, text, to_microseconds(now), int(notice.material))
            rows.append((notice_hash(text), *about))
    known = store.known_notices(connection, [row[0] for row in rows])
    new = [row for row in rows if row[0] not in known]
    return store.add_notices(connection, new) if new else 0


def hashes(connection: Connection) -> dict[tuple[str, str], bytes]:
    """(purpose, version) to the hash of the notice that was shown."""
    return store.notice_hashes(connection)


def text_of(connection: Connection, digest: bytes) -> str | None:
    """The notice of that hash, or None when it was never shown here."""
    return store.notice_text(connection, digest)


def notice_of(connection: Connection, digest: bytes) -> Notice | None:
    """The same with all that is known about it."""
    row = store.notice_row(connection, digest)
    return None if row is None else _notice(row)


def notices(connection: Connection) -> list[Notice]:
    """Every notice that was ever in force: by purpose, the newest first."""
    return [_notice(row) for row in store.notice_rows(connection)]


def missing_items(purpose: Purpose) -> tuple[Item, ...]:
    """What the law asks for and the purpose's notice does not say under a heading; of a free text everything."""
    told = {item for item, _ in purpose.notice.items}
    return tuple(item for item in required(purpose.basis, marketing=purpose.marketing) if item not in told)


def unversioned(connection: Connection, catalogue: Catalogue) -> list[str]:
    """Purposes whose notice has other words under the version of an earlier one: readers could not tell them apart."""
    kept: dict[tuple[str, str, str], bytes]
    kept = {(each.purpose, each.version, each.language): each.digest for each in notices(connection)}
    found = []
    for purpose in catalogue.purposes.values():
        for language, digest in zip(("de", "en"), hashes_of(purpose), strict=True):
            if kept.get((purpose.key, purpose.notice.version, language), digest) != digest:
                found.append(purpose.key)
                break
    return found


def asks_again(connection: Connection, subject: int, purpose: Purpose, *, now: datetime) -> bool:
    """Whether somebody may be asked anew for a consent that ended, was never shown, or was for an earlier notice.

    False for who was never asked: a first question is no repetition. False within the cool-down after any no to this
    purpose, and while an objection stops it.
    """
    if purpose.basis is not LegalBasis.CONSENT:
        return False
    history = [row.declaration for row in store.histories(connection, [subject])[subject]]
    known = in_time(d for d in history if d.received_at <= now and effective_at(d) <= now)
    if objection_reason(purpose, objections_of(known), None) or _was_denied_lately(known, purpose, now):
        return False
    state = standing_of(known, purpose.key).effective_state(now)
    if state in PERMITTING_STATES:
        return _changed_since(connection, _last_consent(known, purpose), purpose, now)
    return state in MAY_ASK_ANEW


def _was_denied_lately(known: Iterable[Declaration], purpose: Purpose, now: datetime) -> bool:
    denied = [effective_at(d) for d in known if _is_about(d, purpose) and d.act in DENIALS]
    return bool(denied) and now < add_duration(max(denied), purpose.ask_again_after)


def _last_consent(known: Sequence[Declaration], purpose: Purpose) -> Declaration:
    shown = (d for d in known if d.act in GRANTING and (d.source is not Source.IMPORT or d.has_evidence))
    return [d for d in shown if _is_about(d, purpose)][-1]


def _is_about(d: Declaration, purpose: Purpose) -> bool:
    return d.purpose == purpose.key and d.scope is Scope.PURPOSE and d.act not in FIELD_ACTS


def _changed_since(connection: Connection, consent: Declaration, purpose: Purpose, now: datetime) -> bool:
    """Whether a material version came into force after the one that was agreed to."""
    if consent.notice in hashes_of(purpose):
        return False
    rows = store.notice_rows(connection, purpose.key)
    seen = next((row.since for row in rows if row.hash == consent.notice), effective_at(consent))
    present = set(hashes_of(purpose))
    later = any(row.material and seen < row.since <= now for row in rows)
    return later or (purpose.notice.material and present.isdisjoint(row.hash for row in rows))


def _notice(row: Any) -> Notice:
    return Notice(row.hash, row.purpose, row.version, row.language, row.text, row.since, bool(row.material))
