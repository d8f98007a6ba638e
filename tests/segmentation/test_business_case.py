"""The business case: published figures, the honest reading by margin, and what happens when things go worse."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.business_case import (
    BENEFIT_FACTORS,
    COST_FACTORS,
    Basis,
    BusinessCase,
    Year,
    appraise,
    parse_case,
    rounded_ratio,
)
from segmentation.errors import DefinitionInvalid

PUBLISHED: dict[str, Any] = {
    "revenue": 50_000_000,
    "years": [
        {
            "costs": {"project": 120_000, "training": 25_000},
            "benefits": {"cross-selling": 1_000_000, "retention": 750_000},
            "savings": {"marketing": 150_000},
        },
        {"costs": {"operation": 45_000}, "benefits": {"all": 2_200_000}, "repeat": 4},
    ],
}


def case(**changes: Any) -> BusinessCase:
    """The published case with changes."""
    return parse_case(json.dumps(PUBLISHED | changes))


def test_the_published_example_returns_twelve_to_one_in_its_first_year_and_thirty_two_over_five() -> None:
    """50 million revenue: 145,000 cost and 1.9 million benefit, then 45,000 and 2.2 million a year."""
    (result,) = appraise(case()).results

    assert rounded_ratio(result.years[0].ratio) == "12.1 : 1"
    assert rounded_ratio(result.ratio) == "31.9 : 1"
    assert (result.cost, result.benefit) == (325_000, 10_700_000)
    assert result.break_even_month == 1


def test_by_margin_only_what_stays_of_more_revenue_counts_and_savings_count_in_full() -> None:
    """Revenue is no profit: 30 % of 1.75 million and 150,000 saved."""
    by_revenue, by_margin = appraise(case(margin=0.3)).results

    assert (by_revenue.basis, by_margin.basis) == (Basis.REVENUE, Basis.MARGIN)
    assert by_margin.years[0].benefit == Decimal("675000.0")
    assert by_margin.ratio is not None
    assert by_revenue.ratio is not None
    assert by_margin.ratio < by_revenue.ratio


def test_break_even_is_the_first_month_in_which_all_costs_so_far_are_earned() -> None:
    """Costs at the start of the year, benefits evenly: 1,200 of cost and 100 a month are even after twelve months."""
    years = [{"costs": {"all": 1_200}, "benefits": {"all": 1_200}}, {"costs": {"all": 600}, "benefits": {"all": 100}}]

    assert appraise(case(years=years)).results[0].break_even_month == 12
    assert appraise(case(years=years[1:])).results[0].break_even_month is None


def test_discounting_makes_later_benefits_weigh_less() -> None:
    """Present values: the first year in full, the second by one yearly rate."""
    years = [{"costs": {"all": 100}}, {"benefits": {"all": 110}}]

    (result,) = appraise(case(years=years, discount=0.1)).results

    assert result.benefit == pytest.approx(Decimal(100))


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_less_benefit_or_more_cost_never_looks_better(cost: int, benefit: int) -> None:
    """The sensitivity table falls along each row and column."""
    stated = parse_case(json.dumps({"years": [{"costs": {"all": cost}, "benefits": {"all": benefit}}]}))

    table = appraise(stated).results[0].sensitivity

    assert [len(table), len(table[0])] == [len(COST_FACTORS), len(BENEFIT_FACTORS)]
    for row in table:
        assert list(row) == sorted(row)
    for column in zip(*table, strict=True):
        assert list(column) == sorted(column, reverse=True)


def test_a_year_without_cost_has_no_ratio() -> None:
    """Nothing is divided by nothing."""
    assert appraise(BusinessCase("EUR", (Year({}, {}),))).results[0].ratio is None
    assert rounded_ratio(None) == "–"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"years": []}, "$.years"),
        ({"years": [{"costs": {"all": -1}}]}, "$.years[0].costs.all"),
        ({"years": [{"benefits": {"a": 1}, "savings": {"a": 1}}]}, "$.years[0].savings"),
        ({"years": [{"costs": {"all": 1}, "repeat": 31}]}, "$.years[0].repeat"),
        ({"margin": 30}, "$.margin"),
        ({"currency": "euro"}, "$.currency"),
        ({"profit": 1}, "$"),
    ],
)
def test_a_case_that_makes_no_sense_names_its_path(changes: dict[str, Any], path: str) -> None:
    """Bad input gets a clear error."""
    with pytest.raises(DefinitionInvalid) as refusal:
        case(**changes)

    assert refusal.value.mistakes[0].path == path
