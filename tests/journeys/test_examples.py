"""The examples of docs/examples on published files: every kind runs, its records replay, what is told flips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.settings import read_settings
from api.wiring import House, open_house
from api.workflows import imports, segment_checks, segments
from api.workflows.home import make_home
from governance.vocabulary import OPERATOR

ROOT = Path(__file__).parents[2]
EXAMPLES, CUSTOMERS = ROOT / "docs" / "examples", ROOT / "tests" / "data" / "customers"
FILES = {"wholesale": ("wholesale_customers.csv", 440), "resellers": ("b2b_resellers.csv", 701)}
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=FILES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """A home with the example's fields, and its file taken in."""
    name = str(request.param)
    settings = read_settings({}, tmp_path_factory.mktemp("examples") / name)
    make_home(settings, actor=OPERATOR, now=NOON)
    catalogue = settings.catalogue_path
    fields = (EXAMPLES / name / "fields.toml").read_text(encoding="utf-8")
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + "\n" + fields, encoding="utf-8")
    house = open_house(settings)
    mapping = (EXAMPLES / name / "contacts.toml").read_text(encoding="utf-8")
    report = imports.import_contacts(house, CUSTOMERS / FILES[name][0], mapping, actor=OPERATOR, now=NOON)
    assert report.to_json()["created"] == FILES[name][1]
    yield house, name
    house.close()


def test_every_kind_runs_on_published_files_and_holds_what_it_tells(shop: tuple[House, str]) -> None:
    """Each record replays, and each change that is told leads to another segment (EXP-1, EXP-2; invariant 8)."""
    house, name = shop
    documents = sorted((EXAMPLES / name).glob("*.json"))
    assert len(documents) >= 7
    for path in documents:
        scheme = json.loads(path.read_text(encoding="utf-8"))["scheme"]
        segments.define(house, path.read_text(encoding="utf-8"), actor=OPERATOR, now=NOON)
        report = segments.run(house, scheme, actor=OPERATOR, now=NOON)
        found = segment_checks.check(house, scheme, sample=200, actor=OPERATOR, now=NOON)
        assert report.permitted == FILES[name][1]
        assert found.sound, scheme
        assert found.replayed == found.sampled == 200
        assert scheme == "manual" or found.found > 0, scheme
