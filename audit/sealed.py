"""A file of papers whose list of contents is an entry of the log: nothing in it can be swapped, added or left out.

The list names every paper with its SHA-256; the entry holds the SHA-256 of the list, and its proof lies beside it. So
whoever trusts the log's key, or a witness, needs neither database nor network to know that these are the papers that
were put together then. Each proof among the papers is verified as well.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from audit.errors import ProofRefused
from audit.fact import Fact

SEALED = "authority:bundle_sealed"
CONTENTS = ("contents", "inhalt")
"""What the list is called, in either language; its proof bears the same name."""
PROOF = ".lauter-proof"
MOST_FILES = 10_000
MOST_BYTES = 512 * 1024 * 1024
MAGIC = b"PK"


class Proven(Protocol):
    """A proof that holds."""

    @property
    def fact(self) -> Fact:
        """What it proves."""


P = TypeVar("P", bound=Proven)


@dataclass(frozen=True)
class VerifiedPapers(Generic[P]):
    """Papers that are those of the list, and the proof of the list."""

    files: tuple[str, ...]
    proofs: int
    seal: P


def open_papers(data: bytes, verify: Callable[[bytes], P]) -> VerifiedPapers[P]:
    """Verify a ZIP file of papers, each proof in it by *verify*.

    Raises:
        ProofRefused: it is no such file, the list is not the one in the log, a paper differs from the list, is missing
            or was added, or a proof does not hold; names the file.
    """
    files = _unzipped(data)
    name = next((each for each in CONTENTS if f"{each}.json" in files), None)
    if name is None or f"{name}{PROOF}" not in files:
        raise ProofRefused("papers: the list of contents or its proof is missing")
    listed = files.pop(f"{name}.json")
    seal = _proven(f"{name}{PROOF}", files.pop(f"{name}{PROOF}"), verify)
    if seal.fact.kind != SEALED or seal.fact.body.get("contents") != sha256(listed).digest():
        raise ProofRefused(f"{name}.json: this is not the list that was sealed in the log")
    _compare(_hashes(name, listed), files)
    proofs = [each for each in files if each.endswith(PROOF)]
    for each in proofs:
        _proven(each, files[each], verify)
    return VerifiedPapers(tuple(sorted(files)), len(proofs), seal)


def _unzipped(data: bytes) -> dict[str, bytes]:
    """Every member, in memory only: nothing of a stranger's file is written anywhere."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise ProofRefused("papers: more or larger files than any bundle holds")
            if len(names) != len(members):
                raise ProofRefused("papers: two files bear one name")
            return {member.filename: archive.read(member) for member in members}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as problem:
        raise ProofRefused("papers: the file is damaged or no ZIP file of this kind") from problem


def _hashes(name: str, listed: bytes) -> dict[str, str]:
    try:
        found = json.loads(listed)["files"]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise ProofRefused(f"{name}.json: it is no list of files") from problem
    if not isinstance(found, dict):
        raise ProofRefused(f"{name}.json: it is no list of files")
    return {str(key): str(value) for key, value in found.items()}


def _compare(listed: dict[str, str], files: dict[str, bytes]) -> None:
    for name in sorted(listed.keys() - files.keys()):
        raise ProofRefused(f"{name}: it stands in the list and is missing")
    for name in sorted(files.keys() - listed.keys()):
        raise ProofRefused(f"{name[:80]!r}: it does not stand in the list")
    for name, data in sorted(files.items()):
        if sha256(data).hexdigest() != listed[name]:
            raise ProofRefused(f"{name}: it is not the file that the list names")


def _proven(name: str, data: bytes, verify: Callable[[bytes], P]) -> P:
    try:
        return verify(data)
    except ProofRefused as problem:
        raise ProofRefused(f"{name}: {problem}") from problem
