"""The replay of `consent.replay` for many histories at once, on whole columns; pure, and equal to it by a test.

Declarations about purposes are taken in round by round: the first of every history, then the second of those that have
one, each round as a few operations on arrays. What reaches beyond one purpose, and fields, are rare and stay with the
replay of one history. Times are microseconds; a time that is not there is `NEVER`, a consent without end
ends `AT_LAST`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from consent.replay import DENIALS
from governance.vocabulary import CHANNEL_BITS, Act, Channel, ConsentState, Source

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

NEVER, AT_LAST = -(2**63), 2**63 - 1
ACTS: tuple[Act, ...] = tuple(sorted(Act))
SOURCES: tuple[Source, ...] = tuple(sorted(Source))
CHANNELS: tuple[Channel | None, ...] = (None, *sorted(Channel))
STATES: tuple[ConsentState | None, ...] = (None, *ConsentState)
"""Codes count in these, so that they sort as the words do."""

_ACT = {act: np.int8(code) for code, act in enumerate(ACTS)}
_SOURCE = {source: np.int8(code) for code, source in enumerate(SOURCES)}
_STATE = {state: np.int8(code) for code, state in enumerate(STATES)}
_BITS = np.array([0 if channel is None else CHANNEL_BITS[channel] for channel in CHANNELS], np.int8)
_IS_DENIAL = np.array([act in DENIALS for act in ACTS])
_IS_GRANT = np.array([act in (Act.GIVEN, Act.RENEWED) for act in ACTS])
_WORDS = {state.value: code for state, code in _STATE.items() if state is not None}
_STATE_OF_ACT = np.array([_WORDS.get(act.value, 0) for act in ACTS], np.int8)
_PERMITS = np.array([state in (ConsentState.GIVEN, ConsentState.RENEWED) for state in STATES])
_IS_OPEN = np.array([state in (None, ConsentState.UNKNOWN, ConsentState.REQUESTED) for state in STATES])


@dataclass(frozen=True)
class Acts:
    """Declarations about purposes as columns, in any order."""

    subject: Numbers
    purpose: Numbers
    """Any code of the caller's."""
    seq: Numbers
    act: Codes
    channel: Codes
    source: Codes
    evidence: Flags
    said_at: Numbers
    received_at: Numbers
    valid_until: Numbers
    evidence_said_at: Numbers


class Standings(NamedTuple):
    """Where each subject stands for each purpose it declared anything about, by purpose and subject."""

    purpose: Numbers
    subject: Numbers
    state: Codes
    valid_until: Numbers
    granted_at: Numbers
    objected: Flags
    channels: Codes
    channels_denied: Codes
    seq: Numbers


@dataclass(frozen=True)
class _Round:
    """One declaration of each history that has so many."""

    act: Codes
    channel: Codes
    source: Codes
    evidence: Flags
    effective: Numbers
    own: Numbers
    until: Numbers

    def at(self, rows: Numbers) -> _Round:
        return _Round(*(getattr(self, each.name)[rows] for each in fields(self)))


def standings_of(acts: Acts) -> Standings:
    """Replay every history."""
    columns = _columns(acts)
    order, starts, sizes = _histories(acts, columns)
    newest = np.maximum.reduceat(acts.seq[order], starts) if len(starts) else starts
    longest_first = np.argsort(-sizes, kind="stable")
    starts, sizes, newest = starts[longest_first], sizes[longest_first], newest[longest_first]
    folds = _Folds(len(starts))
    for turn in range(int(sizes[0]) if len(sizes) else 0):
        active = int(np.searchsorted(-sizes, -turn, side="left"))
        folds.take(columns.at(order[starts[:active] + turn]))
    first = order[starts]
    return folds.outcome(acts.purpose[first], acts.subject[first], newest)


def _columns(acts: Acts) -> _Round:
    denial = _IS_DENIAL[acts.act]
    earlier, later = np.minimum(acts.said_at, acts.received_at), np.maximum(acts.said_at, acts.received_at)
    effective = np.where(denial, earlier, later)
    shown = np.isin(acts.source, (_SOURCE[Source.DESK_FOR_SUBJECT], _SOURCE[Source.CONTROLLER_API])) & acts.evidence
    shown &= acts.evidence_said_at != NEVER
    own = np.where(shown, np.minimum(acts.evidence_said_at, effective), NEVER)
    own = np.where(acts.source == _SOURCE[Source.SUBJECT], effective, own)
    return _Round(acts.act, acts.channel, acts.source, acts.evidence, effective, own, acts.valid_until)


