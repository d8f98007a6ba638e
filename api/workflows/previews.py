"""What a definition would give before anything depends on it (Articles 24, 25 and 35 GDPR; GOV-2).

Nothing is stored, no run is made and no fact is written. Counts are exact here; faces for marketing show `rounded`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.activations import active_definition, needs_officer, version_row
from api.workflows.field_choices import FieldChoice, field_choices, refused_fields
from api.workflows.segment_warnings import FEW_SEGMENTS, MANY_SEGMENTS, WARNINGS, Warned, about_size
from governance.errors import FieldNotPermitted
from governance.version import VERSION
from governance.vocabulary import Actor, EffectClass
from segmentation.definitions import Definition, parse_definition
from segmentation.report import rounded_count, rounded_reasons
from segmentation.settings.kinds import Kind

if TYPE_CHECKING:
    from api.wiring import House
    from segmentation.preview import Moves, Outlook, RuleCounts
    from segmentation.run_task import Task

__all__ = [
    "FEW_SEGMENTS",
    "MANY_SEGMENTS",
    "WARNINGS",
    "FieldChoice",
    "Preview",
    "Warned",
    "count_while_writing",
    "field_choices",
    "preview",
    "preview_version",
    "refused_fields",
]


@dataclass(frozen=True)
class Preview:
    """What a definition would give. Without an outlook it names fields that its purpose may not see."""

    scheme: str
    kind: str | None
    unit: str | None
    purpose: str
    effect_class: str
    needs_officer: bool
    minimum_size: int
    active: int | None
    """The version that runs today."""
    refused: tuple[FieldChoice, ...]
    outlook: Outlook | None
    warnings: tuple[Warned, ...]

    def to_json(self) -> dict[str, Any]:
        """Exact, as the command line prints it."""
        return self._told(lambda count, _least=0: count, dict)

    def rounded(self) -> dict[str, Any]:
        """The view for marketing: tens, and nothing below ten or below the minimum size (XPT-3)."""
        return self._told(lambda count, least=0: rounded_count(count, max(10, least)), rounded_reasons)

    def _told(self, tell: Any, reasons: Any) -> dict[str, Any]:
        plain = {key: value for key, value in vars(self).items() if key not in {"refused", "outlook", "warnings"}}
        plain["refused"] = [asdict(field) for field in self.refused]
        plain["warnings"] = [each.to_json() for each in self.warnings]
        return plain | {"outlook": _outlook(self.outlook, self.minimum_size, tell, reasons) if self.outlook else None}


def preview(house: House, text: str, *, actor: Actor, now: datetime) -> Preview:
    """What a definition would give on everybody permitted now.

    Raises:
        DefinitionInvalid: lists the mistakes, each with its JSON path.
        NothingToFit: too few complete cases for a model.
        PermissionUnavailable: it cannot be decided who is permitted.
    """
    from segmentation.preview import look_ahead

    try:
        definition = parse_definition(text, house.catalogue)
    except FieldNotPermitted as refusal:
        return _refused(house, text, refusal)
    with house.work.reading() as connection:
        outlook = look_ahead(connection, task_of(house, definition, actor=actor, now=now))
        running = active_definition(connection, definition.scheme)
    return Preview(
        scheme=definition.scheme,
        kind=definition.kind.value,
        unit=definition.unit.value,
        purpose=definition.purpose,
        effect_class=definition.effect_class.value,
        needs_officer=needs_officer(definition.effect_class, actor),
        minimum_size=definition.minimum_size,
        active=running.version if running else None,
        refused=(),
        outlook=outlook,
        warnings=_warnings(definition, outlook),
    )


def preview_version(house: House, scheme: str, version: int | None = None, *, actor: Actor, now: datetime) -> Preview:
    """The same for a version that is stored, the newest unless another is named.

    Raises:
        SchemeUnknown, VersionUnknown: there is no such version.
    """
    with house.work.reading() as connection:
        row = version_row(connection, scheme, version)
    return preview(house, row.document, actor=actor, now=now)


def count_while_writing(house: House, text: str, *, actor: Actor, now: datetime) -> RuleCounts:
    """Whom each rule of an unfinished rules scheme fits.

    Raises:
        DefinitionInvalid, FieldNotPermitted: it cannot be read yet.
    """
    from segmentation.preview import count_rules

    definition = parse_definition(text, house.catalogue)
    with house.work.reading() as connection:
        return count_rules(connection, task_of(house, definition, actor=actor, now=now))


def task_of(house: House, definition: Definition, *, actor: Actor, now: datetime) -> Task:
    """The order of a look, which never becomes a run."""
    from segmentation.run_task import Task

    return Task(definition, 0, house.catalogue, actor, now, VERSION)


def _refused(house: House, text: str, refusal: FieldNotPermitted) -> Preview:
    document = json.loads(text)
    purpose = house.catalogue.purpose(refusal.purpose)
    named = refused_fields(house, document, purpose)
    return Preview(
        scheme=str(document.get("scheme", "")),
        kind=document.get("kind"),
        unit=document.get("unit"),
        purpose=purpose.key,
        effect_class=str(document.get("effect_class", EffectClass.NONE.value)),
        needs_officer=False,
        minimum_size=house.catalogue.controller.minimum_cell,
        active=None,
        refused=tuple(named),
        outlook=None,
        warnings=(),
    )


def _warnings(definition: Definition, outlook: Outlook) -> tuple[Warned, ...]:
    found = list(about_size(len(outlook.segments)))
    if definition.kind is not Kind.MANUAL and sum(each.people > 0 for each in outlook.segments) < FEW_SEGMENTS:
        found.append(Warned("few_segments"))
    for each in outlook.segments:
        if each.people < definition.minimum_size and definition.kind is not Kind.MANUAL:
            # Nobody left and a few left read alike: the difference would tell of a few people.
            covered = each.fits is not None and each.fits >= definition.minimum_size
            found.append(Warned("never_reached" if covered else "below_minimum", each.key))
    if any(10 * count > outlook.permitted for count in outlook.withheld.values()):
        found.append(Warned("withheld"))
    if 3 * outlook.not_assessed > outlook.permitted:
        found.append(Warned("mostly_not_assessed"))
    return tuple(found)


def _outlook(outlook: Outlook, least: int, tell: Any, reasons: Any) -> dict[str, Any]:
    segments = [
        {
            "key": each.key,
            "name": asdict(each.name),
            "fits": None if each.fits is None else tell(each.fits, least),
            "people": tell(each.people, least),
            "suppressed": each.suppressed,
        }
        for each in outlook.segments
    ]
    return {
        "total": tell(outlook.total),
        "permitted": tell(outlook.permitted),
        "left_out": reasons({reason.value: count for reason, count in outlook.left_out.items()}),
        "withheld": {key: tell(count) for key, count in outlook.withheld.items()},
        "not_assessed": tell(outlook.not_assessed),
        "without_segment": tell(outlook.unmatched + outlook.suppressed),
        "segments": segments,
        "moves": _moves(outlook.moves, tell) if outlook.moves else None,
        "fitted": outlook.fitted,
        "reach": {channel.value: tell(count) for channel, count in outlook.reach.items()},
    }


def _moves(moves: Moves, tell: Any) -> dict[str, Any]:
    return {
        "run": moves.run,
        "from": [key for key, _ in moves.rows],
        "to": [key for key, _ in moves.columns],
        "people": [[tell(cell) for cell in row] for row in moves.people],
        "left": tell(moves.left),
    }
