"""The packed record of one person in one run: what the leaf hashes, and enough to replay the decision; pure.

Big-endian, of one width per run, no JSON and no float text. It keeps the scored segment, each step after it and the
inputs as facts, so that the stored model and this record alone give the stored result again (Article 15(1)(h) GDPR).

    run i64 | subject i64 | now i64 µs | watermark i64 | strength i64 1e-9 | correction i64 | scored i16 | stable i16 |
    effective i16 | previous i16 | flags u16 | reason u8 | presence bits | facts f64 … | rules bits

A fact whose presence bit is 0 is unknown (withheld, stale or never told) and holds 0. A present NaN means: known, and
there was none, such as the day of the last order of somebody without one. Bit 0 is the highest bit of the first byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Reason
from segmentation.errors import RecordBroken

RECORD_VERSION = 1
NO_SEGMENT = -1
"""The number of no segment, in records and assignments."""

STRENGTH_ONE = 1_000_000_000
"""Full strength; strengths are integers in units of 1e-9."""

SCORED_OFFSET = 48
"""Where the two bytes of the scored segment stand in a record."""
FLAGS_OFFSET = 56
"""Where the two bytes of the flags stand in a record."""

REASONS: tuple[Reason, ...] = tuple(Reason)
"""Reason codes of a record are positions in this list plus one; 0 is none. The vocabulary may only grow at its end."""


class Flag(IntFlag):
    """What happened to a person in a run."""

    NOT_ASSESSED = 1
    """Fewer than half the inputs are known."""
    NO_RULE = 2
    """No segment's rule took the person, and the scheme has no other one."""
    HELD = 4
    """Stability: the margin was small, so the segment of the last run stands."""
    CORRECTED = 8
    """A correction of the complaint desk decided."""
    SUPPRESSED = 16
    """The segment was smaller than the minimum size: no segment."""
    LEFT = 32
    """In the last run, not permitted in this one; `reason` says why."""
    TAKEN_OUT = 64
    """A correction took the person out of the scheme."""
    SECOND_TIME = 128
    """Scored to the same other segment as in the run before, when the last one was kept: now the person moves."""
    QUEUED = 256
    """Would move, but so many may move in one run and no more: the segment of the last run stands until the next."""
    MODEL_CHANGED = 512
    """Moves because the model was fitted anew: by the old one the same facts give the last segment."""


