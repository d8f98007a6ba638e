"""Where data may go."""

from __future__ import annotations

from datetime import date

import pytest

from governance.transfers import current_transfers

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("country", "ground", "permitted"),
    [
        ("DE", None, True),
        ("NO", None, True),
        ("CH", None, True),
        ("US", None, False),
        ("US", "data_privacy_framework", True),
        ("US", "commercial_organisation", False),
        ("CA", "commercial_organisation", True),
        ("CN", None, False),
        ("CN", "data_privacy_framework", False),
        ("CN", "standard_contractual_clauses", True),
        ("IN", "binding_corporate_rules", True),
        ("XX", None, False),
    ],
)
def test_a_third_country_needs_a_decision_or_safeguards(country: str, ground: str | None, permitted: bool) -> None:
    """Articles 44 to 49 GDPR (XPT-6)."""
    assert current_transfers().permits(country, ground, today=TODAY) is permitted


def test_a_decision_ends_with_its_last_day() -> None:
    transfers = current_transfers()

    assert transfers.permits("GB", None, today=date(2031, 12, 27))
    assert not transfers.permits("GB", None, today=date(2031, 12, 28))


def test_the_list_is_dated_and_has_the_thirty_countries_of_the_area() -> None:
    transfers = current_transfers()

    assert transfers.as_of.year >= 2026
    assert len(transfers.eea) == 30
    assert not transfers.eea & transfers.adequate.keys()
