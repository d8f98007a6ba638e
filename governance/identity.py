"""Who somebody is, as one value: unit, reference and a closed set of details; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.errors import IdentityInvalid, SealBroken
from governance.vocabulary import Unit

IDENTITY_FIELDS = (
    "given_name",
    "family_name",
    "company_name",
    "email",
    "phone",
    "street",
    "postcode",
    "city",
    "country",
)
"""The details the vault keeps, in their sealed order; a new one goes to the end and raises the table version."""

_FIELD_SET = frozenset(IDENTITY_FIELDS)
_ABSENT = ("",) * len(IDENTITY_FIELDS)
_UNIT_LETTERS = {Unit.CONTACT: "c", Unit.ACCOUNT: "a"}
_UNITS = {letter: unit for unit, letter in _UNIT_LETTERS.items()}


@dataclass(frozen=True)
class Identity:
    """A contact's or account's identity; `repr` shows nothing of it."""

    unit: Unit
    reference: str = field(repr=False)
    """The controller's own number for them."""
    details: Mapping[str, str] = field(repr=False)
    """Field of IDENTITY_FIELDS → value; absent and empty are the same."""


def canonical_reference(reference: str) -> str:
    """The reference trimmed and in NFC; letter case counts, for numbers may differ by it."""
    return (reference if reference.isascii() else unicodedata.normalize("NFC", reference)).strip()


def encode_identity(identity: Identity) -> bytes:
    """The canonical bytes of an identity: equal for equal people, whatever their Unicode spelling.

    Raises:
        IdentityInvalid: an unknown detail, an empty reference, or a NUL character.
    """
    details = identity.details
    if not details.keys() <= _FIELD_SET:
        raise IdentityInvalid(f"the vault keeps only {', '.join(IDENTITY_FIELDS)}; drop the other details")
    reference = canonical_reference(identity.reference)
    if not reference:
        raise IdentityInvalid("an identity needs a reference; map a column to it")
    parts = map(details.get, IDENTITY_FIELDS, _ABSENT)
    text = "\0".join((_UNIT_LETTERS[identity.unit], reference, *parts))
    if text.count("\0") != len(IDENTITY_FIELDS) + 1:
        raise IdentityInvalid("a detail holds a NUL character; remove it at the source")
    try:
        return (text if text.isascii() else unicodedata.normalize("NFC", text)).encode()
    except UnicodeEncodeError:
        raise IdentityInvalid("a detail holds half a surrogate pair; read the file in its right encoding") from None


def decode_identity(data: bytes) -> Identity:
    """The identity of canonical bytes.

    Raises:
        SealBroken: they are none of ours.
    """
    unit, *parts = data.decode().split("\0")
    if unit not in _UNITS or len(parts) != len(IDENTITY_FIELDS) + 1:
        raise SealBroken("a sealed identity has another layout than this version reads")
    details = {name: value for name, value in zip(IDENTITY_FIELDS, parts[1:], strict=True) if value}
    return Identity(_UNITS[unit], parts[0], details)
