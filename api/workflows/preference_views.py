"""What somebody sees of their own permissions: values with nothing computed; the same for portal and API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from consent.choices import Answer
from governance.vocabulary import REASON_TEXT, Channel, LegalBasis, Reason, Scope, Source, Text


@dataclass(frozen=True)
class Notice:
    """What the person was, or would be, told about a purpose."""

    version: str
    digest: dict[str, str]
    """Language → SHA-256 of the text, hexadecimal."""


@dataclass(frozen=True)
class State:
    """What holds now, and why; and what the person said themselves."""

    lawful: bool
    reason: Reason
    chosen: Answer | None
    """The person's own last word; None: they never decided, or it no longer counts."""
    since: datetime | None
    """When that word counts from, or else when what holds was declared."""
    source: Source | None
    """Who declared what holds; None: nobody, it follows from the law."""

    @property
    def text(self) -> Text:
        """The reason in plain words."""
        return REASON_TEXT[self.reason]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "lawful": self.lawful,
            "reason": self.reason.value,
            "text": {"de": self.text.de, "en": self.text.en},
            "chosen": None if self.chosen is None else self.chosen.value,
            "since": _iso(self.since),
            "source": None if self.source is None else self.source.value,
        }


@dataclass(frozen=True)
class ChannelView:
    """One way a message for a purpose may take."""

    channel: Channel
    state: State
    answers: frozenset[Answer]
    """What the person may answer now."""
    reachable: bool
    """Whether an address for it is held at all."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "channel": self.channel.value,
            **self.state.to_json(),
            "answers": sorted(self.answers),
            "reachable": self.reachable,
        }


@dataclass(frozen=True)
class FieldView:
    """A kind of detail that may be kept out."""

    key: str
    label: Text
    withheld: bool
    since: datetime | None

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "field": self.key,
            "label": {"de": self.label.de, "en": self.label.en},
            "withheld": self.withheld,
            "since": _iso(self.since),
        }


class HolderState(StrEnum):
    """Where a change has arrived."""

    HOLDS = "holds"
    """Has the data and may use them."""
    STILL_HOLDS = "still_holds"
    """Has the data although they may not be used any more."""
    PENDING = "pending"
    """Was told and has not confirmed yet."""
    ARRIVED = "arrived"
    """Was told and has confirmed."""
    FAILED = "failed"
    """Cannot be reached; a human looks after it."""


@dataclass(frozen=True)
class Holder:
    """Somebody outside this house who has the person's data, or is told of every change."""

    name: str
    state: HolderState
    system: bool
    """A system of the controller; False: a recipient of an export."""
    purpose: str | None
    channel: Channel | None
    since: datetime | None
    until: datetime | None
    """When a recipient has to stop using the file."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "name": self.name,
            "state": self.state.value,
            "system": self.system,
            "purpose": self.purpose,
            "channel": None if self.channel is None else self.channel.value,
            "since": _iso(self.since),
            "until": _iso(self.until),
        }


@dataclass(frozen=True)
class PurposeView:
    """One purpose: what it is, what holds, and what may be decided about it."""

    key: str
    label: Text
    basis: LegalBasis
    marketing: bool
    profiling: bool
    notice: Notice
    state: State
    answers: frozenset[Answer]
    """What may be answered about the whole of it."""
    asks_whole: bool
    """Whether it has something to decide besides its channels."""
    stopped_by: frozenset[Scope]
    """Wide objections that stop it; they are taken back as a whole."""
    asks_again: bool
    """The notice changed in substance: a new decision is asked for, once and without pressure."""
    channels: tuple[ChannelView, ...]
    fields: tuple[FieldView, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "purpose": self.key,
            "label": {"de": self.label.de, "en": self.label.en},
            "basis": self.basis.value,
            "marketing": self.marketing,
            "profiling": self.profiling,
            "notice": {"version": self.notice.version, "sha256": dict(self.notice.digest)},
            **self.state.to_json(),
            "answers": sorted(self.answers),
            "stopped_by": sorted(self.stopped_by),
            "asks_again": self.asks_again,
            "channels": [each.to_json() for each in self.channels],
            "fields": [each.to_json() for each in self.fields],
        }


@dataclass(frozen=True)
class ObjectionView:
    """A wide objection (Article 21 GDPR): in force since, and who raised it."""

    scope: Scope
    since: datetime | None
    source: Source | None
    recorded: bool
    """False: the browser's signal is honoured already and is written down at the next change."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "scope": self.scope.value,
            "since": _iso(self.since),
            "source": None if self.source is None else self.source.value,
            "recorded": self.recorded,
        }


@dataclass(frozen=True)
class Preferences:
    """Everything one person may know and decide about the use of their data."""

    version: int
    """Number of the newest declaration; 0: none. Whoever writes names it to notice a change in between."""
    restricted: bool
    minor: bool
    purposes: tuple[PurposeView, ...]
    fields: tuple[FieldView, ...]
    """Kept out of every purpose."""
    objections: tuple[ObjectionView, ...]
    holders: tuple[Holder, ...]

    def objection(self, scope: Scope) -> ObjectionView:
        """The wide objection of that scope, in force or not."""
        return next(each for each in self.objections if each.scope == scope)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "version": self.version,
            "restricted": self.restricted,
            "minor": self.minor,
            "purposes": [each.to_json() for each in self.purposes],
            "fields": [each.to_json() for each in self.fields],
            "objections": [each.to_json() for each in self.objections],
            "holders": [each.to_json() for each in self.holders],
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
