"""The tree and its proofs are those of RFC 6962; every published vector answers as it should."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle
from audit.errors import ProofRefused

VECTORS = Path(__file__).parent.parent / "data" / "tlog" / "rfc6962_vectors.tar.gz"
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def vectors(kind: str) -> Iterator[Any]:
    """The cases of the archive, each with its path as name."""
    with tarfile.open(VECTORS) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and f"{kind}/" in member.name:
                yield pytest.param(json.load(file), id=member.name)


def hashes(case: dict[str, Any]) -> list[bytes]:
    """The proof of a case; null means empty."""
    return [base64.b64decode(item) for item in case["proof"] or []]


@pytest.mark.parametrize("case", vectors("inclusion"))
def test_a_published_inclusion_proof_answers_as_published(case: dict[str, Any]) -> None:
    """transparency-dev/merkle, testdata/inclusion (LOG-1)."""
    leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
    try:
        merkle.verify_inclusion(case["leafIdx"], case["treeSize"], leaf, hashes(case), root)
    except ProofRefused:
        assert case["wantErr"]
    else:
        assert not case["wantErr"]


@pytest.mark.parametrize("case", vectors("consistency"))
def test_a_published_consistency_proof_answers_as_published(case: dict[str, Any]) -> None:
    """transparency-dev/merkle, testdata/consistency (LOG-1)."""
    old, new = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
    try:
        merkle.verify_consistency(case["size1"], case["size2"], hashes(case), old, new)
    except ProofRefused:
        assert case["wantErr"]
    else:
        assert not case["wantErr"]


def test_all_published_vectors_are_there() -> None:
    """98 and 98: a lost archive must not pass as tested."""
    assert len(list(vectors("inclusion"))) == len(list(vectors("consistency"))) == 98


def test_leaf_node_and_empty_tree_are_told_apart() -> None:
    """RFC 6962, section 2.1: the leaf of nothing is not the tree of nothing."""
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == ROOTS[0]
    assert merkle.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    node = merkle.node_hash(b"N123", b"N456").hex()
    assert node == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert merkle.root_of([]) == merkle.fold([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_eight_leaves_are_the_published_ones(size: int) -> None:
    """rfc6962_test.go of transparency-dev/merkle."""
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


class Tree:
    """A tree that is only looked at as RFC 6962 defines it, recursively."""

    def __init__(self, size: int) -> None:
        self.leaves = [merkle.leaf_hash(b"%d" % number) for number in range(size)]

    def root(self, start: int, stop: int) -> bytes:
        """MTH(D[start:stop])."""
        if stop - start == 0:
            return merkle.EMPTY_ROOT
        if stop - start == 1:
            return self.leaves[start]
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        return merkle.node_hash(self.root(start, middle), self.root(middle, stop))

    def range_hashes(self, ranges: list[tuple[int, int]]) -> list[bytes]:
        """The hash of each range."""
        return [self.root(start, stop) for start, stop in ranges]


def test_the_published_paths_of_eight_leaves_are_made() -> None:
    """Requirements 3.1: proofs as made, not only as checked."""
    tree = Tree(0)
    tree.leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]

    def made(ranges: list[tuple[int, int]]) -> list[str]:
        return [digest.hex()[:8] for digest in tree.range_hashes(ranges)]

    assert made(merkle.inclusion_ranges(5, 8)) == ["bc1a0643", "ca854ea1", "d37ee418"]
    assert made(merkle.inclusion_ranges(0, 8)) == ["96a296d2", "5f083f0a", "6b47aaf2"]
    assert made(merkle.consistency_ranges(6, 8)) == ["0ebc5d34", "ca854ea1", "d37ee418"]
    assert made(merkle.consistency_ranges(1, 8)) == made(merkle.inclusion_ranges(0, 8))
    assert made(merkle.consistency_ranges(2, 5)) == ["5f083f0a", "bc1a0643"]
    assert made(merkle.consistency_ranges(1, 1)) == []


@given(st.integers(1, 600), st.data())
def test_every_inclusion_proof_verifies_and_for_no_other_place(size: int, data: st.DataObject) -> None:
    """Whatever the size and the entry."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size + 2).filter(lambda number: number != index))
    tree = Tree(size)
    path, root = tree.range_hashes(merkle.inclusion_ranges(index, size)), tree.root(0, size)

    merkle.verify_inclusion(index, size, tree.leaves[index], path, root)
    assert path == merkle.path_of_hashes(tree.leaves, index)
    for refused in (
        lambda: merkle.verify_inclusion(other, size, tree.leaves[index], path, root),
        lambda: merkle.verify_inclusion(index, size, bytes(32), path, root),
        lambda: merkle.verify_inclusion(index, size, tree.leaves[index], [*path, root], root),
        lambda: merkle.verify_inclusion(index, size, tree.leaves[index], path, bytes(32)),
    ):
        with pytest.raises(ProofRefused):
            refused()


@given(st.integers(1, 600), st.data())
def test_every_consistency_proof_verifies_and_for_no_other_past(size: int, data: st.DataObject) -> None:
    """Whatever the two sizes; another root, length or hash is refused."""
    old = data.draw(st.integers(1, size))
    tree = Tree(size)
    proof = tree.range_hashes(merkle.consistency_ranges(old, size))
    old_root, root = tree.root(0, old), tree.root(0, size)

    merkle.verify_consistency(old, size, proof, old_root, root)
    merkle.verify_consistency(0, size, [], merkle.EMPTY_ROOT, root)
    for bad_proof, bad_old, bad_new in (
        (proof, bytes(32), root),
        (proof, old_root, bytes(32)),
        ([*proof, root], old_root, root),
        *(([*proof[:at], bytes(32), *proof[at + 1 :]], old_root, root) for at in range(len(proof))),
    ):
        with pytest.raises(ProofRefused):
            merkle.verify_consistency(old, size, bad_proof, bad_old, bad_new)


@given(st.integers(0, 600))
def test_a_tree_from_full_subtrees_is_the_recursive_one(size: int) -> None:
    """Level by level, folded from full subtrees, or by definition: one root."""
    tree = Tree(size)
    cover = merkle.full_subtrees(0, size)

    assert merkle.root_of_hashes(tree.leaves) == tree.root(0, size)
    assert merkle.fold([tree.root(i << level, (i + 1) << level) for level, i in cover]) == tree.root(0, size)


def test_a_tree_that_shrank_is_refused() -> None:
    """A log only grows."""
    with pytest.raises(ProofRefused):
        merkle.verify_consistency(5, 3, [], bytes(32), bytes(32))
    with pytest.raises(ProofRefused):
        merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, bytes(32))
    with pytest.raises(ProofRefused):
        merkle.verify_consistency(0, 5, [], bytes(32), bytes(32))
