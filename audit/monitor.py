"""A monitor: it derives every root anew from what the log serves and remembers what it saw (LOG-11).

It trusts signatures and hashes, not the server: entries must hash to the leaves beside them, the leaves to the signed
root, the tree must begin with the one of last time, and enough witnesses must have seen the same. What it remembers
is one checkpoint in a folder of its own; two checkpoints that contradict each other are kept there as evidence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from audit import merkle
from audit.errors import BadInput, Broken, LauterError, NotFound, ProofRefused
from audit.note import open_note
from audit.policy import Policy
from audit.tiles import WIDTH, TilePath, bundles_of, split_bundle, tiles_of
from audit.tree_head import Checkpoint, SignedCheckpoint, open_checkpoint, parse_checkpoint

MOST_ALARMS = 20
LAST = "checkpoint"


class Source(Protocol):
    """Where a log is read from: an address, or its own tables."""

    def checkpoint(self) -> str:
        """The newest checkpoint with all its signatures."""

    def hashes(self, tile: TilePath) -> bytes:
        """A hash tile; raises NotFound or Broken when it is not there."""

    def entries(self, tile: TilePath) -> bytes | None:
        """An entry bundle; None when it may not be read or was pruned."""


@dataclass(frozen=True)
class Alarm:
    """One thing that must not be; `kind` is a token to act upon."""

    kind: str
    what: str


@dataclass(frozen=True)
class Watched:
    """What one look at a log came to."""

    origin: str
    size: int
    leaves: int
    entries: int
    """How many of the leaves were compared with the entry's own bytes."""
    witnessed_by: tuple[str, ...]
    alarms: tuple[Alarm, ...]


@dataclass
class Edge:
    """The right edge of a growing tree: one hash for each full subtree, so that ten million leaves need little."""

    size: int = 0
    stack: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, digest: bytes, height: int = 0) -> None:
        """Put the hash of a full subtree to the right of the others."""
        self.size += 1 << height
        while self.stack and self.stack[-1][0] == height:
            digest = merkle.node_hash(self.stack.pop()[1], digest)
            height += 1
        self.stack.append((height, digest))

    def root(self) -> bytes:
        """The root over everything added so far."""
        return merkle.fold([digest for _, digest in self.stack])


