"""Rules to start from: what a sales team asks of its customer list, filled with numbers of its own; pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import BadInput, NotFound
from governance.catalogue import Catalogue
from governance.vocabulary import Text, Unit
from segmentation.definitions import parse_definition

Default = str | int | float


@dataclass(frozen=True)
class RuleTemplate:
    """One rule with names in both languages; `$name` stands for a parameter."""

    key: str
    label: Text
    description: Text
    unit: Unit
    needs: tuple[Mapping[str, Any], ...]
    """Features as a definition states them."""
    rule: Mapping[str, Any]
    parameters: Mapping[str, Default]


def rule_templates() -> tuple[RuleTemplate, ...]:
    """The templates that ship."""
    return _TEMPLATES


def rule_template(key: str) -> RuleTemplate:
    """The template of that key.

    Raises:
        NotFound: none has it.
    """
    for template in _TEMPLATES:
        if template.key == key:
            return template
    raise NotFound(f"there is no rule template {key!r}; there are {', '.join(one.key for one in _TEMPLATES)}")


def fill(
    template: RuleTemplate,
    catalogue: Catalogue,
    purpose: str,
    values: Mapping[str, str] | None = None,
    *,
    scheme: str | None = None,
    unit: Unit | None = None,
) -> dict[str, Any]:
    """A whole definition of one segment and the rest, checked against the catalogue.

    Raises:
        BadInput: a value for an unknown parameter, or a word where a number belongs.
        FieldRefused: the purpose may not see a field the rule needs.
        DefinitionInvalid: the purpose or a value does not fit.
    """
    document = filled(template, purpose, values, scheme=scheme, unit=unit)
    parse_definition(json.dumps(document), catalogue)
    return document


def filled(
    template: RuleTemplate,
    purpose: str,
    values: Mapping[str, str] | None = None,
    *,
    scheme: str | None = None,
    unit: Unit | None = None,
) -> dict[str, Any]:
    """The same, not checked yet: a form shows which field the purpose may not see, and why.

    Raises:
        BadInput: a value for an unknown parameter, or a word where a number belongs.
    """
    chosen = dict(template.parameters) | _read(template, values or {})
    names = {"de": template.label.de, "en": template.label.en}
    return {
        "scheme": scheme or template.key,
        "label": names,
        "unit": (unit or template.unit).value,
        "purpose": purpose,
        "kind": "rules",
        "features": _filled([copy.deepcopy(dict(need)) for need in template.needs], chosen),
        "segments": [{"key": template.key, "name": names, "rule": _filled(dict(template.rule), chosen)}],
        "otherwise": {"key": "others", "name": {"de": "Übrige", "en": "Others"}},
    }


def _read(template: RuleTemplate, values: Mapping[str, str]) -> dict[str, Default]:
    unknown = sorted(set(values) - set(template.parameters))
    if unknown:
        known = ", ".join(template.parameters) or "none"
        raise BadInput(f"{template.key} has no parameter {unknown[0]!r}; it has {known}")
    return {name: _typed(name, text, template.parameters[name]) for name, text in values.items()}


def _typed(name: str, text: str, default: Default) -> Default:
    if isinstance(default, str):
        return text
    try:
        return type(default)(text)
    except ValueError:
        raise BadInput(f"the parameter {name!r} must be a number such as {default}") from None


def _filled(part: Any, chosen: Mapping[str, Default]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, chosen) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_filled(value, chosen) for value in part]
    if isinstance(part, str) and part.startswith("$"):
        return chosen[part[1:]]
    return part


_LAST: dict[str, Any] = {"key": "last_order", "activity": "days_since_last"}
_SINCE: dict[str, Any] = {"key": "customer_since", "field": "customer_since"}
_ROLE: dict[str, Any] = {"key": "job_function", "field": "job_function"}
_QUIET: dict[str, Any] = {"any": [{"last_order_before": "$period"}, {"feature": "last_order", "missing": True}]}


def _template(
    key: str,
    label: tuple[str, str],
    description: tuple[str, str],
    needs: tuple[Mapping[str, Any], ...],
    rule: Mapping[str, Any],
    **parameters: Default,
) -> RuleTemplate:
    return RuleTemplate(key, Text(*label), Text(*description), Unit.CONTACT, needs, rule, parameters)


_TEMPLATES: tuple[RuleTemplate, ...] = (
    _template(
        "reactivate",
        ("Reaktivieren", "Reactivate"),
        ("Keine Bestellung seit der genannten Zeit.", "No order for the stated time."),
        (_LAST,),
        {"last_order_before": "$period"},
        period="P180D",
    ),
    _template(
        "service_due",
        ("Wartung fällig", "Service due"),
        ("Die letzte Wartung liegt mindestens so lange zurück.", "The last service lies at least that long back."),
        ({"key": "last_service", "field": "last_service"},),
        {"feature": "last_service", "before": "$period"},
        period="P12M",
    ),
    _template(
        "contract_ends",
        ("Vertrag endet bald", "Contract ends soon"),
        ("Der Vertrag endet von heute an in dieser Zeit.", "The contract ends within this time from today."),
        ({"key": "contract_end", "field": "contract_end"},),
        {"feature": "contract_end", "coming": "$period"},
        period="P60D",
    ),
    _template(
        "new_customer",
        ("Neukundschaft", "New customers"),
        ("Kunde erst seit kurzem.", "Customer only for a short time."),
        (_SINCE,),
        {"feature": "customer_since", "within": "$period"},
        period="P6M",
    ),
    _template(
        "cross_sell",
        ("Zusatzverkauf", "Cross-selling"),
        ("Hat A gekauft, nie B (im Zeitraum).", "Bought A, never B (in the period)."),
        (
            {"key": "bought", "activity": "category_count", "category": "$bought", "window": "$window"},
            {"key": "never", "activity": "category_count", "category": "$never", "window": "$window"},
        ),
        {"all": [{"feature": "bought", "at_least": 1}, {"feature": "never", "equals": 0}]},
        bought="A",
        never="B",
        window="P24M",
    ),
    _template(
        "returns_often",
        ("Schickt oft zurück", "Returns often"),
        ("Anteil der Rücksendungen am Umsatz ab dieser Höhe.", "Returns as a share of revenue from this height."),
        ({"key": "returns", "activity": "return_rate", "window": "P12M"},),
        {"feature": "returns", "at_least": "$share"},
        share=0.2,
    ),
    _template(
        "top_revenue",
        ("Umsatzstark", "High revenue"),
        ("Umsatz der letzten zwölf Monate ab diesem Betrag in Cent.", "Revenue of twelve months from this, in cents."),
        ({"key": "revenue", "activity": "sum", "window": "P12M", "kinds": ["order", "return"]},),
        {"feature": "revenue", "at_least": "$amount"},
        amount=500_000,
    ),
    _template(
        "quiet_decider",
        ("Entscheider ohne Bestellung", "Deciders without an order"),
        ("Entscheidet und hat so lange nichts bestellt.", "Decides, and has ordered nothing for that long."),
        (_LAST, _ROLE),
        {"all": [{"feature": "job_function", "equals": "$role"}, _QUIET]},
        role="decider",
        period="P90D",
    ),
)
