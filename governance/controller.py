"""Who answers for the processing (Article 4(7) GDPR); pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Controller:
    """The company whose customers these are, and the bounds it set for the whole house."""

    name: str
    country: str
    """ISO 3166-1 alpha-2; phone numbers without a country code are dialled there."""
    time_zone: str
    """IANA name; days begin and end there."""
    minimum_cell: int = 10
    """Smallest number of people an aggregate may count, and smallest segment."""
    address: str = ""
    """Postal address in one line."""
    email: str = ""
    """Where people reach it about their data."""
    officer: str = ""
    """How to reach the data protection officer."""
    authority: str = ""
    """The supervisory authority that complaints go to."""
    fresh_for: str = "P30D"
    """How long a segmentation may be used after it was computed, at most; an ISO 8601 duration."""
    storage: str = ""
    """Where the data is stored, for receipts: a country (ISO 3166-1 alpha-2) or EEA; empty: `country`."""

    def missing_in(self, text: str) -> tuple[str, ...]:
        """What a text names by a placeholder but is not given here."""
        needed = {"controller": ("address", "email"), "officer": ("officer",), "authority": ("authority",)}
        named = (key for word, keys in needed.items() if f"{{{word}}}" in text for key in keys)
        return tuple(key for key in named if not getattr(self, key))

    def named_in(self, text: str) -> str:
        """The text with {controller}, {officer} and {authority} filled in."""
        controller = f"{self.name}, {self.address}, {self.email}"
        filled = text.replace("{controller}", controller).replace("{officer}", self.officer)
        return filled.replace("{authority}", self.authority)
