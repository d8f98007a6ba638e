"""What an export is between decision and release: who, which bytes, which manifest, and what would betray whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from api.workflows.export_requests import parsed, source_of
from audit.errors import Refused
from segmentation import store_exports
from segmentation.export import Rendering, render
from segmentation.export_build import Gathered, Ids, Powers, earlier_outputs, gather, members_of
from segmentation.export_request import ExportRequest, Mode
from segmentation.small_cells import Leak, leaks

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from segmentation.store_exports import ExportRow

BUILDABLE = (store_exports.APPROVED, store_exports.BUILT, store_exports.REFUSED)
RELEASABLE = (store_exports.BUILT, store_exports.RELEASED)


class ExportNotReady(Refused):
    """The export is not in a state in which that can be done."""


class ExportExpired(Refused):
    """The time in which an export may be downloaded is over."""


class ExportStale(Refused):
    """Since the build somebody may not be in it any more, or a value changed; build it again."""


class CellsTooSmall(Refused):
    """The output would tell of fewer people than the minimum cell (invariant 6)."""


@dataclass(frozen=True)
class Download:
    """What leaves: bytes whose SHA-256 is in the manifest, already released in the log."""

    number: int
    name: str
    size: int
    sha256: str
    log_index: int
    pieces: tuple[bytes, ...]

    media_type = "text/csv; charset=utf-8; header=present"

    def chunks(self, size: int = 65_536) -> Iterator[bytes]:
        """The bytes in chunks of about *size*."""
        waiting: list[bytes] = []
        length = 0
        for piece in self.pieces:
            waiting.append(piece)
            length += len(piece)
            if length >= size:
                yield b"".join(waiting)
                waiting, length = [], 0
        if waiting:
            yield b"".join(waiting)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it; never the content."""
        return {"export": self.number, "size": self.size, "sha256": self.sha256, "log_index": self.log_index}

    def __repr__(self) -> str:
        return f"Download(export {self.number}, {self.size} bytes)"


@dataclass(frozen=True)
class Prepared:
    """A file on one snapshot, with what it was made of."""

    request: ExportRequest
    gathered: Gathered
    rendering: Rendering
    run: int
    definition: bytes


def prepare(
    house: House,
    connection: Connection,
    row: ExportRow,
    names: Callable[[Ids], Mapping[int, bytes]],
    powers: Powers,
    now: datetime,
) -> Prepared:
    """Who may be in the file on this snapshot, and the file."""
    request = parsed(house, row, now)
    source = source_of(house, connection, request, now=now)
    members = members_of(connection, source.live)
    gathered = gather(connection, request, source.chosen, members, names, powers, now=now)
    run = source.live.run
    return Prepared(request, gathered, render(request, gathered.people), run.id, run.definition)


def leaks_of(house: House, connection: Connection, row: ExportRow, prepared: Prepared) -> tuple[Leak, ...]:
    """How a pseudonymous output would tell of a few people; contact points are guarded by purpose and contract."""
    if prepared.request.mode is Mode.CONTACT_POINTS:
        return ()
    subjects = np.array(sorted(person.subject for person in prepared.gathered.people), dtype=np.int64)

    def same_recipient(manifest: Mapping[str, Any]) -> bool:
        return (manifest["mode"], manifest["recipient"]) == (Mode.PSEUDONYMS.value, prepared.request.recipient.key)

    return leaks(
        prepared.rendering.cells,
        prepared.rendering.segments,
        complement=prepared.gathered.complement,
        earlier=earlier_outputs(connection, row.id, subjects, same_recipient),
        minimum=house.catalogue.controller.minimum_cell,
    )


def too_small(number: int, telling: tuple[Leak, ...]) -> CellsTooSmall:
    """The refusal that says in which ways."""
    words = ", ".join(leak.value for leak in telling)
    return CellsTooSmall(
        f"export {number} would tell of fewer people than the minimum cell ({words}). Take fewer fields, larger "
        "segments, or wait until more people came or went."
    )


def must_be(row: ExportRow, states: tuple[str, ...], verb: str) -> None:
    """Refuse what the export's state does not allow."""
    if row.state not in states:
        raise ExportNotReady(f"export {row.id} is {row.state}; it can be {verb} when it is {' or '.join(states)}")


def check_releasable(row: ExportRow, now: datetime) -> None:
    """Refuse an export that was not built, or whose validity is over."""
    must_be(row, RELEASABLE, "downloaded")
    if row.expires_at is None or now >= row.expires_at:
        raise ExportExpired(f"export {row.id} could be downloaded until its validity ended; request it again")


def manifest_of(house: House, prepared: Prepared, *, now: datetime, expires_at: datetime) -> dict[str, Any]:
    """What is kept of a build: counts, hashes, times; `included + excluded = input`."""
    gathered, rendering = prepared.gathered, prepared.rendering
    return {
        "input": gathered.asked,
        "included": len(gathered.people),
        "excluded": {reason.value: count for reason, count in sorted(gathered.excluded.items())},
        "segments": dict(rendering.segments),
        "mode": prepared.request.mode.value,
        "recipient": prepared.request.recipient.key,
        "watermark": gathered.watermark,
        "run": prepared.run,
        "definition": prepared.definition.hex(),
        "catalogue": house.catalogue.digest.hex(),
        "request": prepared.request.digest.hex(),
        "sha256": rendering.sha256.hex(),
        "size": rendering.size,
        "built_at": now.isoformat(),
        "expires_at": expires_at.isoformat(),
    }
