"""What data is used for: a declared purpose with its basis, notice and limits; pure.

The catalogue of purposes is the controller's record of processing (Article 30 GDPR) as far as this service processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from governance.notice_items import Item
from governance.vocabulary import Channel, EffectClass, LegalBasis, Text


@dataclass(frozen=True)
class NoticeText:
    """What people are told (Articles 13 and 14 GDPR); another text is another version."""

    version: str
    text: Text
    """What is shown and hashed."""
    items: tuple[tuple[Item, Text], ...] = ()
    """Its items in their order; empty for a free text, which nothing vouches for."""
    material: bool = False
    """This version changed what people would want to know: who consented to an earlier one is asked again."""
    changed: Text | None = None
    """What changed, in a sentence."""

    def item(self, wanted: Item) -> Text | None:
        """One item by itself, such as the block on the right to object; None where it is not told."""
        return dict(self.items).get(wanted)


@dataclass(frozen=True)
class Assessment:
    """A balancing of interests or impact assessment, and its last day (Articles 6(1)(f) and 35 GDPR)."""

    reference: str
    """Where the document lies; the document itself is not kept here."""
    valid_until: date

    def holds_on(self, day: date) -> bool:
        """Whether it still counts on that day; the last day is included."""
        return day <= self.valid_until


@dataclass(frozen=True)
class Purpose:
    """One declared purpose; its basis is fixed here and bases never fall back on one another (PRI-9)."""

    key: str
    label: Text
    basis: LegalBasis
    notice: NoticeText
    assessment: Assessment | None
    """Always there for legitimate interests; may be there for the others."""
    channels: frozenset[Channel]
    """Ways a message for this purpose may take; each needs its own permission besides (§ 7 UWG)."""
    categories: frozenset[str]
    """Fideslang keys of the data it may use; a key includes everything below it."""
    marketing: bool
    """Direct marketing: an objection to marketing stops it (Article 21(2) and (3) GDPR)."""
    profiling: bool
    """Evaluates people (Article 4(4) GDPR): an objection to profiling stops it."""
    effect: EffectClass
    retention: str
    """How long results are kept, as an ISO 8601 duration."""
    consent_validity: str | None
    """How long a consent counts, as an ISO 8601 duration; None: until withdrawn."""
    dpv: str | None = None
    """The purpose of DPV 2.3 that it is told as in receipts, such as `dpv:DirectMarketing`; None: by its nature."""
    ask_again_after: str = "P6M"
    """Nobody who refused or withdrew is asked again before that (CON-14), as an ISO 8601 duration."""

    def needs_assessment(self, effect: EffectClass) -> bool:
        """Whether nothing with this effect may begin without one (Articles 6(1)(f) and 35(3)(a) GDPR; GOV-2)."""
        return self.basis is LegalBasis.LEGITIMATE_INTERESTS or effect in {EffectClass.PRICE, EffectClass.CONTRACT}

    def lacks_assessment(self, effect: EffectClass, day: date) -> bool:
        """Whether the one that is needed is missing or over on that day."""
        return self.needs_assessment(effect) and (self.assessment is None or not self.assessment.holds_on(day))

    def covers(self, category: str) -> bool:
        """Whether a Fideslang category is among those the purpose may use."""
        return any(category == own or category.startswith(f"{own}.") for own in self.categories)