def _histories(acts: Acts, columns: _Round) -> tuple[Numbers, Numbers, Numbers]:
    """The order in which declarations count, and where each history begins in it and how long it is."""
    words = _IS_DENIAL[acts.act].astype(np.int64)
    for codes, width in ((acts.act, 5), (acts.channel, 3), (acts.source, 3), (acts.evidence, 1)):
        words = words << width | codes.astype(np.int64)
    until = np.where(acts.valid_until == AT_LAST, NEVER, acts.valid_until)
    keys = (until, acts.evidence_said_at, words, columns.effective, acts.subject, acts.purpose)
    order = np.lexsort(keys)
    subject, purpose = acts.subject[order], acts.purpose[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (subject[1:] != subject[:-1]) | (purpose[1:] != purpose[:-1])
    starts = np.flatnonzero(begins)
    return order, starts, np.diff(starts, append=len(order))


class _Folds:
    """As `replay._Fold`, one position per history; the first ones are the longest histories."""

    def __init__(self, count: int) -> None:
        self.state = np.zeros(count, np.int8)
        self.granted_at = np.full(count, NEVER)
        self.objected = np.zeros(count, np.bool_)
        self.denied_at = np.full(count, NEVER)
        self.until = np.full((count, len(CHANNELS)), NEVER)
        self.closed = np.zeros(count, np.int8)
        self.channel_denied_at = np.full((count, len(CHANNELS)), NEVER)

    def take(self, turn: _Round) -> None:
        """Take in one more of each of the first histories."""
        every = np.arange(len(turn.act))
        last = np.maximum(self.denied_at[every], self.channel_denied_at[every, turn.channel])
        may = (turn.source != _SOURCE[Source.SIGNAL]) & ((last == NEVER) | (turn.own > last))
        granting, denying = _IS_GRANT[turn.act] & may, _IS_DENIAL[turn.act]
        unproven = granting & (turn.source == _SOURCE[Source.IMPORT]) & ~turn.evidence
        whole = turn.channel == 0
        asking = np.isin(turn.act, (_ACT[Act.REQUESTED], _ACT[Act.UNKNOWN]))
        self._grant(np.flatnonzero(granting & ~unproven), turn)
        self._deny_all(np.flatnonzero(denying & whole), turn)
        self._deny_channel(np.flatnonzero(denying & ~whole), turn)
        self._lift(np.flatnonzero((turn.act == _ACT[Act.OBJECTION_LIFTED]) & may), turn)
        self._without_consent(np.flatnonzero(unproven), _STATE[ConsentState.UNKNOWN])
        rows = np.flatnonzero(asking)
        self._without_consent(rows, _STATE_OF_ACT[turn.act[rows]])

    def _without_consent(self, rows: Numbers, state: Codes | np.int8) -> None:
        self.state[rows] = np.where(_IS_OPEN[self.state[rows]], state, self.state[rows])

    def _grant(self, rows: Numbers, turn: _Round) -> None:
        d = turn.at(rows)
        until = self.until[rows]
        until[until <= d.effective[:, None]] = NEVER
        until[np.arange(len(rows)), d.channel] = d.until
        self.until[rows] = until
        self.closed[rows] &= ~_BITS[d.channel]
        self.state[rows] = _STATE_OF_ACT[d.act]
        self.granted_at[rows] = np.where(d.own == NEVER, self.granted_at[rows], d.own)
        self.objected[rows] = False

    def _deny_all(self, rows: Numbers, turn: _Round) -> None:
        d, state = turn.at(rows), self.state[rows]
        withdrawn = np.where(_PERMITS[state], _STATE[ConsentState.WITHDRAWN], state)
        self.state[rows] = np.where(d.act == _ACT[Act.OBJECTED], withdrawn, _STATE_OF_ACT[d.act])
        self.objected[rows], self.denied_at[rows], self.granted_at[rows] = True, d.effective, NEVER
        self.until[rows] = NEVER

    def _deny_channel(self, rows: Numbers, turn: _Round) -> None:
        d = turn.at(rows)
        self.until[rows, d.channel] = NEVER
        self.closed[rows] |= _BITS[d.channel]
        self.channel_denied_at[rows, d.channel] = d.effective
        ended = _PERMITS[self.state[rows]] & (self.until[rows] == NEVER).all(axis=1)
        rows, d = rows[ended], d.at(np.flatnonzero(ended))
        refused, withdrawn = _STATE[ConsentState.REFUSED], _STATE[ConsentState.WITHDRAWN]
        self.state[rows] = np.where(d.act == _ACT[Act.REFUSED], refused, withdrawn)
        self.denied_at[rows], self.granted_at[rows] = d.effective, NEVER

    def _lift(self, rows: Numbers, turn: _Round) -> None:
        channel = turn.channel[rows]
        self.closed[rows] &= ~_BITS[channel]
        self.objected[rows[channel == 0]] = False

    def outcome(self, purpose: Numbers, subject: Numbers, seq: Numbers) -> Standings:
        """Where everybody stands; a consent ends when the first of its parts does."""
        held = self.until != NEVER
        ends = np.where(held & (self.until != AT_LAST), self.until, AT_LAST).min(axis=1)
        until = np.where(_PERMITS[self.state] & (ends != AT_LAST), ends, NEVER)
        channels = (held * _BITS).sum(axis=1, dtype=np.int8)
        at = np.lexsort((subject, purpose))
        return Standings(
            purpose[at],
            subject[at],
            self.state[at],
            until[at],
            self.granted_at[at],
            self.objected[at],
            channels[at],
            self.closed[at],
            seq[at],
        )
