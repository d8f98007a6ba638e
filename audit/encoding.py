"""The one way a value becomes bytes: deterministic CBOR (RFC 8949, section 4.2.1).

Equal values give equal bytes, and each accepted byte string is the only one for its value. Floats, tags, map keys that
are not text, and anything longer than 65,535 bytes never pass (C2SP tlog-tiles stores lengths in 16 bits).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import cbor2

from audit.errors import Broken, FactRefused

MAX_BYTES = 65_535
MAX_DEPTH = 4

Value = None | bool | int | bytes | str | Sequence["Value"] | Mapping[str, "Value"]


def encode(value: Value) -> bytes:
    """The canonical bytes of a value.

    Raises:
        FactRefused: a type has no place here, an integer exceeds 64 signed bits, or the result exceeds 65,535 bytes.
    """
    return pack(_plain(value, "value", MAX_DEPTH))


def pack(value: object) -> bytes:
    """The canonical bytes of exact built-in types whose maps are in canonical order; checks the length only.

    The library's own canonical form sorts each map anew and takes five times as long.

    Raises:
        FactRefused: the result exceeds 65,535 bytes.
    """
    data: bytes = cbor2.dumps(value)
    if len(data) > MAX_BYTES:
        raise FactRefused(f"{len(data)} bytes; at most {MAX_BYTES} fit into one entry: use a batch instead")
    return data


def unpack(data: bytes) -> object:
    """What the bytes say, in whatever form; the caller checks types and form.

    Raises:
        Broken: the bytes are no CBOR, or too many.
    """
    if len(data) > MAX_BYTES:
        raise Broken(f"{len(data)} bytes are more than one entry can have")
    try:
        return cbor2.loads(data)
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, RecursionError) as problem:
        raise Broken("the bytes are not an entry: no canonical CBOR of the allowed types") from problem


def decode(data: bytes) -> Value:
    """The value of canonical bytes.

    Raises:
        Broken: the bytes are not CBOR, or not the canonical form of what they say.
    """
    value = cast("Value", unpack(data))  # what is none is refused by `encode`
    try:
        canonical = encode(value)
    except FactRefused as problem:
        raise Broken("the bytes are not an entry: no canonical CBOR of the allowed types") from problem
    if canonical != data:
        raise Broken("the bytes are not in canonical form (RFC 8949, section 4.2.1)")
    return value


def place(key: str) -> tuple[int, bytes]:
    """Where a key stands in its map: shorter ones first, those of one length by their bytes."""
    data = key.encode()
    return len(data), data


def _plain(value: object, where: str, depth: int) -> object:
    """The value in exact built-in types, so that an enumeration and its word give the same bytes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise FactRefused(f"{where}: the integer exceeds 64 signed bits")
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return bytes(value)
    return _plain_container(value, where, depth)


def _plain_container(value: object, where: str, depth: int) -> object:
    if depth == 0:
        raise FactRefused(f"{where}: nested too deeply")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise FactRefused(f"{where}: a key is not text")
        return {str(key): _plain(value[key], f"{where}.{key}", depth - 1) for key in sorted(value, key=place)}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{position}]", depth - 1) for position, item in enumerate(value)]
    raise FactRefused(f"{where}: a {type(value).__name__} has no canonical bytes; use an integer, a token or bytes")
