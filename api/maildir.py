"""The mail form of List-Unsubscribe (RFC 2369): what arrives at the unsubscribe address is honoured like a click.

A message acts when its subject or the part of its address after a plus sign is a token that was sealed here; who sent
it does not matter, the token is the proof. Each message acts once and then lies in the folder `.processed`, where it is
deleted after thirty days. Bounces and automatic replies act never. A message without a token was written by somebody,
perhaps to object in their own words, and goes to the folder `.by-hand`: a person must read it. Nothing of a message is
ever logged or copied into the house.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from pathlib import Path
from typing import TYPE_CHECKING

from api.workflows import unsubscribing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from api.wiring import House

PROCESSED, BY_HAND = ".processed", ".by-hand"
KEPT = timedelta(days=30)
MOST_AT_ONCE = 500
MOST_HEADER_BYTES = 65_536
SEEN = ":2,S"
_TOKEN = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{60,400}(?![\w-])")
_ADDRESSED = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_PARSER = BytesHeaderParser(policy=policy.default)


@dataclass(frozen=True)
class _Message:
    """What counts of a message; never who wrote it."""

    automatic: bool
    tokens: tuple[str, ...]


def read(house: House, *, now: datetime) -> int:
    """Honour what arrived; how many messages were put away. A mailbox that is not there yet holds none."""
    folder = house.settings.maildir
    if folder is None:
        return 0
    done = 0
    for path in _waiting(folder):
        message = _read(path)
        tokens = () if message.automatic else message.tokens
        honoured = [unsubscribing.unsubscribe(house, token, now=now).known for token in tokens]
        done += _put_away(folder, path, PROCESSED if message.automatic or any(honoured) else BY_HAND)
        if done >= MOST_AT_ONCE:
            break
    _forget(folder / PROCESSED, now)
    return done


def _waiting(folder: Path) -> Iterator[Path]:
    """Messages that were delivered whole, oldest name first; a maildir's `tmp` holds halves."""
    for part in ("new", "cur"):
        if (folder / part).is_dir():
            yield from sorted(path for path in (folder / part).iterdir() if path.is_file())


def _read(path: Path) -> _Message:
    """The header alone: a body is never looked at. One that cannot be read says nothing, and a person sees to it."""
    try:
        with path.open("rb") as stream:
            head = _PARSER.parsebytes(_header(stream.read(MOST_HEADER_BYTES)))
        return _Message(_is_automatic(head), _tokens(head))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, IndexError):
        return _Message(False, ())


def _header(data: bytes) -> bytes:
    return re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0] + b"\n\n"


def _is_automatic(head: EmailMessage) -> bool:
    """Whether a machine wrote it of its own accord (RFC 3834; a bounce has no return path, RFC 5321, section 4.5.5)."""
    automatic = str(head.get("auto-submitted", "no")).partition(";")[0].strip().lower() != "no"
    bounced = "return-path" in head and str(head["return-path"]).strip() in ("", "<>")
    return automatic or bounced or head.get_content_type() == "multipart/report"


def _tokens(head: EmailMessage) -> tuple[str, ...]:
    found = _TOKEN.findall(str(head.get("subject", "")))
    written = [str(value) for name in _ADDRESSED for value in head.get_all(name, [])]
    for _, address in getaddresses(written):
        found += _TOKEN.findall(address.rpartition("@")[0].partition("+")[2])
    return tuple(dict.fromkeys(found))


def _put_away(folder: Path, path: Path, where: str) -> bool:
    """Move it within the mailbox; False when another worker was faster."""
    for part in ("new", "cur", "tmp"):
        (folder / where / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    name = path.name.partition(":2,")[0]
    try:
        path.rename(folder / where / "cur" / f"{name}{SEEN}")
    except FileNotFoundError:
        return False
    return True


def _forget(folder: Path, now: datetime) -> None:
    """Delete what was honoured long ago: the declaration is the proof, not the letter (Article 5(1)(e) GDPR)."""
    for path in _waiting(folder):
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) <= now - KEPT:
                path.unlink()
        except FileNotFoundError:
            continue
