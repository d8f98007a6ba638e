"""Ways into the portal without an account: single-use links and codes, and the visits they open.

What a link or a cookie holds is random, at least 128 bits, and only its SHA-256 is kept: a copy of the database lets
nobody in. Looking at a link changes nothing, for mail scanners look at every link; using it closes it for good. A code
from a letter is read aloud and typed by hand, so that case, dashes and look-alike signs do not matter. Rows go when
they are void (Article 5(1)(e) GDPR).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from governance import store_visitors as store
from governance.store_visitors import LinkRow, SessionRow


class LinkKind(StrEnum):
    """How somebody gets in."""

    MAIL = "mail"
    LETTER = "letter"
    EMBED = "embed"
    WANTED = "wanted"
    """No way in: somebody asked for a letter, and the desk has not written it yet."""


LASTS: dict[LinkKind, timedelta] = {
    LinkKind.MAIL: timedelta(minutes=30),
    LinkKind.LETTER: timedelta(days=30),
    LinkKind.EMBED: timedelta(minutes=10),
    LinkKind.WANTED: timedelta(days=30),
}
SESSION_SLIDES = timedelta(hours=1)
SESSION_LASTS = timedelta(hours=8)
_PROLONG_AFTER = timedelta(minutes=5)
"""A visit is not written at every click."""

_SECRET_BYTES = 20
_COOKIE_BYTES = 32
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_NOBODY = 0
"""No subject has this number."""
_GROUPS, _GROUP = 7, 4
CODE_LENGTH = _GROUPS * _GROUP
"""28 signs of 5 bits each: 140 bits."""


@dataclass(frozen=True)
class Link:
    """A way in that is open."""

    kind: LinkKind
    subject: int | None
    """Who gets in; None: the address is shared, and only its stop page opens."""
    address: bytes | None
    """Number of the sealed address that the link was sent to; None: it was sent to none."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Session:
    """A visit under way."""

    cookie: str = field(repr=False)
    subject: int | None
    address: bytes | None
    how: LinkKind
    created_at: datetime
    expires_at: datetime


def make_link(
    connection: Connection,
    *,
    kind: LinkKind,
    subject: int | None,
    address: bytes | None,
    now: datetime,
    lasts: timedelta | None = None,
) -> str:
    """Open a way in.

    Returns:
        The secret of the link, or of a letter the code in groups; shown this once, for only its hash is kept.
    """
    secret = _new_code() if kind is LinkKind.LETTER else secrets.token_urlsafe(_SECRET_BYTES)
    row = LinkRow(kind.value, subject, address, now, now + (lasts or LASTS[kind]))
    store.add_link(connection, _hash(_canonical(secret)), row)
    return secret


def look(connection: Connection, secret: str, *, now: datetime) -> Link | None:
    """The way in behind a secret or code, or None when it was used, has expired or never was; changes nothing."""
    row = store.link(connection, _hash(_canonical(secret)), now)
    if row is None or row.kind == LinkKind.WANTED:
        return None
    return Link(LinkKind(row.kind), row.subject, row.address, row.created_at, row.expires_at)


def use(connection: Connection, secret: str, *, now: datetime) -> Link | None:
    """Close the way in and say where it led; None as in `look`, and for whoever comes second."""
    found = look(connection, secret, now=now)
    if found is None or not store.use_link(connection, _hash(_canonical(secret)), now):
        return None
    return found


def want_letter(connection: Connection, subject: int | None, *, now: datetime) -> None:
    """Note that somebody asked for a letter; for nobody a row is written too, void at once, so that both take as long.

    Asking twice is asking once.
    """
    lasts = LASTS[LinkKind.WANTED] if subject is not None else timedelta(0)
    store.drop_links(connection, LinkKind.WANTED.value, _NOBODY if subject is None else subject)
    row = LinkRow(LinkKind.WANTED.value, subject, None, now, now + lasts)
    store.add_link(connection, _hash(secrets.token_urlsafe(_SECRET_BYTES)), row)


def wanted_letters(connection: Connection, *, now: datetime) -> list[tuple[int, datetime]]:
    """Who waits for a letter, and since when."""
    return store.wanted_letters(connection, LinkKind.WANTED.value, now)


def letter_written(connection: Connection, subject: int) -> None:
    """Nobody waits for it any more; a code of an older letter stops working."""
    store.drop_links(connection, LinkKind.WANTED.value, subject)
    store.drop_links(connection, LinkKind.LETTER.value, subject)


def begin_session(connection: Connection, link: Link, *, now: datetime) -> str:
    """Begin the visit that a link opened.

    Returns:
        What the cookie holds.
    """
    cookie = secrets.token_urlsafe(_COOKIE_BYTES)
    row = SessionRow(link.subject, link.address, link.kind.value, now, now + SESSION_SLIDES)
    store.add_session(connection, _hash(cookie), row)
    return cookie


def find_session(connection: Connection, cookie: str, *, now: datetime) -> Session | None:
    """The visit of that cookie, or None when it is over."""
    row = store.session(connection, _hash(cookie), now)
    if row is None:
        return None
    return Session(cookie, row.subject, row.address, LinkKind(row.how), row.created_at, row.expires_at)


def slides(session: Session, *, now: datetime) -> datetime | None:
    """Until when the visit is to last from now on, or None while the stored time is good enough."""
    until = min(now + SESSION_SLIDES, session.created_at + SESSION_LASTS)
    return until if until - session.expires_at >= _PROLONG_AFTER else None


def prolong_session(connection: Connection, session: Session, *, until: datetime) -> None:
    """Let the visit go on until then."""
    store.prolong(connection, _hash(session.cookie), until)


def name_subject(connection: Connection, session: Session, subject: int) -> None:
    """The visitor of a shared address proved who they are."""
    store.name_subject(connection, _hash(session.cookie), subject)


def end_session(connection: Connection, cookie: str) -> None:
    """End a visit; one that is over stays so."""
    store.end_session(connection, _hash(cookie))


def void(connection: Connection, *, now: datetime) -> int:
    """Delete links and visits that let nobody in any more; how many rows."""
    return store.drop_void(connection, now)


def _new_code() -> str:
    signs = [secrets.choice(_SIGNS) for _ in range(CODE_LENGTH)]
    return "-".join("".join(signs[start : start + _GROUP]) for start in range(0, CODE_LENGTH, _GROUP))


def _canonical(secret: str) -> str:
    """A code in its one spelling; anything else as it is: a link's secret has 27 signs and is never taken for one."""
    packed = "".join(sign for sign in secret if sign.isalnum()).upper().translate(_LOOK_ALIKES)
    return packed if len(packed) == CODE_LENGTH and all(sign in _SIGNS for sign in packed) else secret


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
