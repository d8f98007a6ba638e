"""Which fields a purpose may see, and why not the others, for whoever builds a scheme (Article 5(1)(b) GDPR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.fields import ACTIVITY_TYPES, Family, FieldType
from governance.vocabulary import LegalBasis, Text, Unit

if TYPE_CHECKING:
    from api.wiring import House
    from governance.catalogue import Catalogue
    from governance.fields import Field
    from governance.purposes import Purpose


NEEDS_CONSENT = Text(
    "Dafür braucht es eine ausdrückliche Einwilligung, und dieser Zweck stützt sich auf keine.",
    "This needs explicit consent, and the purpose rests on none.",
)


@dataclass(frozen=True)
class FieldChoice:
    """One field of the catalogue as somebody who builds a scheme sees it: usable, or refused and why."""

    key: str
    label: Text
    family: str | None
    permitted: bool
    why: Text | None
    type: str
    unit: str | None
    levels: tuple[str, ...]


def field_choices(house: House, purpose: str, unit: Unit) -> tuple[FieldChoice, ...]:
    """Every field of the catalogue for a purpose: the usable first, then the refused with why.

    Raises:
        UnknownPurpose: the catalogue declares no such purpose.
    """
    wanted = house.catalogue.purpose(purpose)
    found = [_choice(house.catalogue, wanted, field) for field in house.catalogue.fields.values() if _fits(field, unit)]
    return tuple(sorted(found, key=lambda choice: not choice.permitted))


def _fits(field: Field, _unit: Unit) -> bool:
    """The category of an order line is no input by itself; the catalogue does not tell units apart."""
    return field.type is not FieldType.ACTIVITY_CATEGORY


def _choice(catalogue: Catalogue, purpose: Purpose, field: Field) -> FieldChoice:
    permitted = purpose.key in field.purposes
    why = None if permitted else _why_not(catalogue, purpose, field)
    return FieldChoice(
        field.key,
        field.label,
        field.family.value if field.family else None,
        permitted,
        why,
        field.type.value,
        field.unit,
        field.levels,
    )


def _why_not(catalogue: Catalogue, purpose: Purpose, field: Field) -> Text:
    if purpose.basis is not LegalBasis.CONSENT and (field.special or field.family is Family.PSYCHOGRAPHIC):
        return NEEDS_CONSENT
    known = [catalogue.purposes[key].label for key in catalogue.purposes if key in field.purposes]
    if not known:
        return Text(
            "Der Feldkatalog gibt diese Angabe für keinen Zweck frei.", "The catalogue declares this for no purpose."
        )
    german, english = ", ".join(f"„{label.de}“" for label in known), ", ".join(f"“{label.en}”" for label in known)
    return Text(
        f"Der Feldkatalog gibt diese Angabe nur frei für: {german}.",
        f"The catalogue declares this only for: {english}.",
    )


def refused_fields(house: House, document: dict[str, Any], purpose: Purpose) -> list[FieldChoice]:
    """The fields a document names that its purpose may not see, each once; activities without a field count too."""
    features = [feature for feature in document.get("features", ()) if isinstance(feature, dict)]
    names = {str(feature["field"]) for feature in features if "field" in feature}
    kinds = {FieldType.ACTIVITIES} if any("activity" in each and "field" not in each for each in features) else set()
    kinds |= {FieldType.ACTIVITY_CATEGORY} if any("category" in each for each in features) else set()
    fields = house.catalogue.fields.values()
    meant = [field for field in fields if field.key in names or (field.type in kinds and field.type in ACTIVITY_TYPES)]
    return [_choice(house.catalogue, purpose, field) for field in meant if purpose.key not in field.purposes]
