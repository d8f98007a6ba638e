"""Notices as they were shown: which ones there are, and one of them byte for byte by its hash."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.errors import NotFound
from consent import notices
from consent.notices import Notice
from governance.notice_items import blocks_of

if TYPE_CHECKING:
    from api.wiring import House

LEAST_PREFIX = 8
"""Hexadecimal digits that name a notice, as long as no other begins with them."""


@dataclass(frozen=True)
class NoticeShown:
    """One notice and whether it is the one shown today."""

    notice: Notice
    present: bool

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Heading and body of each of its parts, for a page."""
        return blocks_of(self.notice.text)

    def to_json(self) -> dict[str, Any]:
        """All of it; `text` is exactly what the hash is over, in UTF-8."""
        return _about(self) | {"text": self.notice.text}


@dataclass(frozen=True)
class NoticeList:
    """Every notice that was ever in force, without the texts, and what today's lack."""

    notices: tuple[NoticeShown, ...]
    missing: dict[str, tuple[str, ...]]
    """Purpose to the items that its present notice does not tell."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "notices": [_about(each) for each in self.notices],
            "missing": {purpose: list(items) for purpose, items in self.missing.items()},
        }


def list_notices(house: House) -> NoticeList:
    """Every notice, by purpose and the newest first."""
    with house.work.reading() as connection:
        kept = notices.notices(connection)
    present = _present(house)
    lacking = {key: notices.missing_items(purpose) for key, purpose in house.catalogue.purposes.items()}
    missing = {key: tuple(item.value for item in items) for key, items in lacking.items() if items}
    return NoticeList(tuple(NoticeShown(each, each.digest in present) for each in kept), missing)


def notice_of(house: House, digest: bytes) -> NoticeShown:
    """The notice of that hash; its bytes are the ones that were hashed.

    Raises:
        NotFound: no notice of that hash was ever shown here.
    """
    with house.work.reading() as connection:
        found = notices.notice_of(connection, digest)
    if found is None:
        raise NotFound("no notice of that hash was ever shown here; `lauter notice list` names them")
    return NoticeShown(found, digest in _present(house))


def find_notice(house: House, prefix: str) -> NoticeShown:
    """The notice whose hash begins with these hexadecimal digits.

    Raises:
        NotFound: none does, or more than one.
    """
    wanted = prefix.strip().lower()
    if len(wanted) < LEAST_PREFIX or not set(wanted) <= set(string.hexdigits):
        raise NotFound(f"give at least {LEAST_PREFIX} hexadecimal digits of the hash; `lauter notice list` names them")
    with house.work.reading() as connection:
        fitting = [each for each in notices.notices(connection) if each.digest.hex().startswith(wanted)]
    if len(fitting) != 1:
        raise NotFound("no notice, or more than one, has a hash that begins like this; `lauter notice list` names them")
    return NoticeShown(fitting[0], fitting[0].digest in _present(house))


def _present(house: House) -> set[bytes]:
    return {digest for purpose in house.catalogue.purposes.values() for digest in notices.hashes_of(purpose)}


def _about(shown: NoticeShown) -> dict[str, Any]:
    notice = shown.notice
    return {
        "hash": notice.digest.hex(),
        "purpose": notice.purpose,
        "version": notice.version,
        "language": notice.language,
        "since": notice.since.isoformat(),
        "material": notice.material,
        "present": shown.present,
    }
