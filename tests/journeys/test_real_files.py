"""Published files by the command line: imported with a mapping, segmented with k-means, explained for one customer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journeys.test_main_job import lauter

CUSTOMERS = Path(__file__).parents[1] / "data" / "customers"
SPENDS = ("Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen")

MAPPING = """
kind = "contacts"
[columns]
reference = { row_number = true, prefix = "W" }
informed = { constant = 2026-01-15 }
counterparty = { constant = "business" }
[fields]
""" + "\n".join(f'spend_{name.lower()} = "{name}"' for name in SPENDS)


def field(name: str) -> str:
    """A catalogue entry as a controller would add it."""
    return f"""
[[field]]
key = "spend_{name.lower()}"
label = {{ de = "Ausgaben {name}", en = "Spending on {name}" }}
type = "money"
unit = "EUR"
category = "user.behavior.purchase_history"
mutable = true
suggestable = true
purposes = ["service_segmentation"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose catalogue knows the six spendings."""
    place = tmp_path / "home"
    assert lauter(place, "init")[0] == 0
    catalogue = place / "catalogue.toml"
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + "".join(map(field, SPENDS)), encoding="utf-8")
    return place


def test_wholesale_customers_are_imported_segmented_and_explained(home: Path, tmp_path: Path) -> None:
    """440 buyers without a reference column: the row number serves; everybody gets a reason (Article 15(1)(h) GDPR)."""
    mapping, scheme = tmp_path / "wholesale.toml", tmp_path / "scheme.json"
    mapping.write_text(MAPPING, encoding="utf-8")
    features = [{"key": name.lower(), "field": f"spend_{name.lower()}"} for name in SPENDS]
    definition = {
        "scheme": "grosshandel",
        "unit": "contact",
        "purpose": "service_segmentation",
        "kind": "kmeans",
        "effect_class": "none",
        "features": features,
        "kmeans": {"k": 3, "transform": "sqrt", "seed": 3},
    }
    scheme.write_text(json.dumps(definition), encoding="utf-8")

    imported = lauter(
        home, "import", "contacts", str(CUSTOMERS / "wholesale_customers.csv"), "--mapping", str(mapping)
    )[1]
    again = lauter(home, "import", "contacts", str(CUSTOMERS / "wholesale_customers.csv"), "--mapping", str(mapping))[1]
    lauter(home, "segment", "define", str(scheme))
    code, run = lauter(home, "segment", "run", "grosshandel")
    why = lauter(home, "segment", "explain", "grosshandel", "--reference", "W7", "--lang", "en")[1]

    assert (imported["created"], imported["failed"], again["unchanged"]) == (440, 0, 440)
    assert (code, run["total"], run["permitted"]) == (0, 440, 440)
    assert sum(part["effective"] for part in run["segments"]) == 440
    assert len(why["inputs"]) == 6
    assert why["weights"]
    assert why["what_would_change_it"]


def test_a_suggested_mapping_can_be_used_as_it_is(home: Path) -> None:
    """The proposal for a file with German headers parses and names no column twice."""
    code, suggestion = lauter(home, "import", "suggest", str(CUSTOMERS / "wholesale_customers.csv"))

    assert code == 0
    assert "kind = " in suggestion["mapping"]
