"""The document about the API names calls that exist, all of them, and the problems that it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.problems import FACES
from api.routes import preferences

DOCUMENT = (Path(__file__).parents[2] / "docs" / "portal-api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def calls() -> set[tuple[str, str]]:
    """Every call of the preferences API as its description tells it."""
    app = FastAPI()
    app.include_router(preferences.router, prefix="/api/v1")
    return {(verb.upper(), path) for path, verbs in app.openapi()["paths"].items() for verb in verbs}


def test_the_table_of_calls_is_complete(calls: set[tuple[str, str]]) -> None:
    """Neither a call that is gone nor one that nobody was told of."""
    told = set(re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/api/v1/[^`]*)`", DOCUMENT))

    assert told == calls


def test_the_problems_named_are_problems() -> None:
    """A client may rely on the slug."""
    slugs = {face.slug for face in FACES.values()}

    for slug in ("may-not-raise", "raise-not-allowed"):
        assert slug in DOCUMENT
        assert slug in slugs
