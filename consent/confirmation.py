"""Double opt-in: a request, a mail, an act; only the act counts (CON-8; BGH, I ZR 164/09).

A request alone permits nothing. It waits under the hash of a secret that only the mail holds, and vanishes with the
address when nobody confirms it in time. What is confirmed is the very text whose hash the request names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from governance.vocabulary import Channel, Language

LASTS = "P14D"
"""How long an unconfirmed request is kept (CON-8), as an ISO 8601 duration."""
METHOD = "double_opt_in"


@dataclass(frozen=True)
class Confirmation:
    """A request that waits for its act."""

    subject: int | None
    """Who asked; None: nobody we know yet."""
    address: bytes
    """Random number of the sealed address in the vault."""
    purpose: str
    channel: Channel
    language: Language
    notice: bytes
    """Hash of the notice that the request named."""
    requested_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Shown:
    """One language of the notice that a request is about."""

    notice: bytes
    text: str


def evidence_of(request: Confirmation, shown: bytes, language: Language, *, now: datetime) -> bytes:
    """What proves the consent later, as JSON: how, when asked and confirmed, to which text. No network address."""
    document = {
        "method": METHOD,
        "requested_at": _text(request.requested_at),
        "confirmed_at": _text(now),
        "notice": shown.hex(),
        "language": language,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
