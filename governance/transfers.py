"""Whether a recipient's country is one that data may go to (Articles 44 to 49 GDPR, XPT-6); pure.

The list is dated data, not code. What is not listed, or has run out, needs safeguards that the request names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

SAFEGUARDS = frozenset({"standard_contractual_clauses", "binding_corporate_rules"})
"""Grounds of Article 46 that work for any country, each with a reference to the papers."""


@dataclass(frozen=True)
class Transfers:
    """The list as it was on its date."""

    as_of: date
    eea: frozenset[str]
    adequate: Mapping[str, date | None]
    """Country to the last day of the decision, None without an end."""
    adequate_with: Mapping[str, str]
    """Country to the ground that a single recipient must have."""

    def permits(self, country: str, ground: str | None, *, today: date) -> bool:
        """Whether data may go to a recipient in this country on this ground."""
        if country in self.eea or ground in SAFEGUARDS:
            return True
        if country in self.adequate:
            until = self.adequate[country]
            return until is None or today <= until
        return ground is not None and self.adequate_with.get(country) == ground

    @property
    def grounds(self) -> frozenset[str]:
        """Every ground a request may name."""
        return SAFEGUARDS | frozenset(self.adequate_with.values())


def parse_transfers(text: str) -> Transfers:
    """The list from its TOML."""
    document = tomllib.loads(text)
    return Transfers(
        as_of=document["as_of"],
        eea=frozenset(document["eea"]),
        adequate={country: entry.get("until") for country, entry in document["adequate"].items()},
        adequate_with={country: entry["ground"] for country, entry in document["adequate_with"].items()},
    )


@cache
def current_transfers() -> Transfers:
    """The list that comes with this version."""
    return parse_transfers(resources.files("governance").joinpath("data/transfers.toml").read_text(encoding="utf-8"))
