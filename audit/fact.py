"""One past-tense log entry; never free text, never a name, an address or a number that only one person has.

What a fact says goes into hashed bytes that nobody can take back, so the type itself refuses what must not get there
(Article 5(1)(c) GDPR, LOG-6): text is a short token, numbers are integers, and the persons concerned stand in
`subjects`, which is stored beside the bytes and erased with them. Sixteen fresh random bytes make each entry
unguessable: two equal facts have different hashes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from audit import encoding
from audit.errors import Broken, FactRefused
from audit.instants import from_microseconds, to_microseconds

Scalar = None | bool | int | bytes | str
FactValue = Scalar | Sequence[Scalar]

VERSION = 1
HANDLE_BYTES = 16
MAX_BYTES_VALUE = 64

_KIND = re.compile(r"[a-z_]+:[a-z_]+")
_TOKEN = re.compile(r"[A-Za-z0-9_.:/+-]{0,80}")
_KEYS = ["v", "at", "body", "kind", "actor", "handle"]
"""In canonical order: shorter keys first, those of one length by their bytes."""


@dataclass(frozen=True)
class Fact:
    """What happened, who did it and when.

    Raises:
        FactRefused: the kind is no `noun:verbed`, the time has no zone, or a value could carry personal data.
    """

    kind: str
    actor: str
    at: datetime
    body: Mapping[str, FactValue] = field(default_factory=dict)
    subjects: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_names(self.kind, self.actor)
        if self.at.tzinfo is None:
            raise FactRefused(f"{self.kind}: at needs a time zone")
        if not all(isinstance(subject, int) for subject in self.subjects):
            raise FactRefused(f"{self.kind}: subjects are the integers of the work database")
        body = {_key(self.kind, key): _value(f"{self.kind} {key}", value) for key, value in self.body.items()}
        object.__setattr__(self, "kind", str(self.kind))
        object.__setattr__(self, "actor", str(self.actor))
        object.__setattr__(self, "body", MappingProxyType(body))

    def encode(self, *, handle: bytes | None = None) -> bytes:
        """The canonical bytes that the leaf hash covers, with 16 fresh random bytes unless *handle* is given.

        Raises:
            FactRefused: more than 65,535 bytes, or a handle of another length.
        """
        random = os.urandom(HANDLE_BYTES) if handle is None else handle
        if len(random) != HANDLE_BYTES:
            raise FactRefused(f"{self.kind}: the handle has {HANDLE_BYTES} bytes")
        body = {key: self.body[key] for key in sorted(self.body, key=encoding.place)}
        values = (VERSION, to_microseconds(self.at), body, self.kind, self.actor, random)
        return encoding.pack(dict(zip(_KEYS, values, strict=True)))


class Entry(NamedTuple):
    """What the bytes of an entry say, checked."""

    kind: str
    actor: str
    at: int
    """Microseconds since 1970."""
    body: dict[str, FactValue]


def read_entry(data: bytes) -> Entry:
    """What canonical bytes say; for a check of millions, which needs no `Fact` made of each.

    Raises:
        Broken: the bytes are not canonical, of another version, or hold what no fact may hold.
    """
    value = encoding.unpack(data)
    if type(value) is not dict or list(value) != _KEYS or type(value["v"]) is not int or value["v"] != VERSION:
        raise Broken(f"the bytes are not a fact of version {VERSION} in canonical form")
    _, at, body, kind, actor, handle = value.values()
    if type(at) is not int or type(handle) is not bytes or len(handle) != HANDLE_BYTES or type(body) is not dict:
        raise Broken("the fact's time, handle or body has the wrong form")
    try:
        _check_names(kind, actor)
        for key, item in body.items():
            _key(kind, key)
            _value(kind, item)
        if (len(body) > 1 and list(body) != sorted(body, key=encoding.place)) or encoding.pack(value) != data:
            raise Broken("the bytes are not in canonical form (RFC 8949, section 4.2.1)")
        from_microseconds(at)
    except (FactRefused, OverflowError) as problem:
        raise Broken("the bytes hold what no fact may hold") from problem
    return Entry(kind, actor, at, body)


def parse_fact(data: bytes) -> Fact:
    """The fact in canonical bytes; `subjects` is empty, for it never was in them.

    Raises:
        Broken: the bytes are not canonical, of another version, or hold what no fact may hold.
    """
    entry = read_entry(data)
    return Fact(entry.kind, entry.actor, from_microseconds(entry.at), entry.body)


def _check_names(kind: object, actor: object) -> None:
    if not isinstance(kind, str) or not _KIND.fullmatch(kind) or len(kind) > 80:
        raise FactRefused("kind: must read noun:verbed in small letters, such as run:published")
    if not isinstance(actor, str) or not actor or not _TOKEN.fullmatch(actor):
        raise FactRefused(f"{kind}: actor must be a role and a handle, such as desk:4f2a")


def _key(kind: str, key: str) -> str:
    if not isinstance(key, str) or not key or not _TOKEN.fullmatch(key):
        raise FactRefused(f"{kind}: a key of the body is not a short token")
    return str(key)


def _value(where: str, value: object) -> FactValue:
    if isinstance(value, list | tuple):
        return tuple(_scalar(f"{where}[{position}]", item) for position, item in enumerate(value))
    return _scalar(where, value)


def _scalar(where: str, value: object) -> Scalar:
    """The value as exact built-in type; the message names the place and the type, never the value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise FactRefused(f"{where}: the integer exceeds 64 signed bits")
        return int(value)
    if isinstance(value, bytes):
        if len(value) > MAX_BYTES_VALUE:
            raise FactRefused(f"{where}: {len(value)} bytes; at most {MAX_BYTES_VALUE}, such as a digest")
        return bytes(value)
    if isinstance(value, str):
        if not _TOKEN.fullmatch(value):
            raise FactRefused(f"{where}: not a token of at most 80 characters A-Z a-z 0-9 _ . : / + -")
        return str(value)
    raise FactRefused(f"{where}: a {type(value).__name__} cannot enter the log; use an integer, a token or bytes")
