"""Numbers, amounts, shares and times as each language writes them; pure, and the same in pages and exports of pages.

German takes a narrow no-break space in 12 480, 5 % and 86,20 € and a real minus sign; English takes commas and the
symbol in front. A line never breaks inside a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from governance.vocabulary import Language

NARROW, WIDE, MINUS = "\u202f", "\u00a0", "\u2212"
SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
MONTHS: dict[Language, tuple[str, ...]] = {
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Formats:
    """How one language writes figures, in the controller's time zone."""

    language: Language
    zone: ZoneInfo

    def number(self, value: float, digits: int = 0) -> str:
        """12 480 or 12,480; 0,42 or 0.42."""
        text = f"{abs(value):,.{digits}f}"
        if self.language == "de":
            text = text.replace(",", NARROW).replace(".", ",")
        negative = value < 0 and any(digit in "123456789" for digit in text)
        return MINUS + text if negative else text

    def signed(self, value: float, digits: int = 0) -> str:
        """As `number`, with a plus sign before what is above zero."""
        text = self.number(value, digits)
        return f"+{text}" if value > 0 and any(digit in "123456789" for digit in text) else text

    def percent(self, share: float, digits: int = 1) -> str:
        """The share 0.139 as 13,9 % or 13.9%."""
        return self.number(share * 100, digits) + (f"{NARROW}%" if self.language == "de" else "%")

    def signed_percent(self, share: float, digits: int = 0) -> str:
        """A share with its sign: +48 % or −6 %."""
        text = self.percent(share, digits)
        return f"+{text}" if share > 0 and any(digit in "123456789" for digit in text) else text

    def money(self, minor: float, currency: str = "EUR") -> str:
        """An amount in minor units as 86,20 € or €86.20."""
        symbol = SYMBOLS.get(currency, currency)
        text = self.number(minor / 100, 2)
        if self.language == "de":
            return f"{text}{NARROW}{symbol}"
        glue = "" if currency in SYMBOLS else WIDE
        return f"{MINUS}{symbol}{glue}{text[1:]}" if text.startswith(MINUS) else f"{symbol}{glue}{text}"

    def long_day(self, value: date | datetime) -> str:
        """A full date for a sentence: 24. November 2026 or 24 November 2026."""
        day = self._local(value)
        dot = "." if self.language == "de" else ""
        return f"{day.day}{dot}{WIDE}{MONTHS[self.language][day.month - 1]}{WIDE}{day.year}"

    def day(self, value: date | datetime) -> str:
        """A date for a table: 24.11.2026 or 24 Nov 2026."""
        day = self._local(value)
        if self.language == "de":
            return f"{day:%d.%m.%Y}"
        return f"{day.day}{WIDE}{MONTHS['en'][day.month - 1][:3]}{WIDE}{day.year}"

    def moment(self, value: datetime, *, seconds: bool = False) -> str:
        """A date and time for a table or margin: 24.11.2026, 14:02 or 24 Nov 2026, 14:02."""
        local = value.astimezone(self.zone)
        return f"{self.day(local)}, {local:%H:%M:%S}" if seconds else f"{self.day(local)}, {local:%H:%M}"

    def clock(self, value: datetime) -> str:
        """A time for a sentence: 14:02 Uhr or 14:02."""
        local = value.astimezone(self.zone)
        return f"{local:%H:%M}{WIDE}Uhr" if self.language == "de" else f"{local:%H:%M}"

    def quote(self, text: str) -> str:
        """The text in the language's quotation marks."""
        return f"„{text}“" if self.language == "de" else f"“{text}”"

    def _local(self, value: date | datetime) -> date:
        return value.astimezone(self.zone).date() if isinstance(value, datetime) else value


def in_groups(hexadecimal: str, groups: int = 4, width: int = 8) -> str:
    """The start of a hash in groups of *width*, for the eye; the whole stands in the file."""
    shown = [hexadecimal[start : start + width] for start in range(0, min(len(hexadecimal), groups * width), width)]
    return " ".join(shown) + (" …" if len(hexadecimal) > groups * width else "")