def watch(source: Source, state: Path, policy: Policy, *, now: datetime, older_than: timedelta) -> Watched:
    """Look at a log once, remember what was seen, and tell what must not be.

    Raises:
        BadInput: the folder holds something that is no checkpoint.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = source.checkpoint()
    try:
        signed = open_checkpoint(note, policy.verifiers)
    except ProofRefused as problem:
        return Watched("", 0, 0, 0, (), (Alarm("signature", str(problem)),))
    last = _last(state, policy)
    look = _Look(source, signed.checkpoint, last)
    alarms = [*_policy_alarms(signed, policy, now, older_than, state), *look.all_alarms()][:MOST_ALARMS]
    witnesses = _witnesses(signed, policy)
    if any(alarm.kind in {"fork", "shrunk"} for alarm in alarms):
        _write(state / f"evidence-{sha256(note.encode()).hexdigest()[:16]}", note, now)
    elif look.derived:
        _write(state / LAST, note, None if last is not None and last.size == look.head.size else now)
    head = look.head
    return Watched(head.origin, head.size, look.edge.size, look.compared, witnesses, tuple(alarms))


@dataclass
class _Look:
    """One pass over the leaves, from the first to the last."""

    source: Source
    head: Checkpoint
    last: Checkpoint | None
    edge: Edge = field(default_factory=Edge)
    tile_roots: list[bytes] = field(default_factory=list)
    compared: int = 0
    derived: bool = False
    """The signed root follows from the leaves."""

    def all_alarms(self) -> Iterator[Alarm]:
        """What contradicts the checkpoint, or the one of last time."""
        if self.last is not None and self.last.origin != self.head.origin:
            yield Alarm("origin", "the log bears another name than last time")
            return
        if self.last is not None and self.last.size > self.head.size:
            yield Alarm("shrunk", f"the log has {self.head.size} entries; last time it had {self.last.size}")
            return
        yield from self._leaf_alarms()
        if self.edge.size == self.head.size:
            self.derived = self.edge.root() == self.head.root
            if not self.derived:
                yield Alarm("root", f"the signed root of {self.head.size} entries does not follow from the leaves")
            yield from self._upper_alarms()

    def _leaf_alarms(self) -> Iterator[Alarm]:
        """Leaf by leaf: against its entry, and at the size of last time against the root of last time."""
        for tile in bundles_of(0, self.head.size):
            try:
                data = self.source.hashes(TilePath(0, tile.index, tile.width))
                if len(data) != tile.width * merkle.HASH_BYTES:
                    raise BadInput("it has another length")
            except LauterError as problem:
                yield Alarm(
                    "missing", f"the hashes of entries {tile.start} to {tile.start + tile.width - 1}: {problem}"
                )
                return
            leaves = [data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES)]
            yield from self._entry_alarms(tile, leaves)
            yield from self._grow(leaves)

    def _grow(self, leaves: Sequence[bytes]) -> Iterator[Alarm]:
        before, last = self.edge.size, self.last
        crosses = last is not None and before < last.size <= before + len(leaves)
        if len(leaves) == WIDTH and not crosses:
            self.tile_roots.append(merkle.root_of_hashes(leaves))
            self.edge.add(self.tile_roots[-1], 8)
            return
        for leaf in leaves:
            self.edge.add(leaf)
            if last is not None and self.edge.size == last.size and self.edge.root() != last.root:
                yield Alarm("fork", f"the first {last.size} entries are not those of the checkpoint seen last time")
        if len(leaves) == WIDTH:
            self.tile_roots.append(merkle.root_of_hashes(leaves))

    def _entry_alarms(self, tile: TilePath, leaves: Sequence[bytes]) -> Iterator[Alarm]:
        try:
            data = self.source.entries(tile)
            entries = split_bundle(data, tile.width) if data is not None else []
        except (Broken, NotFound, BadInput) as problem:
            yield Alarm("entry", f"the entries {tile.start} to {tile.start + tile.width - 1}: {problem}")
            return
        self.compared += len(entries)
        for offset, (entry, leaf) in enumerate(zip(entries, leaves, strict=False)):
            if merkle.leaf_hash(entry) != leaf:
                yield Alarm("entry", f"entry {tile.start + offset} is not what its leaf hash was made from")

    def _upper_alarms(self) -> Iterator[Alarm]:
        """The tiles above the leaves, which a verifier relies on instead of reading everything."""
        below = self.tile_roots
        upper = [tile for tile in tiles_of(self.head.size) if tile.level]
        for level in sorted({tile.level for tile in upper if tile.level}):
            for tile in (tile for tile in upper if tile.level == level):
                wanted = b"".join(below[tile.start : tile.start + tile.width])
                try:
                    fits = self.source.hashes(tile) == wanted
                except LauterError:
                    fits = False
                if not fits:
                    yield Alarm("tile", f"{tile} is missing or does not follow from the leaves")
            full = range(0, len(below) // WIDTH * WIDTH, WIDTH)
            below = [merkle.root_of_hashes(below[start : start + WIDTH]) for start in full]


def _policy_alarms(
    signed: SignedCheckpoint, policy: Policy, now: datetime, older_than: timedelta, state: Path
) -> Iterator[Alarm]:
    """Too few witnesses, or nothing new for too long."""
    witnesses = _witnesses(signed, policy)
    if not policy.is_met(frozenset(witnesses)):
        yield Alarm("quorum", f"the quorum {policy.quorum} is not met; {len(witnesses)} known witness(es) signed")
    times = [s.witnessed_at for s in signed.note.verified if str(s) in witnesses and s.witnessed_at]
    newest = max(times, default=None) if policy.witnesses else _changed(state, signed.checkpoint, now)
    if newest is None or now - newest > older_than:
        hours = older_than // timedelta(hours=1)
        yield Alarm("stale", f"no checkpoint is younger than {hours} hours")


def _witnesses(signed: SignedCheckpoint, policy: Policy) -> tuple[str, ...]:
    keys = {(witness.verifier.name, witness.verifier.key_id) for witness in policy.witnesses}
    return tuple(str(s) for s in signed.note.verified if (s.name, s.key_id) in keys)


def _changed(state: Path, head: Checkpoint, now: datetime) -> datetime | None:
    """When this monitor saw the log grow last: all it has where nobody witnesses."""
    path = state / LAST
    if not path.exists() or _claim(path).size != head.size:
        return now
    return datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo)


def _last(state: Path, policy: Policy) -> Checkpoint | None:
    """The checkpoint of last time; its signature was checked then, and is once more."""
    path = state / LAST
    if not path.exists():
        return None
    claim = _claim(path)
    try:
        open_note(path.read_bytes(), policy.verifiers)
    except ProofRefused:
        raise BadInput(
            f"{LAST}: what was seen last time is signed by no key of the policy; keep retired keys in it"
        ) from None
    return claim


def _claim(path: Path) -> Checkpoint:
    try:
        text = path.read_text(encoding="utf-8")
        return parse_checkpoint(text[: text.rindex("\n\n") + 1])
    except (ProofRefused, ValueError, OSError):
        raise BadInput(
            f"{path.name} is no checkpoint; restore the folder of the monitor, or begin with another"
        ) from None


def _write(path: Path, note: str, at: datetime | None) -> None:
    """Write a file whole or not at all; it bears the instant of the change, not that of the last look."""
    when = at.timestamp() if at is not None else path.stat().st_mtime
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    os.utime(unfinished, (when, when))
    unfinished.replace(path)
