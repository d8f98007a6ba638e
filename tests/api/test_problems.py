"""Every refusal has a face, and no face shows what was sent (RFC 9457, SEC-1)."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import audit.errors
from api.problems import FACES, detail_of, face_of, problem
from audit.errors import BadInput, LauterError, NotFound, Refused

PACKAGES = ("audit", "governance", "consent", "segmentation", "api")
WITHOUT_CLASS = {"unexpected", "invalid", "no-such-address", "method-not-allowed"}


def every_error() -> set[type[LauterError]]:
    """Every refusal of every package, imported so that it is known."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".migrations." not in module.name:
                importlib.import_module(module.name)
    found: set[type[LauterError]] = set()
    waiting: list[type[LauterError]] = [LauterError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += kind.__subclasses__()
    return {kind for kind in found if kind.__module__.partition(".")[0] in PACKAGES}


def name_of(kind: type[LauterError]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def test_every_refusal_has_a_line_in_the_table_and_every_line_a_refusal() -> None:
    """A new class without words fails here, not in front of somebody (style 5)."""
    names = {name_of(kind) for kind in every_error()}

    assert sorted(names - FACES.keys()) == []
    assert sorted(FACES.keys() - names - WITHOUT_CLASS) == []


@pytest.mark.parametrize("name", sorted(FACES))
def test_every_face_has_a_sentence_in_both_languages_and_a_status_for_errors(name: str) -> None:
    """Fixed text: a full sentence, nothing to fill in."""
    face = FACES[name]
    assert 400 <= face.status < 600
    for text in (face.title.de, face.title.en):
        assert text.endswith(".")
        assert "%" not in text
        assert "{" not in text


def test_not_found_is_404_and_says_nothing_of_what_was_asked() -> None:
    """The answer is the same whatever the name was."""
    for kind in every_error():
        if issubclass(kind, NotFound):
            assert FACES[name_of(kind)].status == 404, name_of(kind)
            assert not FACES[name_of(kind)].tells


def test_a_refusals_own_sentence_is_blotted_where_it_holds_more_than_a_key() -> None:
    """Addresses, numbers and quoted free text disappear; keys and paths stay."""
    told = detail_of(BadInput("segments[0].rule: 'orders_90d' is not 'Lena Muster', see lena@example.org, 030 1234567"))

    assert told == "segments[0].rule: 'orders_90d' is not …, see … …"


def test_an_unknown_refusal_takes_the_face_of_the_class_above() -> None:
    """Nothing falls through."""

    class Newer(Refused):
        """Only here."""

    assert face_of(Newer("x")) == FACES["audit.errors.Refused"]
    assert face_of(ValueError("x")).status == 500
    Newer.__module__ = "elsewhere"


def test_a_problem_document_has_the_members_of_the_standard() -> None:
    """type, title, status in the reader's language, status equal to the response's."""
    answer = problem(face_of(audit.errors.Unavailable("x")), "de", detail=None)

    assert answer.status_code == 503
    assert answer.media_type == "application/problem+json"
    assert answer.headers["content-language"] == "de"
    assert b'"status":503' in answer.body
