"""What marketing plans for a segment, and who looks after it; the newest note counts, older ones stay.

A note is about everybody in a segment, so it names nobody: what looks like an address or a phone number is refused
(Article 5(1)(c) GDPR). The log says that a note was written, never what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit import log
from audit.errors import BadInput
from audit.fact import Fact, FactValue
from segmentation import store_figures
from segmentation.errors import SegmentUnknown
from segmentation.membership import live

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.vocabulary import Actor

MOST_OWNER, MOST_STRATEGY = 100, 2_000
FEWEST_DIGITS = 7
"""Of a phone number."""

_ADDRESS = re.compile(r"\S@\S")
_DATE = re.compile(r"\b(?:\d{1,2}\.\s?\d{1,2}\.\s?(?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2})\b")
_PHONE = re.compile(r"(?<![\d.,])(?:\+|00?)[1-9][\d\s()/.\-–]{4,}\d")


class NoteNamesSomebody(BadInput):
    """A note holds what looks like an e-mail address or a phone number; it must be about everybody in the segment."""

    def __init__(self) -> None:
        super().__init__(
            "This looks like an e-mail address or a phone number. A note is about everybody in the segment: name a "
            "role or a team instead of a person."
        )


@dataclass(frozen=True)
class NoteWritten:
    """A note as it stands."""

    number: int
    scheme: str
    segment: str
    owner: str
    strategy: str
    written_at: str

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return dict(vars(self))


def names_somebody(text: str) -> bool:
    """Whether a text holds what looks like an e-mail address or a phone number; dates and amounts do not."""
    rest = _DATE.sub(" ", text)
    phones = (match[0] for match in _PHONE.finditer(rest))
    return bool(_ADDRESS.search(text)) or any(
        sum(letter.isdigit() for letter in phone) >= FEWEST_DIGITS for phone in phones
    )


def note(
    house: House, scheme: str, segment: str, *, owner: str, strategy: str, actor: Actor, now: datetime
) -> NoteWritten:
    """Write what is planned for a segment.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown: there is no such segment.
        BadInput: owner or strategy is missing or too long.
        NoteNamesSomebody: the text holds an address or a phone number.
    """
    owner, strategy = " ".join(owner.split()), strategy.strip()
    if not owner or len(owner) > MOST_OWNER or not strategy or len(strategy) > MOST_STRATEGY:
        raise BadInput(
            f"A note needs who looks after the segment (1 to {MOST_OWNER} characters) and what is planned for it "
            f"(1 to {MOST_STRATEGY})."
        )
    if names_somebody(owner) or names_somebody(strategy):
        raise NoteNamesSomebody
    with house.work.writing() as connection:
        log.lock(connection)  # two notes at once get numbers of their own
        if segment not in {each.key for each in live(connection, scheme).model.segments}:
            raise SegmentUnknown(scheme, segment)
        row = store_figures.add_note(
            connection, scheme, segment, owner=owner, strategy=strategy, actor=str(actor), now=now
        )
        body: dict[str, FactValue] = {"note": row.id, "scheme": scheme, "segment": segment}
        log.append(connection, [Fact("segment:noted", str(actor), now, body)])
    return NoteWritten(row.id, scheme, segment, owner, strategy, now.isoformat())
