"""Who is in an export at this instant: members of the segments whom permission, channel and block list let through.

Used at the build and again before the first byte, by the same code: an objection in between takes the person out or
the file with them (OBJ-3). Names and addresses come from a function that is passed in, in batches; this package could
not find them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit.database import in_batches
from consent.permission import PermittedPopulation, PopulationRequest, lawful, permitted, refused
from governance.vocabulary import Channel, Reason, Unit
from segmentation import store_assignments, store_exports
from segmentation.corrections import in_force, segment_numbers
from segmentation.definitions import Segment
from segmentation.export import Details, Person, reachable
from segmentation.export_request import ExportRequest, Mode
from segmentation.membership import Live
from segmentation.record import NO_SEGMENT
from segmentation.small_cells import EarlierOutput

if TYPE_CHECKING:
    from governance.purposes import Purpose

REVEAL_BATCH = 4_096

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Powers:
    """What only the house can do, passed in."""

    reveal: Callable[[Sequence[int]], Sequence[Details | None]]
    """Contact details of subjects; None for whoever has none any more."""
    blocked: Callable[[Connection, Purpose, Channel, Sequence[Details]], Sequence[bool]]
    """Whether the block list holds the address that the channel would use, for that purpose or for every one."""
    links: Callable[[Purpose, Channel, Sequence[Person]], Sequence[str]]
    """For each person the link that ends it; the same for the same row of the same file."""


@dataclass(frozen=True)
class Members:
    """Everybody in any segment of the scheme, ascending, with the number of the segment."""

    subjects: Ids
    segments: NDArray[np.int16]


@dataclass(frozen=True)
class Chosen:
    """What the request picks of a scheme."""

    unit: Unit
    """What the scheme assigns."""
    segments: Mapping[int, Segment]
    """Number → segment, of those that the request names."""


@dataclass(frozen=True)
class Gathered:
    """Who may be in the file, who may not and why; `included + excluded = asked` always."""

    people: tuple[Person, ...]
    excluded: Mapping[Reason, int]
    asked: int
    complement: int
    """Permitted people of the scheme in segments the request does not name."""
    watermark: int
    """Log size of the snapshot this was read from."""

    def __repr__(self) -> str:
        return f"Gathered({len(self.people)} of {self.asked})"


def members_of(connection: Connection, of: Live) -> Members:
    """Everybody whom the live run and the corrections put into a segment, permitted or not."""
    subjects: list[Ids] = [np.zeros(0, dtype=np.int64)]
    segments: list[NDArray[np.int16]] = [np.zeros(0, dtype=np.int16)]
    corrections = in_force(connection, of.scheme, segment_numbers(of.model))
    met = np.zeros(len(corrections.subjects), dtype=bool)
    for block in store_assignments.blocks_of(connection, of.run.id):
        effective = block.effective.copy()
        places, which = corrections.among(block.subjects)
        effective[places] = corrections.segments[which]
        met[which] = True
        subjects.append(block.subjects)
        segments.append(effective)
    everybody = np.concatenate([*subjects, corrections.subjects[~met]])
    numbers = np.concatenate([*segments, corrections.segments[~met]])
    order = np.argsort(everybody, kind="stable")
    inside = numbers[order] != NO_SEGMENT
    return Members(everybody[order][inside], numbers[order][inside])


def gather(
    connection: Connection,
    request: ExportRequest,
    chosen: Chosen,
    members: Members,
    pseudonyms: Callable[[Ids], Mapping[int, bytes]],
    powers: Powers,
    *,
    now: datetime,
) -> Gathered:
    """Decide about every member, on one snapshot.

    Args:
        pseudonyms: the export's pseudonyms of the permitted subjects; one without a pseudonym is not taken in.
    """
    unit, asked, closed = _asked(connection, request, chosen, members, now)
    population = permitted(
        connection, PopulationRequest(request.purpose, unit, request.fields, request.channel), now=now
    )
    numbers = dict(zip(asked.subjects.tolist(), asked.segments.tolist(), strict=True))
    wanted = np.isin(asked.segments, list(chosen.segments))
    own = np.isin(asked.subjects, population.subjects, assume_unique=True)
    inside = own & ~np.isin(asked.subjects, list(closed))
    excluded = _reasons(connection, request, asked.subjects[wanted & ~own], now)
    excluded.update(closed[subject] for subject in asked.subjects[wanted & own & ~inside].tolist())
    names = pseudonyms(asked.subjects[wanted & inside])
    kept = np.array([s for s in asked.subjects[wanted & inside].tolist() if s in names], dtype=np.int64)
    people = []
    for person in _people(replace(population, subjects=kept), names, numbers, chosen):
        people.append(person)
    if request.mode is Mode.CONTACT_POINTS and request.channel is not None:
        people, unreached = _reached(connection, people, request.purpose, request.channel, powers)
        excluded.update(unreached)
    if request.carries_links and request.channel is not None:
        links = powers.links(request.purpose, request.channel, people)
        people = [replace(person, unsubscribe_url=link) for person, link in zip(people, links, strict=True)]
    return Gathered(
        people=tuple(people),
        excluded=dict(excluded),
        asked=int(np.count_nonzero(wanted)),
        complement=int(np.count_nonzero(~wanted & inside)),
        watermark=population.watermark,
    )


def still_lawful(
    connection: Connection, request: ExportRequest, people: Sequence[Person], powers: Powers, *, now: datetime
) -> bool:
    """The last word under the log's lock: everybody in the file may be in it at this instant."""
    details = {person.subject: person.details or {} for person in people}
    channel = request.channel

    def blocked(subjects: Sequence[int]) -> Sequence[bool]:
        if channel is None or request.mode is Mode.PSEUDONYMS:
            return [False] * len(subjects)
        return powers.blocked(connection, request.purpose, channel, [details[subject] for subject in subjects])

    subjects = np.array(sorted(details), dtype=np.int64)
    return bool(lawful(connection, subjects, request.purpose, now=now, channel=channel, blocked=blocked).all())


