"""Field and rule templates as a house may use them: fit or not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.wiring import House
from audit.errors import NotFound
from governance.catalogue import Catalogue
from governance.criteria import Fitness, template_catalogue
from governance.vocabulary import Text
from segmentation.rule_templates import RuleTemplate, fill, rule_template, rule_templates


@dataclass(frozen=True)
class Templates:
    """Field templates and rule templates."""

    fields: tuple[Fitness, ...]
    rules: tuple[RuleTemplate, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything, with the TOML to paste."""
        return {"fields": [_field(one) for one in self.fields], "rules": [_rule(one) for one in self.rules]}


@dataclass(frozen=True)
class FilledScheme:
    """A definition made from a rule template."""

    document: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The definition itself, ready to be stored."""
        return dict(self.document)


def listed(catalogue: Catalogue) -> Templates:
    """Every template that ships, judged by this catalogue."""
    return Templates(template_catalogue(catalogue), rule_templates())


def shown(catalogue: Catalogue, key: str) -> Templates:
    """The templates of one key.

    Raises:
        NotFound: no field and no rule template has it.
    """
    every = listed(catalogue)
    found = Templates(
        tuple(one for one in every.fields if one.template.key == key),
        tuple(one for one in every.rules if one.key == key),
    )
    if not found.fields and not found.rules:
        raise NotFound(f"there is no template {key!r}; `lauter template list` names them")
    return found


def filled(house: House, key: str, purpose: str, values: Mapping[str, str]) -> FilledScheme:
    """A definition from a rule template; nothing is stored."""
    return FilledScheme(fill(rule_template(key), house.catalogue, purpose, values))


def _both(text: Text) -> dict[str, str]:
    return {"de": text.de, "en": text.en}


def _field(one: Fitness) -> dict[str, Any]:
    template = one.template
    return {
        "key": template.key,
        "family": template.family.value,
        "label": _both(template.label),
        "description": _both(template.description),
        "type": template.type.value,
        "category": template.category,
        "requires_consent": template.requires_consent,
        "fit_for": list(one.fit_for),
        "not_for": dict(one.not_for),
        "catalogue_entry": template.catalogue_entry(one.fit_for),
    }


def _rule(one: RuleTemplate) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": _both(one.label),
        "description": _both(one.description),
        "unit": one.unit.value,
        "features": [dict(need) for need in one.needs],
        "rule": dict(one.rule),
        "parameters": dict(one.parameters),
    }
