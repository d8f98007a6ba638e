"""German and English are equals, and nothing is said in one language only (UX-3, Article 12(1) GDPR)."""

from __future__ import annotations

import re

import pytest

from api.i18n import negotiate, tongues
from tests import messages


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_message_of_pages_and_code_is_in_the_catalogue(language: str) -> None:
    """No missing key, none left over; `python -m tests.messages` brings the files up to date."""
    known = {message.id for message in messages.catalogue(language) if message.id}

    assert messages.used() - known == set()
    assert known - messages.used() == set()


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_no_message_is_empty_and_none_loses_a_value(language: str) -> None:
    """A translation names the same values as the message."""
    for message in messages.catalogue(language):
        if not message.id:
            continue
        assert message.string, message.id
        assert set(re.findall(r"%\(\w+\)s", message.string)) == set(re.findall(r"%\(\w+\)s", str(message.id)))


def test_the_catalogues_are_compiled_in_memory() -> None:
    """No build step: the .po files are the source at run time."""
    spoken = tongues("Europe/Berlin")

    assert spoken["de"].say("Sign in") == "Anmelden"
    assert spoken["en"].say("Sign in") == "Sign in"
    assert spoken["de"].say("Entry %(n)s", n="48") == "Beleg 48"


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, None, "de"),
        (None, "fr-FR, es;q=0.9", "de"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "en;q=0.5, de-AT;q=0.8", "de"),
        (None, "en;q=x, de;q=0.1", "de"),
        ("en", "de", "en"),
        ("fr", "en", "en"),
        (None, "en;q=0", "de"),
    ],
)
def test_the_readers_choice_comes_first_then_the_browser_then_german(
    cookie: str | None, accept: str | None, language: str
) -> None:
    """An unknown cookie or header never breaks a page."""
    assert negotiate(cookie, accept) == language
