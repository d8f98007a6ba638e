"""Who answers for the processing (Article 4(7) GDPR); pure."""

from __future__ import annotations

from dataclasses import dataclass

from governance.vocabulary import Text


@dataclass(frozen=True)
class Controller:
    """The company whose customers these are, and the bounds it set for the whole house."""

    name: str
    address: str
    """Postal address in one line."""
    email: str
    """Where people reach it about their data."""
    officer: str
    """How to reach the data protection officer."""
    authority: str
    """The supervisory authority that complaints go to."""
    country: str
    """ISO 3166-1 alpha-2; phone numbers without a country code are dialled there."""
    time_zone: str
    """IANA name; days begin and end there."""
    minimum_cell: int
    """Smallest number of people an aggregate may count, and smallest segment."""

    def named_in(self, de: str, en: str) -> Text:
        """A text with {controller}, {officer} and {authority} filled in."""
        return Text(self._fill(de), self._fill(en))

    def _fill(self, text: str) -> str:
        controller = f"{self.name}, {self.address}, {self.email}"
        filled = text.replace("{controller}", controller).replace("{officer}", self.officer)
        return filled.replace("{authority}", self.authority)
