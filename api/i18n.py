"""German and English as equals: one catalogue file per language, read and compiled in memory at start.

The message in the code is the English sentence; both files hold every message, so that either wording can be changed
without touching code (Article 12(1) GDPR). A test compares the files with the templates and the code.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from api.formats import Formats
from governance.vocabulary import Language, Text

LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "de"
FOLDER = Path(__file__).parent / "locale"

Translate = Callable[..., str]


def N_(message: str) -> str:  # noqa: N802 - the name that extractors know
    """Mark a message that is translated later, where the language is known."""
    return message


@dataclass(frozen=True)
class Tongue:
    """One language, ready to speak: sentences and figures."""

    language: Language
    catalogue: gettext.NullTranslations
    formats: Formats

    def say(self, message: str, **values: object) -> str:
        """The sentence in this language, its %(name)s filled in."""
        translated = self.catalogue.gettext(message)
        return translated % values if values else translated

    def pick(self, text: Text) -> str:
        """A bilingual value in this language."""
        return text.in_language(self.language)


def read_catalogue(language: Language) -> gettext.GNUTranslations:
    """The messages of one language, compiled from its .po file in memory."""
    with (FOLDER / language / "LC_MESSAGES" / "lauter.po").open("rb") as stream:
        catalogue = read_po(stream, locale=language, domain="lauter")
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def tongues(time_zone: str) -> dict[Language, Tongue]:
    """Every language, its figures in the controller's time zone."""
    zone = ZoneInfo(time_zone)
    return {language: Tongue(language, read_catalogue(language), Formats(language, zone)) for language in LANGUAGES}


def negotiate(cookie: str | None, accept: str | None) -> Language:
    """The language of an answer: the reader's own choice, else the browser's wish, else German."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    best: tuple[float, Language] = (0.0, DEFAULT)
    for wish in (accept or "").split(",")[:20]:
        tag, _, weight = wish.partition(";")
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language and _weight(weight) > best[0]:
                best = (_weight(weight), language)
    return best[1]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
