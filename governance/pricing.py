"""A price policy as data: which segment gets which discount, and what its check will be measured against; pure.

A policy has no conditions at all: only segments of one scheme, whose inputs the catalogue permits for its purpose. A
rule that uses a protected attribute directly cannot be written down (§§ 19, 20 AGG, FAIR-1). The limits of the check
stand in the policy and so in its digest: they are fixed before anybody knows the result (FAIR-6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from governance.disparity_report import Limits
from governance.policy_reader import Place, canonical_json, read_document

DOCUMENT = "price policy"
KEYS = ("policy", "scheme", "currency", "base", "discounts", "otherwise", "check", "justification", "fresh_days")
CHECK_KEYS = ("attributes", "limits")
LIMIT_KEYS = ("price_ratio", "price_difference", "discount_difference", "minimum_group")
WHOLE = 1_000
"""Discounts are per mille of the base price."""
FRESH_DAYS = 30
LARGEST_AMOUNT = 10**12


@dataclass(frozen=True)
class PricePolicy:
    """Prices by segment of one scheme.

    Amounts are minor units of the currency, discounts per mille. `document` is canonical JSON and `digest` its SHA-256.
    """

    name: str
    scheme: str
    currency: str
    base: int
    discounts: tuple[tuple[str, int], ...]
    """(segment key, discount per mille), in order of keys."""
    otherwise: int
    """Discount of everybody in no segment named here."""
    attributes: tuple[str, ...]
    """Protected attributes the check must assess."""
    limits: Limits
    fresh_days: int
    """Days after which a verdict no longer carries an activation."""
    justification: str | None
    document: str
    digest: bytes

    def discount(self, segment: str | None) -> int:
        """Discount of a segment in per mille."""
        return dict(self.discounts).get(segment or "", self.otherwise)

    def price(self, segment: str | None) -> int:
        """Price for a segment in minor units, rounded half up in whole numbers."""
        return (self.base * (WHOLE - self.discount(segment)) * 2 + WHOLE) // (2 * WHOLE)

    @property
    def levels(self) -> tuple[int, ...]:
        """Every price that can occur, from the highest down."""
        found = {self.price(key) for key, _ in self.discounts} | {self.price(None)}
        return tuple(sorted(found, reverse=True))


def parse_policy(text: str) -> PricePolicy:
    """Read a policy from JSON.

    Raises:
        DocumentInvalid: names the JSON path of the mistake.
    """
    root = read_document(DOCUMENT, text).only(KEYS)
    discounts = sorted((key, value.integer(0, WHOLE)) for key, value in root.at("discounts").members())
    if not discounts:
        raise root.at("discounts").fail("names no segment")
    document = canonical_json(root.value)
    return PricePolicy(
        name=root.at("policy").token(),
        scheme=root.at("scheme").token(),
        currency=_currency(root.at("currency")),
        base=root.at("base").integer(1, LARGEST_AMOUNT),
        discounts=tuple(discounts),
        otherwise=root.at("otherwise").integer(0, WHOLE) if root.has("otherwise") else 0,
        attributes=_attributes(root.at("check").only(CHECK_KEYS)),
        limits=_limits(root.at("check").at("limits").only(LIMIT_KEYS)),
        fresh_days=root.at("fresh_days").integer(1, 366) if root.has("fresh_days") else FRESH_DAYS,
        justification=root.at("justification").text() if root.has("justification") else None,
        document=document,
        digest=hashlib.sha256(document.encode()).digest(),
    )


def _currency(place: Place) -> str:
    code = place.text(3)
    if len(code) != 3 or not code.isascii() or not code.isalpha() or not code.isupper():
        raise place.fail("must be an ISO 4217 code such as EUR")
    return code


def _attributes(check: Place) -> tuple[str, ...]:
    names = [item.token() for item in check.at("attributes").items()]
    if len(set(names)) != len(names):
        raise check.at("attributes").fail("names an attribute twice")
    return tuple(sorted(names))


def _limits(limits: Place) -> Limits:
    difference = limits.at("price_difference").integer(0, LARGEST_AMOUNT) if limits.has("price_difference") else None
    share = limits.at("discount_difference").number(0, 1) if limits.has("discount_difference") else None
    group = limits.at("minimum_group").integer(1, 1_000_000) if limits.has("minimum_group") else 100
    return Limits(limits.at("price_ratio").number(1, 100), difference, share, group)
