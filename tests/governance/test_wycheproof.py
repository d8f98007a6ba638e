"""Our seal, derivation and keyed hash against Project Wycheproof, and the log's signature scheme (SEC-10)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.errors import SealBroken
from governance.keys import hkdf, keyed_hash
from governance.sealing import NONCE_BYTES, TAG_BYTES, unseal

VECTORS = Path(__file__).parent.parent / "data" / "wycheproof"


def groups_of(name: str) -> list[dict[str, Any]]:
    with gzip.open(VECTORS / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    groups: list[dict[str, Any]] = document["testGroups"]
    assert sum(len(group["tests"]) for group in groups) == document["numberOfTests"]
    return groups


def unhex(test: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(test[name]) for name in names]


def test_the_keyed_hash_is_hmac_sha_256() -> None:
    """RFC 2104: all 174 cases, truncated tags among them."""
    for group in groups_of("hmac_sha256"):
        for test in group["tests"]:
            key, message, tag = unhex(test, "key", "msg", "tag")

            fits = keyed_hash(key)(message)[: group["tagSize"] // 8] == tag

            assert fits is (test["result"] == "valid"), test["tcId"]


def test_keys_are_derived_by_hkdf_sha_256() -> None:
    """RFC 5869: all 86 cases; a length beyond 255 blocks is refused."""
    for group in groups_of("hkdf_sha256"):
        for test in group["tests"]:
            secret, salt, info = unhex(test, "ikm", "salt", "info")
            if test["result"] == "invalid":
                with pytest.raises(ValueError, match="larger"):
                    hkdf(secret, info, salt=salt, length=test["size"])
                continue

            assert hkdf(secret, info, salt=salt, length=test["size"]).hex() == test["okm"], test["tcId"]


def test_sealed_values_open_exactly_when_aes_gcm_says_so() -> None:
    """NIST SP 800-38D: our form (256-bit key, 96-bit nonce, 128-bit tag) through `unseal`, every other one below it."""
    ours = 0
    for group in groups_of("aes_gcm"):
        our_form = (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 8 * NONCE_BYTES, 8 * TAG_BYTES)
        for test in group["tests"]:
            key, nonce, associated, message, ciphertext, tag = unhex(test, "key", "iv", "aad", "msg", "ct", "tag")
            ours += our_form
            try:
                if our_form:
                    opened = unseal(key, nonce + ciphertext + tag, associated)
                else:
                    opened = AESGCM(key).decrypt(nonce, ciphertext + tag, associated)
            except (SealBroken, InvalidTag, ValueError):
                assert test["result"] != "valid" or not 8 <= len(nonce) <= 128, test["tcId"]
                continue

            assert (opened, test["result"]) == (message, "valid"), test["tcId"]
    assert ours > 60


def test_signatures_verify_exactly_when_ed25519_says_so() -> None:
    """RFC 8032: all 151 cases, malleable signatures among them."""
    for group in groups_of("ed25519"):
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        for test in group["tests"]:
            message, signature = unhex(test, "msg", "sig")
            try:
                public.verify(signature, message)
            except InvalidSignature:
                assert test["result"] == "invalid", test["tcId"]
            else:
                assert test["result"] == "valid", test["tcId"]
