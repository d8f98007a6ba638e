"""Field templates by family of criteria: what a catalogue may start from, and the purposes it is fit for; pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from governance.catalogue import Catalogue
from governance.catalogue_reader import why_not
from governance.fields import Family, Field, FieldType
from governance.vocabulary import Text

__all__ = ["Family", "FieldTemplate", "Fitness", "template_catalogue", "templates"]


@dataclass(frozen=True)
class FieldTemplate:
    """One field to start from; it belongs to no purpose until a catalogue says so."""

    field: Field
    family: Family
    description: Text

    @property
    def key(self) -> str:
        """The field's key."""
        return self.field.key

    @property
    def label(self) -> Text:
        """What people read."""
        return self.field.label

    @property
    def type(self) -> FieldType:
        """How its values look."""
        return self.field.type

    @property
    def unit(self) -> str | None:
        """Currency or word."""
        return self.field.unit

    @property
    def category(self) -> str:
        """Fideslang key."""
        return self.field.category

    @property
    def levels(self) -> tuple[str, ...]:
        """Allowed values; empty: any."""
        return self.field.levels

    @property
    def special(self) -> bool:
        """Article 9(1) GDPR."""
        return self.field.special

    @property
    def requires_consent(self) -> bool:
        """Whether only purposes based on consent may see it."""
        return self.special or self.family is Family.PSYCHOGRAPHIC

    def why_not(self, catalogue: Catalogue, purpose: str) -> str | None:
        """Why the purpose may not see such a field, or None."""
        return why_not(self.field, catalogue.purposes.get(purpose))

    def fit_for(self, catalogue: Catalogue) -> tuple[str, ...]:
        """The purposes of a catalogue that could use it."""
        return tuple(key for key in catalogue.purposes if self.why_not(catalogue, key) is None)

    def catalogue_entry(self, purposes: tuple[str, ...] = ()) -> str:
        """The `[[field]]` to paste, for these purposes."""
        lines = ["[[field]]", *(f"{key} = {_toml(value)}" for key, value in self._entries().items())]
        return "\n".join([*lines, f"purposes = {_toml(list(purposes))}"]) + "\n"

    def _entries(self) -> dict[str, Any]:
        field = self.field
        entries: dict[str, Any] = {"key": field.key, "family": self.family.value, "label": field.label}
        entries |= {"type": field.type.value, "unit": field.unit, "category": field.category}
        entries |= {key: True for key in ("special", "quasi_identifier", "mutable") if getattr(field, key)}
        if field.suggestable is not field.mutable:
            entries["suggestable"] = field.suggestable
        entries |= {"staleness": field.staleness, "window": field.window, "levels": list(field.levels) or None}
        return {key: value for key, value in entries.items() if value is not None}


@dataclass(frozen=True)
class Fitness:
    """One template under the purposes of a house."""

    template: FieldTemplate
    fit_for: tuple[str, ...]
    not_for: Mapping[str, str]
    """Purpose and why not."""


def template_catalogue(catalogue: Catalogue) -> tuple[Fitness, ...]:
    """Every template with the purposes it is fit for, and why not for the others."""
    return tuple(_fitness(template, catalogue) for template in templates())


def _fitness(template: FieldTemplate, catalogue: Catalogue) -> Fitness:
    reasons = {key: template.why_not(catalogue, key) for key in catalogue.purposes}
    return Fitness(template, template.fit_for(catalogue), {key: why for key, why in reasons.items() if why is not None})


@cache
def templates() -> tuple[FieldTemplate, ...]:
    """The field templates that ship, by family."""
    text = resources.files("governance").joinpath("criteria.toml").read_text(encoding="utf-8")
    return tuple(_template(row) for row in tomllib.loads(text)["template"])


def _template(row: Mapping[str, Any]) -> FieldTemplate:
    mutable = row.get("mutable", False)
    family = Family(row["family"])
    field = Field(
        key=row["key"],
        label=Text(**row["label"]),
        type=FieldType(row["type"]),
        unit=row.get("unit"),
        category=row["category"],
        special=row.get("special", False),
        quasi_identifier=row.get("quasi_identifier", False),
        mutable=mutable,
        suggestable=row.get("suggestable", mutable),
        staleness=row.get("staleness"),
        window=row.get("window"),
        purposes=frozenset(),
        levels=tuple(row.get("levels", ())),
        family=family,
    )
    return FieldTemplate(field, family, Text(**row["description"]))


def _toml(value: Any) -> str:
    if isinstance(value, Text):
        return f"{{ de = {_toml(value.de)}, en = {_toml(value.en)} }}"
    return json.dumps(value, ensure_ascii=False)
