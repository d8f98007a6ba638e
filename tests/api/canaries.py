"""Nobody of the small world stands where nobody may: looked for in every form that a value easily takes (LOG-6)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

from audit import log, store
from tests.api.trace import Story
from tests.small_world import identity_of

WORDS = (b"Told us so", b"Asked for it", b"testclient", b"127.0.0.1")
"""Free text of the acts, and what requests carry of whoever makes them."""


@cache
def forms(people: int) -> dict[bytes, str]:
    """Each personal value as it is, in other letters, encoded and hashed, with a word that names no value."""
    found: dict[bytes, str] = {}
    for number in range(1, people + 1):
        identity = identity_of(number)
        for what in ("family_name", "email", "phone", "reference"):
            value = identity.reference if what == "reference" else identity.details[what]
            for how, form in _forms(value):
                found[form] = f"{what} of {number}, {how}"
    return found


def _forms(value: str) -> Iterator[tuple[str, bytes]]:
    data = value.encode()
    yield "plain", data
    yield "small", value.lower().encode()
    yield "capital", value.upper().encode()
    yield "escaped", quote(value, safe="").encode()
    yield "hexadecimal", data.hex().encode()
    yield "base64", base64.b64encode(data).rstrip(b"=")
    yield "base64url", base64.urlsafe_b64encode(data).rstrip(b"=")
    yield "hashed", hashlib.sha256(data).digest()
    yield "hashed, hexadecimal", hashlib.sha256(data).hexdigest().encode()


def people_in(data: bytes, people: int) -> list[str]:
    """Which personal values stand in the bytes."""
    return sorted(name for form, name in forms(people).items() if len(form) > 4 and form in data)


def leaks(story: Story, people: int = 60) -> list[str]:
    """Where somebody stands and must not: entries, tiles, checkpoints, the work database, log lines, addresses."""
    return [
        f"{place}: {name}"
        for place, data in _places(story)
        for name in (*people_in(data, people), *(word.decode() for word in WORDS if word in data and place != "work"))
    ]


def _places(story: Story) -> Iterator[tuple[str, bytes]]:
    house = story.house
    with house.work.reading() as connection:
        size = log.size(connection)
        leaves = store.leaves_between(connection, 0, size)
        notes = "".join(note for _, note in store.checkpoints(connection)).encode()
    yield "entries", b"\n".join(leaf.body for leaf in leaves)
    yield "checkpoints", notes
    yield "work", b"".join(file.read_bytes() for file in sorted(house.settings.home.glob("work.db*")))
    yield "operational log", story.served.lines.getvalue().encode()
    yield "addresses", "\n".join(story.kept.get("places", ())).encode()
