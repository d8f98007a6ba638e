"""The vault's cryptography over single rows: seal, open, look-up hashes; holds the keys, knows no database."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.contact_points import FORM_VERSION, email_match_form, phone_match_form
from governance.errors import IdentityInvalid, SealBroken
from governance.identity import Identity, canonical_reference, decode_identity, encode_identity
from governance.keys import KEY_BYTES, KeyRing, KeyRole, derive, keyed_hash, length_prefixed
from governance.sealing import NONCE_BYTES, unseal, unseal_with
from governance.vocabulary import Unit

PSEUDONYM_BYTES = 16
HASH_BYTES = 16
"""Look-ups keep 128 bits of the HMAC: ten million people collide with a chance below 10⁻²⁴."""
TABLE_VERSION = 1
"""Layout of sealed identities; part of what is authenticated, so that no row of one layout is read as another."""

_REFERENCE_PREFIX = {unit: length_prefixed(b"reference", unit.value.encode()) for unit in Unit}
_CONTACT_PREFIX = {kind: length_prefixed(kind.encode(), b"") for kind in ("email", "phone")}
_CONTACT_FORM: dict[str, Callable[[str], str | None]] = {"email": email_match_form, "phone": phone_match_form}
_VERSION_SUFFIX = TABLE_VERSION.to_bytes(2, "big")
_RANDOM_BYTES = KEY_BYTES + 2 * NONCE_BYTES


class SealedRow(NamedTuple):
    """One row of `sealed_identity`, in the order of its columns."""

    pseudonym: bytes
    epoch: int
    form: int
    wrap_epoch: int
    wrapped_key: bytes
    sealed: bytes
    fingerprint: bytes
    reference_hash: bytes
    email_hash: bytes | None
    phone_hash: bytes | None


class VaultCipher:
    """Everything that needs the look-up and wrap keys; writes under the current epoch, reads every live one."""

    def __init__(self, keys: KeyRing) -> None:
        lookups = keys.all(KeyRole.LOOKUP)
        self._epoch = lookups[0].epoch
        self._lookups = tuple(keyed_hash(key.secret) for key in lookups)
        self._prints = tuple(keyed_hash(derive(key, b"fingerprint")) for key in lookups)
        self._wraps = {key.epoch: AESGCM(key.secret) for key in keys.all(KeyRole.WRAP)}
        self._wrap_epoch = max(self._wraps)
        self._wrap_epoch_bytes = self._wrap_epoch.to_bytes(4, "big")
        self._wrap = self._wraps[self._wrap_epoch]
        self.lookup_epochs = frozenset(key.epoch for key in lookups)
        self.wrap_epochs = frozenset(self._wraps)

    def reference_hashes(self, unit: Unit, reference: str) -> list[bytes]:
        """Under what the reference may stand: one hash per live epoch, newest first."""
        message = _REFERENCE_PREFIX[unit] + canonical_reference(reference).encode("utf-8", "surrogatepass")
        return [lookup(message)[:HASH_BYTES] for lookup in self._lookups]

    def contact_hashes(self, kind: str, value: str) -> list[bytes]:
        """Under what an e-mail or phone may stand; nothing when it is none."""
        form = _CONTACT_FORM[kind](value)
        if form is None:
            return []
        message = _CONTACT_PREFIX[kind] + form.encode()
        return [lookup(message)[:HASH_BYTES] for lookup in self._lookups]

    def fingerprints(self, identity: Identity) -> list[bytes]:
        """Keyed fingerprints of the whole identity, one per live epoch, newest first."""
        canonical = encode_identity(identity)
        return [fingerprint(canonical)[:HASH_BYTES] for fingerprint in self._prints]

    def seal_identities(self, pairs: Sequence[tuple[bytes, Identity]]) -> list[SealedRow]:
        """Rows of `sealed_identity`, each under a fresh identity key.

        Raises:
            IdentityInvalid: a pseudonym of another length, an unknown detail, or no reference.
        """
        randoms = os.urandom(_RANDOM_BYTES * len(pairs))
        starts = range(0, len(randoms), _RANDOM_BYTES)
        return [
            self._seal_identity(pseudonym, identity, randoms[start : start + _RANDOM_BYTES])
            for start, (pseudonym, identity) in zip(starts, pairs, strict=True)
        ]

    def _seal_identity(self, pseudonym: bytes, identity: Identity, random: bytes) -> SealedRow:
        if len(pseudonym) != PSEUDONYM_BYTES:
            raise IdentityInvalid(f"a pseudonym has {PSEUDONYM_BYTES} bytes, not {len(pseudonym)}")
        canonical = encode_identity(identity)
        lookup = self._lookups[0]
        details = identity.details
        email = email_match_form(details["email"]) if details.get("email") else None
        phone = phone_match_form(details["phone"]) if details.get("phone") else None
        reference = canonical_reference(identity.reference).encode()
        key, nonce, wrap_nonce = random[:32], random[32:44], random[44:]
        wrap_data = pseudonym + self._wrap_epoch_bytes + b"identity"
        return SealedRow(
            pseudonym,
            self._epoch,
            FORM_VERSION,
            self._wrap_epoch,
            wrap_nonce + self._wrap.encrypt(wrap_nonce, key, wrap_data),
            nonce + AESGCM(key).encrypt(nonce, canonical, pseudonym + _VERSION_SUFFIX),
            self._prints[0](canonical)[:HASH_BYTES],
            lookup(_REFERENCE_PREFIX[identity.unit] + reference)[:HASH_BYTES],
            None if email is None else lookup(_CONTACT_PREFIX["email"] + email.encode())[:HASH_BYTES],
            None if phone is None else lookup(_CONTACT_PREFIX["phone"] + phone.encode())[:HASH_BYTES],
        )

    def open_identity(self, pseudonym: bytes, wrap_epoch: int, wrapped_key: bytes, sealed: bytes) -> Identity | None:
        """The identity; None when the wrap key of that epoch was destroyed.

        Raises:
            SealBroken: the row was altered, or belongs to somebody else.
        """
        key = self._unwrap(pseudonym, b"identity", wrap_epoch, wrapped_key)
        return None if key is None else decode_identity(unseal(key, sealed, pseudonym + _VERSION_SUFFIX))

    def new_evidence_key(self, pseudonym: bytes) -> tuple[bytes, int, bytes]:
        """A row of `evidence_key`: pseudonym, epoch of the wrap key, a fresh key wrapped under it."""
        key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
        associated = _wrap_data(pseudonym, b"evidence", self._wrap_epoch)
        return pseudonym, self._wrap_epoch, nonce + self._wrap.encrypt(nonce, key, associated)

    def open_evidence_key(self, pseudonym: bytes, wrap_epoch: int, wrapped_key: bytes) -> bytes | None:
        """The evidence key; None when the wrap key of that epoch was destroyed."""
        return self._unwrap(pseudonym, b"evidence", wrap_epoch, wrapped_key)

    @property
    def wrap_epoch(self) -> int:
        """Epoch of the key that wraps now."""
        return self._wrap_epoch

    def rewrap(self, pseudonym: bytes, role: bytes, epoch: int, wrapped: bytes) -> bytes | None:
        """A wrapped key under the current wrap key instead; None when the one it is under is gone.

        Raises:
            SealBroken: the row was altered, or belongs to somebody else.
        """
        key = self._unwrap(pseudonym, role, epoch, wrapped)
        if key is None:
            return None
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, key, _wrap_data(pseudonym, role, self._wrap_epoch))

    def _unwrap(self, pseudonym: bytes, role: bytes, wrap_epoch: int, wrapped_key: bytes) -> bytes | None:
        wrap = self._wraps.get(wrap_epoch)
        if wrap is None:
            return None
        key = unseal_with(wrap, wrapped_key, _wrap_data(pseudonym, role, wrap_epoch))
        if len(key) != KEY_BYTES:
            raise SealBroken("a wrapped key has another length than ours")
        return key


def evidence_data(pseudonym: bytes) -> bytes:
    """What a sealed piece of evidence is bound to."""
    return length_prefixed(b"evidence", pseudonym)


def _wrap_data(pseudonym: bytes, role: bytes, epoch: int) -> bytes:
    """What a wrapped key is bound to; every part but the role has a fixed length."""
    return pseudonym + epoch.to_bytes(4, "big") + role
