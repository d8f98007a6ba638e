"""What a segmentation project costs and brings, year by year: return, break-even, sensitivity; pure, in exact decimals.

Return on investment is (benefit − cost) ÷ cost of the same span, and is told as "12.1 : 1". Benefits stated as revenue
overstate: of revenue only the margin stays. The margin-based figure therefore stands beside the other one whenever a
margin is given, and each figure says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from segmentation.reading import Node, each, read_json

KEYS = ("currency", "revenue", "margin", "discount", "years")
MOST_YEARS = 30
BENEFIT_FACTORS = tuple(Decimal(text) for text in ("0.25", "0.5", "0.75", "1", "1.25"))
COST_FACTORS = tuple(Decimal(text) for text in ("0.8", "1", "1.2", "1.5", "2"))


class Basis(StrEnum):
    """What a benefit is counted as."""

    REVENUE = "revenue"
    """As stated: more revenue counts in full."""
    MARGIN = "margin"
    """Of more revenue only the contribution margin counts; saved costs count in full."""


@dataclass(frozen=True)
class Benefit:
    """An amount a year; `saving` is true for saved costs, which have no margin to take off."""

    amount: Decimal
    saving: bool


@dataclass(frozen=True)
class Year:
    """Costs and benefits of one year, by name."""

    costs: Mapping[str, Decimal]
    benefits: Mapping[str, Benefit]

    @property
    def cost(self) -> Decimal:
        """All costs."""
        return sum(self.costs.values(), Decimal(0))

    def benefit(self, rate: Decimal) -> Decimal:
        """All benefits, those from revenue times *rate*."""
        parts = (each.amount if each.saving else each.amount * rate for each in self.benefits.values())
        return sum(parts, Decimal(0))


@dataclass(frozen=True)
class BusinessCase:
    """The project as stated. `margin` is the contribution margin as a share of revenue; None: not stated."""

    currency: str
    years: tuple[Year, ...]
    revenue: Decimal | None = None
    margin: Decimal | None = None
    discount: Decimal = Decimal(0)
    """Yearly rate; the first year is not discounted."""


@dataclass(frozen=True)
class YearResult:
    """One year and everything up to its end; amounts are present values."""

    year: int
    cost: Decimal
    benefit: Decimal
    net: Decimal
    cumulated: Decimal
    ratio: Decimal | None
    """(benefit − cost) ÷ cost of this year; None without a cost."""


@dataclass(frozen=True)
class Result:
    """One reading of the case, by revenue or by margin."""

    basis: Basis
    years: tuple[YearResult, ...]
    cost: Decimal
    benefit: Decimal
    ratio: Decimal | None
    """Over all years."""
    break_even_month: int | None
    """Month from the start (1 is the first) in which all costs so far are earned, spread evenly within a year."""
    break_even_share: Decimal | None
    """Share of the stated benefits that just covers the costs."""
    sensitivity: tuple[tuple[Decimal | None, ...], ...]
    """Ratio over all years: a row per `COST_FACTORS`, a column per `BENEFIT_FACTORS`."""


@dataclass(frozen=True)
class Appraisal:
    """The case and its readings; the one by margin is missing where no margin was stated."""

    case: BusinessCase
    results: tuple[Result, ...]

    def to_json(self) -> dict[str, Any]:
        """Amounts and ratios as text, so that nothing is rounded on the way."""
        return {
            "currency": self.case.currency,
            "discount": str(self.case.discount),
            "margin": None if self.case.margin is None else str(self.case.margin),
            "share_of_revenue": _text(_share_of_revenue(self.case)),
            "results": [_result_json(result) for result in self.results],
        }


def parse_case(text: str) -> BusinessCase:
    """Read a case.

    Raises:
        DefinitionInvalid: lists the mistakes, each with its JSON path.
    """
    root = read_json(text).object(allowed=KEYS)
    years: list[Year] = []
    for node, (year, repeat) in zip(
        root.at("years").items(least=1, most=MOST_YEARS),
        each(root.at("years").items(least=1, most=MOST_YEARS), _year),
        strict=True,
    ):
        years += [year] * repeat
        if len(years) > MOST_YEARS:
            raise node.fail(f"makes more than {MOST_YEARS} years")
    return BusinessCase(
        currency=_currency(root.at("currency")) if root.has("currency") else "EUR",
        years=tuple(years),
        revenue=_amount(root.at("revenue")) if root.has("revenue") else None,
        margin=_rate(root.at("margin")) if root.has("margin") else None,
        discount=_rate(root.at("discount")) if root.has("discount") else Decimal(0),
    )


def appraise(case: BusinessCase) -> Appraisal:
    """Every figure of the case, by revenue and, where a margin is stated, by margin."""
    readings = [(Basis.REVENUE, Decimal(1))]
    if case.margin is not None:
        readings.append((Basis.MARGIN, case.margin))
    return Appraisal(case, tuple(_read(case, basis, rate) for basis, rate in readings))


def rounded_ratio(ratio: Decimal | None) -> str:
    """A ratio as it is told: "12.1 : 1"; a dash without a cost."""
    if ratio is None:
        return "–"
    return f"{ratio.quantize(Decimal('0.1'), ROUND_HALF_EVEN)} : 1"


def _read(case: BusinessCase, basis: Basis, rate: Decimal) -> Result:
    cumulated = Decimal(0)
    years: list[YearResult] = []
    for number, year in enumerate(case.years, start=1):
        factor = Decimal(1) / (1 + case.discount) ** (number - 1)
        cost, benefit = year.cost * factor, year.benefit(rate) * factor
        cumulated += benefit - cost
        years.append(YearResult(number, cost, benefit, benefit - cost, cumulated, _ratio(benefit, cost)))
    cost = sum((year.cost for year in years), Decimal(0))
    benefit = sum((year.benefit for year in years), Decimal(0))
    return Result(
        basis=basis,
        years=tuple(years),
        cost=cost,
        benefit=benefit,
        ratio=_ratio(benefit, cost),
        break_even_month=_break_even(years),
        break_even_share=cost / benefit if benefit > 0 else None,
        sensitivity=tuple(tuple(_ratio(benefit * b, cost * c) for b in BENEFIT_FACTORS) for c in COST_FACTORS),
    )


def _ratio(benefit: Decimal, cost: Decimal) -> Decimal | None:
    return (benefit - cost) / cost if cost > 0 else None


def _break_even(years: Sequence[YearResult]) -> int | None:
    """Costs are due at the start of their year, benefits come in evenly: the cautious reading."""
    before = Decimal(0)
    for year in years:
        for month in range(1, 13):
            if before - year.cost + year.benefit * month / 12 >= 0:
                return (year.year - 1) * 12 + month
        before = year.cumulated
    return None


def _share_of_revenue(case: BusinessCase) -> Decimal | None:
    """What the benefits of the best year are of the revenue: a check of whether they are plausible."""
    if not case.revenue:
        return None
    return max(year.benefit(Decimal(1)) for year in case.years) / case.revenue


def _year(node: Node) -> tuple[Year, int]:
    node.object(allowed=("costs", "benefits", "savings", "repeat"))
    costs = _amounts(node.at("costs")) if node.has("costs") else {}
    gains = _amounts(node.at("benefits")) if node.has("benefits") else {}
    savings = _amounts(node.at("savings")) if node.has("savings") else {}
    twice = sorted(set(gains) & set(savings))
    if twice:
        raise node.at("savings").fail(f"{twice[0]!r} stands among the benefits, too")
    benefits = {name: Benefit(amount, False) for name, amount in gains.items()}
    benefits |= {name: Benefit(amount, True) for name, amount in savings.items()}
    return Year(costs, benefits), node.at("repeat").integer(1, MOST_YEARS) if node.has("repeat") else 1


def _amounts(node: Node) -> dict[str, Decimal]:
    if not isinstance(node.value, dict):
        raise node.fail("must be an object of names and amounts")
    return {Node(name, node.path).text(): _amount(node.at(name)) for name in node.value}


def _amount(node: Node) -> Decimal:
    if node.number() < 0:
        raise node.fail("must not be negative; a cost is a cost, a benefit a benefit")
    return Decimal(str(node.value))


def _rate(node: Node) -> Decimal:
    if not 0 <= node.number() <= 1:
        raise node.fail("must lie between 0 and 1, such as 0.3 for 30 %")
    return Decimal(str(node.value))


def _currency(node: Node) -> str:
    text = node.text()
    if len(text) != 3 or not text.isascii() or not text.isupper():
        raise node.fail("must be an ISO 4217 code such as EUR")
    return text


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "basis": result.basis.value,
        "cost": str(result.cost),
        "benefit": str(result.benefit),
        "ratio": _text(result.ratio),
        "break_even_month": result.break_even_month,
        "break_even_share": _text(result.break_even_share),
        "years": [
            {
                "year": year.year,
                "cost": str(year.cost),
                "benefit": str(year.benefit),
                "net": str(year.net),
                "cumulated": str(year.cumulated),
                "ratio": _text(year.ratio),
            }
            for year in result.years
        ],
        "sensitivity": {
            "cost_factors": [str(factor) for factor in COST_FACTORS],
            "benefit_factors": [str(factor) for factor in BENEFIT_FACTORS],
            "ratios": [[_text(ratio) for ratio in row] for row in result.sensitivity],
        },
    }
