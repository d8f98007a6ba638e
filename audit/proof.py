"""The `.lauter-proof` file: an opened row, its path, the fact it hangs on, and an unchanged C2SP tlog-proof; pure.

    lauter-proof@v1
    position 17                    } only when a row is opened
    random <16 bytes, base64>      }
    record <packed bytes, base64>  }
    <32-byte hash, base64>         } lowest first, to the root in the fact
    fact <canonical bytes, base64>

    c2sp.org/tlog-proof@v1
    index 5
    <32-byte hash, base64>

    <signed checkpoint>

From the line `c2sp.org/tlog-proof@v1` on, any C2SP verifier can check it, with the fact's bytes as the entry. There is
one way to write a proof and only that is read: the parser writes again what it read and compares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import ProofRefused
from audit.merkle import HASH_BYTES
from audit.note import decode_base64, encode_base64
from audit.opening import RANDOM_BYTES

MAGIC = "lauter-proof@v1"
TLOG_MAGIC = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 1 << 20
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class OpenedRow:
    """A row of a bulk act and its path to the root in the fact."""

    position: int
    random: bytes
    record: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Proof:
    """What a proof file says; nothing of it is verified yet."""

    fact: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    opened: OpenedRow | None = None


def write_proof(proof: Proof) -> bytes:
    """The file of a proof."""
    lines = [MAGIC]
    if proof.opened is not None:
        lines.append(f"position {proof.opened.position}")
        lines.append(f"random {encode_base64(proof.opened.random)}")
        lines.append(f"record {encode_base64(proof.opened.record)}")
        lines.extend(map(encode_base64, proof.opened.path))
    lines += [f"fact {encode_base64(proof.fact)}", "", TLOG_MAGIC, f"index {proof.index}"]
    lines.extend(map(encode_base64, proof.path))
    return ("\n".join([*lines, "", ""]) + proof.checkpoint).encode()


def parse_proof(data: bytes) -> Proof:
    """Read a proof file.

    Raises:
        ProofRefused: the file is longer than 1 MiB or not written as `write_proof` writes it.
    """
    if len(data) > MAX_BYTES:
        raise ProofRefused("proof: longer than a proof can be")
    try:
        parts = data.decode("utf-8").split("\n\n", 2)
    except UnicodeDecodeError as problem:
        raise ProofRefused("proof: not UTF-8") from problem
    if len(parts) != 3:
        raise ProofRefused("proof: must have an entry, a path and a checkpoint, with blank lines between them")
    opened, fact = _parse_entry(parts[0].split("\n"))
    magic, *path = parts[1].split("\n")
    if magic != TLOG_MAGIC or not path:
        raise ProofRefused(f"proof: the second part must begin with {TLOG_MAGIC} and an index")
    proof = Proof(fact, _number("index", path[0]), _hashes(path[1:]), parts[2], opened)
    if write_proof(proof) != data:
        raise ProofRefused("proof: not written in the one form that is read")
    return proof


def _parse_entry(lines: Sequence[str]) -> tuple[OpenedRow | None, bytes]:
    if len(lines) < 2 or lines[0] != MAGIC:
        raise ProofRefused(f"proof: must begin with {MAGIC}")
    fact = decode_base64(_field("fact", lines[-1]))
    if len(lines) == 2:
        return None, fact
    if len(lines) < 5:
        raise ProofRefused("proof: an opened row needs the lines position, random and record")
    random = decode_base64(_field("random", lines[2]))
    if len(random) != RANDOM_BYTES:
        raise ProofRefused(f"proof: the random part of a row has {RANDOM_BYTES} bytes")
    record = decode_base64(_field("record", lines[3]))
    return OpenedRow(_number("position", lines[1]), random, record, _hashes(lines[4:-1])), fact


def _field(name: str, line: str) -> str:
    if not line.startswith(f"{name} "):
        raise ProofRefused(f"proof: the line '{name}' is missing or out of order")
    return line[len(name) + 1 :]


def _number(name: str, line: str) -> int:
    text = _field(name, line)
    if not _NUMBER.fullmatch(text):
        raise ProofRefused(f"proof: {name} must be a decimal number without leading zeros")
    return int(text)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    hashes = tuple(map(decode_base64, lines))
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofRefused(f"proof: a hash has not {HASH_BYTES} bytes")
    return hashes
