"""Compare the message catalogues with templates and code, and bring them up to date: `python -m tests.messages`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

API = Path(__file__).parent.parent / "api"
LANGUAGES = ("de", "en")
IN_CODE = {"N_": None, "say": None}
IN_PAGES = {"_": None, "gettext": None}
FIXED = datetime(2026, 11, 22, tzinfo=UTC)
"""No time of writing in the files: an update without changes leaves them as they are."""
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true"}


def po_file(language: str) -> Path:
    """Where the messages of a language lie."""
    return API / "locale" / language / "LC_MESSAGES" / "lauter.po"


def used() -> set[str]:
    """Every message that a page or the code says."""
    return set(_from_pages()) | set(_from_code())


def _from_pages() -> Iterator[str]:
    for path in sorted((API / "templates").rglob("*.html")):
        with path.open("rb") as stream:
            for _line, _function, message, _comments in babel_extract(stream, list(IN_PAGES), [], dict(OPTIONS)):
                yield message if isinstance(message, str) else message[0]


def _from_code() -> Iterator[str]:
    for path in sorted(API.rglob("*.py")):
        with path.open("rb") as stream:
            for _line, message, _comments, _context in extract("python", stream, keywords=IN_CODE):
                yield message if isinstance(message, str) else message[0]


def catalogue(language: str) -> Catalog:
    """The messages of a language as they lie on disk; empty when there is no file."""
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def update(language: str) -> list[str]:
    """Add new messages and drop unused ones; returns those that still want a translation."""
    old = catalogue(language)
    new = Catalog(
        locale=language,
        header_comment="# Messages of the console; the message itself is the English sentence.",
        project="lauter",
        version="1",
        msgid_bugs_address="hello@example.org",
        last_translator="Lauter maintainers",
        creation_date=FIXED,
        revision_date=FIXED,
        fuzzy=False,
    )
    for message in sorted(used()):
        known = old.get(message)
        said = known.string if known is not None else ""
        new.add(message, said or (message if language == "en" else ""))
    path = po_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_po(stream, new, width=120, omit_header=False)
    return [str(message.id) for message in new if message.id and not message.string]


if __name__ == "__main__":
    for name in LANGUAGES:
        for wanting in update(name):
            print(f"{name}: {wanting}")
