"""Merkle tree hashing and proofs of RFC 6962, section 2.1 (the same tree as RFC 9162); pure.

A leaf hash never equals a node hash: the first byte tells them apart. A proof is accepted only when it has exactly the
length that index and size demand, and then only for that index, size and root. Hashes are 32 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest

from audit.errors import ProofRefused

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Coordinate = tuple[int, int]
"""Level (0 are the leaves) and position on that level of a full subtree."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf data, from scratch."""
    return root_of_hashes([leaf_hash(data) for data in leaves])


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of neighbouring subtrees that are equally high (the last may be lower)."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        level = next_level(level)
    return level[0]


def next_level(level: Sequence[bytes]) -> list[bytes]:
    """The level above; a last one without a partner moves up unchanged."""
    above = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) % 2 else above


def path_of_hashes(hashes: Sequence[bytes], position: int) -> list[bytes]:
    """The inclusion path of one position among the hashes, lowest first."""
    path: list[bytes] = []
    level = list(hashes)
    while len(level) > 1:
        if position ^ 1 < len(level):
            path.append(level[position ^ 1])
        level, position = next_level(level), position >> 1
    return path


def full_subtrees(start: int, stop: int) -> list[Coordinate]:
    """The full subtrees that cover the leaves [start, stop), left to right; *start* is a subtree's left edge."""
    found: list[Coordinate] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over full subtrees as `full_subtrees` lists them."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove one leaf, lowest first: PATH(m, D[n]) of RFC 6962, section 2.1.1.

    Raises:
        ProofRefused: the index is not below the size.
    """
    if not 0 <= index < size:
        raise ProofRefused(f"there is no entry {index} in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove that the new tree begins with the old one: RFC 6962, section 2.1.2.

    Raises:
        ProofRefused: the sizes are not 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ProofRefused(f"a tree of {new} cannot begin with one of {old}")
    if old in (0, new):
        return []
    ranges: list[tuple[int, int]] = []
    start, stop, whole = 0, new, True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, stop))
    return ranges[::-1]


def root_from_inclusion_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its path lead to.

    Raises:
        ProofRefused: the index is not below the size, or the path has another length than they demand.
    """
    ranges = inclusion_ranges(index, size)
    _check_hashes([leaf, *proof])
    if len(proof) != len(ranges):
        raise ProofRefused(f"the path has {len(proof)} hashes; entry {index} of {size} needs {len(ranges)}")
    result = leaf
    for (start, _), sibling in zip(ranges, proof, strict=True):
        result = node_hash(result, sibling) if start > index else node_hash(sibling, result)
    return result


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Accept the path of a leaf hash, or raise.

    Raises:
        ProofRefused: the path does not lead to the root.
    """
    if not compare_digest(root_from_inclusion_proof(index, size, leaf, proof), root):
        raise ProofRefused(f"the path of entry {index} does not lead to the root of {size} entries")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Accept that the tree of *new* leaves begins with the tree of *old* leaves, or raise.

    Raises:
        ProofRefused: the proof has another length than the sizes demand, or leads to another root.
    """
    ranges = consistency_ranges(old, new)
    _check_hashes(proof)
    if len(proof) != len(ranges):
        raise ProofRefused(f"the proof has {len(proof)} hashes; {old} to {new} needs {len(ranges)}")
    if old == 0:
        _demand(old_root, EMPTY_ROOT, old)
        if new == 0:
            _demand(new_root, EMPTY_ROOT, new)
        _check_hashes([new_root])
        return
    pairs = list(zip(ranges, proof, strict=True))
    # The first hash is the largest full subtree at the old tree's right edge; a full old tree is that subtree itself.
    left_edge = ranges[0][0] if ranges and ranges[0][1] == old else 0
    seed, rest = (proof[0], pairs[1:]) if ranges and ranges[0][1] == old else (old_root, pairs)
    _demand(_climb(seed, left_edge, [pair for pair in rest if pair[0][0] < old]), old_root, old)
    _demand(_climb(seed, left_edge, rest), new_root, new)


def _climb(seed: bytes, left_edge: int, steps: Sequence[tuple[tuple[int, int], bytes]]) -> bytes:
    for (start, _), sibling in steps:
        seed = node_hash(sibling, seed) if start < left_edge else node_hash(seed, sibling)
        left_edge = min(left_edge, start)
    return seed


def _demand(found: bytes, root: bytes, size: int) -> None:
    if not compare_digest(found, root):
        raise ProofRefused(f"the proof does not lead to the root of {size} entries")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofRefused(f"a hash has not {HASH_BYTES} bytes")


def _split(size: int) -> int:
    """The largest power of two below *size*."""
    return 1 << (size - 1).bit_length() - 1
