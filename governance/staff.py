"""Who works here: names and passwords, one role each, sessions, and tokens of the API.

Passwords are kept as argon2id hashes, sessions and tokens as SHA-256 of 32 random bytes: a copy of the database lets
nobody in. Slowing down who guesses is the web's task. In the log a member is a random handle (§ 26 BDSG).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection

from governance import store_staff
from governance.errors import PasswordTooWeak, RoleConflict, StaffUnknown, TokenInvalid
from governance.vocabulary import Actor, Role

SESSION_LASTS = timedelta(hours=12)
LEAST_PASSWORD, MOST_PASSWORD = 12, 1_024
LONGEST_NAME = 80

_CONSOLE_ROLES = frozenset(Role) - {Role.OPERATOR, Role.ENGINE, Role.SUBJECT}
_TOKEN_BYTES = 32
_HANDLE_BYTES = 6
_HASHES = PasswordHash((Argon2Hasher(),))


class Scope(StrEnum):
    """What a token of the API may do."""

    READ = "read"
    IMPORT = "import"
    DECLARE = "declare"
    MAY_RAISE = "may_raise"
    SEGMENT = "segment"
    PRICE = "price"
    EXPORT = "export"
    AUDIT = "audit"
    WEBHOOK = "webhook"
    METRICS = "metrics"


@dataclass(frozen=True)
class StaffMember:
    """Somebody who may sign in."""

    id: int
    name: str = field(repr=False)
    role: Role
    handle: str

    @property
    def actor(self) -> Actor:
        """How the log calls them."""
        return Actor(self.role, self.handle)


@dataclass(frozen=True)
class Applicant:
    """Somebody who is to sign in, with the hash of their password."""

    name: str = field(repr=False)
    role: Role
    password: str = field(repr=False)


@dataclass(frozen=True)
class ApiCaller:
    """A program that calls the API: the role it acts in and what it may do."""

    label: str
    role: Role
    scopes: frozenset[Scope]
    handle: str

    @property
    def actor(self) -> Actor:
        """How the log calls it."""
        return Actor(self.role, self.handle)


@dataclass(frozen=True)
class TokenGiven:
    """A token as it may be listed: what it is for, never itself."""

    label: str
    role: Role
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


def add_staff(connection: Connection, name: str, role: Role, password: str, *, now: datetime) -> StaffMember:
    """Let somebody sign in under *name*, in one role for good (GOV-7); `applicant` and `admit` in one.

    Raises:
        RoleConflict, PasswordTooWeak: see there.
    """
    return admit(connection, applicant(name, role, password), now=now)


def applicant(name: str, role: Role, password: str) -> Applicant:
    """Look at name, role and password and hash it: slow, so before any lock is taken.

    Raises:
        RoleConflict: the role is none of the console's.
        PasswordTooWeak: shorter than 12 or longer than 1,024 characters, or the name itself.
    """
    known = _sign_in_name(name)
    _check_password(known, password)
    if role not in _CONSOLE_ROLES:
        raise RoleConflict(f"nobody signs in as {role.value}; choose one of {', '.join(sorted(_CONSOLE_ROLES))}")
    return Applicant(known, role, _HASHES.hash(password))


def admit(connection: Connection, wanted: Applicant, *, now: datetime) -> StaffMember:
    """Store a member; under the log's lock, so that two at once get numbers of their own.

    Raises:
        RoleConflict: the name signs in already, in this or another role.
    """
    existing = store_staff.by_name(connection, wanted.name)
    if existing is not None:
        raise RoleConflict(
            f"this name signs in as {existing.role} already; one person has one role, for the officer must not watch "
            "over themselves (Article 38(6) GDPR)"
        )
    handle = secrets.token_hex(_HANDLE_BYTES)
    number = store_staff.add(connection, wanted.name, handle, wanted.role.value, wanted.password, now)
    return StaffMember(number, wanted.name, wanted.role, handle)


def authenticate(connection: Connection, name: str, password: str, *, now: datetime) -> StaffMember | None:
    """Who signs in with name and password, or None; an unknown name takes as long as a wrong password."""
    row = store_staff.by_name(connection, _sign_in_name(name))
    usable = row is not None and (row.disabled_at is None or row.disabled_at > now)
    stored = row.password if row is not None and usable else _stranger()
    fits = len(password) <= MOST_PASSWORD and _HASHES.verify(password, stored)
    if row is None or not usable or not fits:
        return None
    return StaffMember(row.id, row.name, Role(row.role), row.handle)


def new_password(name: str, password: str) -> str:
    """The hash of another password for *name*: slow, so before any lock is taken.

    Raises:
        PasswordTooWeak: as in `add_staff`.
    """
    _check_password(_sign_in_name(name), password)
    return _HASHES.hash(password)


def change_password(connection: Connection, name: str, hashed: str) -> StaffMember:
    """Give a member the password that `new_password` hashed, and end their sessions.

    Raises:
        StaffUnknown: nobody signs in under that name.
    """
    row = _member(connection, _sign_in_name(name))
    store_staff.set_password(connection, row.id, hashed)
    store_staff.end_sessions(connection, row.id)
    return StaffMember(row.id, row.name, Role(row.role), row.handle)


def disable_staff(connection: Connection, name: str, *, now: datetime) -> StaffMember:
    """Let a member sign in no more and end their sessions; the name stays taken, for the log names its handle.

    Raises:
        StaffUnknown: nobody signs in under that name.
    """
    row = _member(connection, _sign_in_name(name))
    store_staff.disable(connection, row.id, now)
    store_staff.end_sessions(connection, row.id)
    return StaffMember(row.id, row.name, Role(row.role), row.handle)


def list_staff(connection: Connection) -> list[StaffMember]:
    """Everybody who may sign in, by name."""
    rows = store_staff.everybody(connection)
    return [StaffMember(row.id, row.name, Role(row.role), row.handle) for row in rows if row.disabled_at is None]


def create_session(connection: Connection, member: StaffMember, *, now: datetime) -> str:
    """Begin a session of 12 hours.

    Returns:
        What the cookie holds: 32 random bytes in base64url; only their hash is stored.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    store_staff.drop_expired_sessions(connection, now)
    store_staff.add_session(connection, _stored(token), member.id, now, now + SESSION_LASTS)
    return token