def earlier_outputs(
    connection: Connection, number: int, subjects: Ids, same_recipient: Callable[[Mapping[str, Any]], bool]
) -> list[EarlierOutput]:
    """Pseudonymous outputs that reached the same recipient, each compared with these people.

    Args:
        same_recipient: says whether a manifest is of a pseudonymous output to this recipient.
    """
    found = []
    for row in store_exports.released(connection, before=number):
        if row.manifest is None or not same_recipient(row.manifest):
            continue
        before = store_exports.ledger_subjects(connection, row.id)
        common = len(np.intersect1d(before, subjects, assume_unique=True))
        found.append(EarlierOutput(len(before) - common, len(subjects) - common, row.manifest["segments"]))
    return found


def _asked(
    connection: Connection, request: ExportRequest, chosen: Chosen, members: Members, now: datetime
) -> tuple[Unit, Members, Mapping[int, Reason]]:
    """The rows that are asked for: an account's contact points are those of its contacts, each asked for itself.

    With them the contacts who are closed by their account, and why: it may not be processed itself, such as a sole
    trader who objected, or it said no to the channel. A company's no counts though the contact said nothing (§ 7(1)
    sentence 2 UWG); its yes opens no contact's mailbox.
    """
    if chosen.unit is Unit.CONTACT or request.mode is Mode.PSEUDONYMS:
        return chosen.unit, members, {}
    contacts, accounts = store_exports.contacts_of(connection, members.subjects)
    places = np.searchsorted(members.subjects, accounts)
    open_ = lawful(connection, accounts, request.purpose, now=now)
    why = store_exports.reasons(connection, np.unique(accounts[~open_]), request.purpose, now=now, channel=None)
    if request.channel is not None:
        why = refused(connection, accounts, request.purpose, request.channel) | why
    closed = {c: why[a] for c, a in zip(contacts.tolist(), accounts.tolist(), strict=True) if a in why}
    return Unit.CONTACT, Members(contacts, members.segments[places]), closed


def _reasons(connection: Connection, request: ExportRequest, subjects: Ids, now: datetime) -> Counter[Reason]:
    if not len(subjects):
        return Counter()
    found = store_exports.reasons(connection, subjects, request.purpose, now=now, channel=request.channel)
    return Counter(found.values())


def _people(
    population: PermittedPopulation,
    names: Mapping[int, bytes],
    numbers: Mapping[int, int],
    chosen: Chosen,
) -> Iterator[Person]:
    for batch in population.batches():
        columns: list[Sequence[Any]] = [batch.cells[field.key].to_pylist() for field in population.request.fields]
        for row, subject in enumerate(batch.subjects.tolist()):
            cells = tuple(column[row] for column in columns)
            yield Person(subject, names[subject], chosen.segments[numbers[subject]], cells)


def _reached(
    connection: Connection, people: Sequence[Person], purpose: Purpose, channel: Channel, powers: Powers
) -> tuple[list[Person], Counter[Reason]]:
    """Those with an address on the channel that is not blocked; names are revealed batch by batch."""
    kept: list[Person] = []
    left: Counter[Reason] = Counter()
    for batch in in_batches(people, REVEAL_BATCH):
        found: list[tuple[Person, Details]] = []
        for person, details in zip(batch, powers.reveal([p.subject for p in batch]), strict=True):
            answer = reachable(channel, details)
            if isinstance(answer, Reason):
                left[answer] += 1
            else:
                found.append((person, answer))
        stopped = powers.blocked(connection, purpose, channel, [details for _, details in found])
        for (person, details), stop in zip(found, stopped, strict=True):
            if stop:
                left[Reason.ADDRESS_BLOCKED] += 1
            else:
                kept.append(replace(person, details=details))
    return kept, left