@dataclass(frozen=True)
class RecordLayout:
    """How wide a run's records are: the number of facts and of rule segments."""

    facts: int
    rules: int = 0

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The structured type of one record, without padding."""
        fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [
            ("run", ">i8"),
            ("subject", ">i8"),
            ("now", ">i8"),
            ("watermark", ">i8"),
            ("strength", ">i8"),
            ("correction", ">i8"),
            ("scored", ">i2"),
            ("stable", ">i2"),
            ("effective", ">i2"),
            ("previous", ">i2"),
            ("flags", ">u2"),
            ("reason", "u1"),
        ]
        if self.facts:
            fields.append(("presence", "u1", ((self.facts + 7) // 8,)))
            fields.append(("facts", ">f8", (self.facts,)))
        if self.rules:
            fields.append(("rules", "u1", ((self.rules + 7) // 8,)))
        return np.dtype(fields)

    @property
    def width(self) -> int:
        """Bytes of one record."""
        return self.dtype.itemsize


@dataclass(frozen=True)
class Record:
    """One record, opened. Segment numbers are -1 for none; `previous` is the effective one of the last run."""

    run: int
    subject: int
    now: int
    """Microseconds since 1970, UTC."""
    watermark: int
    """Log size when the permission was read."""
    strength: int
    """How clearly the scored segment won, 0 to 1,000,000,000."""
    correction: int
    """Number of the correction that decided; 0 for none."""
    scored: int
    stable: int
    effective: int
    previous: int
    flags: Flag
    reason: Reason | None
    """Of somebody who left: why."""
    presence: tuple[bool, ...]
    facts: tuple[float, ...]
    rules: frozenset[int]
    """Numbers of all rule segments that fit, whichever took the person."""


def pack(record: Record, layout: RecordLayout) -> bytes:
    """The bytes of one record; `unpack` reads them back to the same values."""
    row = np.zeros(1, dtype=layout.dtype)
    for name in ("run", "subject", "now", "watermark", "strength", "correction"):
        row[name] = getattr(record, name)
    for name in ("scored", "stable", "effective", "previous"):
        row[name] = getattr(record, name)
    row["flags"] = int(record.flags)
    row["reason"] = reason_code(record.reason)
    if layout.facts:
        row["presence"] = np.packbits(np.array(record.presence, dtype=bool))
        row["facts"] = record.facts
    if layout.rules:
        bits = np.zeros(layout.rules, dtype=bool)
        bits[list(record.rules)] = True
        row["rules"] = np.packbits(bits)
    return row.tobytes()


def unpack(data: bytes, layout: RecordLayout) -> Record:
    """Open one record.

    Raises:
        RecordBroken: its width is not the layout's, or a code is unknown.
    """
    if len(data) != layout.width:
        raise RecordBroken(f"a record has {len(data)} bytes, its model says {layout.width}")
    row = np.frombuffer(data, dtype=layout.dtype)[0]
    code = int(row["reason"])
    if code > len(REASONS):
        raise RecordBroken("a record has an unknown reason code")
    presence = np.unpackbits(row["presence"], count=layout.facts).astype(bool) if layout.facts else np.zeros(0, bool)
    rules = np.flatnonzero(np.unpackbits(row["rules"], count=layout.rules)) if layout.rules else np.zeros(0, np.int64)
    return Record(
        run=int(row["run"]),
        subject=int(row["subject"]),
        now=int(row["now"]),
        watermark=int(row["watermark"]),
        strength=int(row["strength"]),
        correction=int(row["correction"]),
        scored=int(row["scored"]),
        stable=int(row["stable"]),
        effective=int(row["effective"]),
        previous=int(row["previous"]),
        flags=Flag(int(row["flags"])),
        reason=REASONS[code - 1] if code else None,
        presence=tuple(presence.tolist()),
        facts=tuple(row["facts"].astype(np.float64).tolist()) if layout.facts else (),
        rules=frozenset(rules.tolist()),
    )


def unpack_many(data: bytes, layout: RecordLayout) -> NDArray[np.void]:
    """Records laid end to end as a structured array; nothing is copied.

    Raises:
        RecordBroken: the length is no multiple of the width.
    """
    if len(data) % layout.width:
        raise RecordBroken(f"{len(data)} bytes are no whole number of records of {layout.width}")
    return np.frombuffer(data, dtype=layout.dtype)


def reason_code(reason: Reason | None) -> int:
    """The number that stands for a reason; 0 for none."""
    return REASONS.index(reason) + 1 if reason is not None else 0


def effective_after(
    record: Record, *, correction: tuple[int, int] | None = None, suppressed: frozenset[int] = frozenset()
) -> Record:
    """The record with the steps after stability applied again, in the order of a run.

    Args:
        record: holds the stable segment.
        correction: number of the correction and the segment that it gives (-1: out); it outranks all else.
        suppressed: segments that were too small in that run.
    """
    kept = record.flags & ~(Flag.CORRECTED | Flag.TAKEN_OUT | Flag.SUPPRESSED)
    if correction is not None:
        number, segment = correction
        flags = kept | Flag.CORRECTED | (Flag.TAKEN_OUT if segment == NO_SEGMENT else Flag(0))
        return replace(record, correction=number, effective=segment, flags=flags)
    if record.stable in suppressed:
        return replace(record, correction=0, effective=NO_SEGMENT, flags=kept | Flag.SUPPRESSED)
    return replace(record, correction=0, effective=record.stable, flags=kept)