def find_session(connection: Connection, token: str, *, now: datetime) -> StaffMember | None:
    """Whose session it is, or None when it ended, expired, or never was, or the member was disabled."""
    row = store_staff.session(connection, _stored(token), now)
    return None if row is None else StaffMember(row.id, row.name, Role(row.role), row.handle)


def end_session(connection: Connection, token: str) -> None:
    """End a session; one that has ended already stays so."""
    store_staff.end_session(connection, _stored(token))


def add_token(
    connection: Connection,
    label: str,
    role: Role,
    scopes: Collection[Scope | str],
    *,
    now: datetime,
    lasts: timedelta = timedelta(days=365),
) -> str:
    """Make a bearer token for a program.

    Returns:
        The token, shown this once: only its hash is stored.

    Raises:
        TokenInvalid: an unknown scope or none, an empty label, or a role that no token may have.
    """
    known = {scope.value for scope in Scope}
    wanted = sorted({str(scope) for scope in scopes})
    if not wanted or not known.issuperset(wanted):
        raise TokenInvalid(f"scopes must be some of {', '.join(sorted(known))}")
    if not 1 <= len(label.strip()) <= LONGEST_NAME:
        raise TokenInvalid(f"a token needs a label of 1 to {LONGEST_NAME} characters that says what it is for")
    if role not in _CONSOLE_ROLES or role is Role.ADMIN:
        raise TokenInvalid(f"no token acts as {role.value}")
    if not timedelta(0) < lasts <= timedelta(days=731):
        raise TokenInvalid("a token lasts at most two years")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    store_staff.add_token(connection, _stored(token), label.strip(), role.value, json.dumps(wanted), now, now + lasts)
    return token


def find_token(connection: Connection, token: str, *, now: datetime) -> ApiCaller | None:
    """Who calls with this token, or None when it expired, was revoked, or never was."""
    stored = _stored(token)
    row = store_staff.token(connection, stored, now)
    if row is None:
        return None
    scopes = frozenset(Scope(scope) for scope in json.loads(row.scopes))
    return ApiCaller(row.label, Role(row.role), scopes, stored[:_HANDLE_BYTES].hex())


def list_tokens(connection: Connection, *, now: datetime) -> list[TokenGiven]:
    """Every token that still acts, by label."""
    rows = store_staff.tokens(connection, now)
    return [
        TokenGiven(row.label, Role(row.role), tuple(json.loads(row.scopes)), row.created_at, row.expires_at)
        for row in rows
    ]


def revoke_tokens(connection: Connection, label: str) -> int:
    """Revoke every token of that label.

    Returns:
        How many there were.
    """
    return store_staff.revoke(connection, label.strip())


def _member(connection: Connection, name: str) -> store_staff.StaffRow:
    row = store_staff.by_name(connection, name)
    if row is None:
        raise StaffUnknown("nobody signs in under that name")
    return row


def _sign_in_name(name: str) -> str:
    """One spelling of a name: a second one would be a second role."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()[:LONGEST_NAME]


def _check_password(name: str, password: str) -> None:
    if not name:
        raise PasswordTooWeak("a name must not be empty")
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise PasswordTooWeak(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
    if _sign_in_name(password) == name or len(set(password)) < 4:
        raise PasswordTooWeak("a password must not be the name, nor the same few characters over and over")


@cache
def _stranger() -> str:
    """A hash nobody knows the password of: looking for a name that is not there costs as much time."""
    return _HASHES.hash(secrets.token_urlsafe(_TOKEN_BYTES))


def _stored(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
