"""Schemes from the outside: define, list, run and show; `correcting` corrects one person's assignment.

Counts are exact: this is the operator's and the officer's view. Faces for marketing show `segmentation.report.rounded`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api.workflows import activations
from api.workflows.home import note_catalogue
from api.workflows.segment_results import (
    SchemeDefined,
    SchemeList,
    SchemeShown,
    SchemeState,
)
from api.workflows.segment_warnings import about_definition
from api.workflows.stored_definitions import stored_definition
from audit import log
from audit.fact import Fact, FactValue
from governance.version import VERSION
from segmentation import store
from segmentation.corrections import state_of
from segmentation.definitions import Definition, parse_definition
from segmentation.errors import AlreadyDefined
from segmentation.membership import live, sizes
from segmentation.periods import day_of
from segmentation.profile import profile
from segmentation.report import RunReport, report_from_json
from segmentation.store import DefinitionRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor

__all__ = [
    "SchemeDefined",
    "SchemeList",
    "SchemeShown",
    "SchemeState",
    "define",
    "run",
    "schemes",
    "show",
]


def define(house: House, text: str, *, actor: Actor, now: datetime, activate: bool = True) -> SchemeDefined:
    """Store a definition as the next version of its scheme; the newest one again changes nothing.

    Args:
        activate: ask for it to run as well; else it stays a draft.

    Raises:
        DefinitionInvalid, FieldNotPermitted: it does not validate.
        AlreadyDefined: it is an older version of the scheme.
    """
    definition = parse_definition(text, house.catalogue)
    note_catalogue(house, actor=actor, now=now)
    with house.work.writing() as connection:
        log.lock(connection)
        newest = store.latest_definition(connection, definition.scheme)
        new = newest is None or newest.digest != definition.digest
        row = newest if newest is not None and not new else _next(connection, definition, newest, actor, now)
        facts = [_defined_fact(row, actor, now)] if new else []
        if activate:
            facts += activations.ask(house, connection, row, actor=actor, now=now)[1]
        if facts:
            log.append(connection, facts)
        return _defined(connection, definition, row.version, new=new)


def _next(
    connection: Connection, definition: Definition, newest: DefinitionRow | None, actor: Actor, now: datetime
) -> DefinitionRow:
    """The definition stored as the next version."""
    older = store.definition_of(connection, definition.digest)
    if older is not None:
        raise AlreadyDefined(
            f"This is version {older.version} of {definition.scheme!r} word for word, and a version is stored "
            f"once. To go back to it: `lauter segment activate {definition.scheme} --version {older.version}`."
        )
    number = newest.version + 1 if newest is not None else 1
    row = DefinitionRow(definition.digest, definition.scheme, number, definition.document, now, str(actor))
    store.add_definition(connection, row)
    return row


def _defined_fact(row: DefinitionRow, actor: Actor, now: datetime) -> Fact:
    body: dict[str, FactValue] = {"scheme": row.scheme, "version": row.version, "definition": row.digest}
    return Fact("scheme:defined", str(actor), now, body)


def schemes(house: House) -> SchemeList:
    """Every scheme with the exact counts of its live run."""
    with house.work.reading() as connection:
        rows = store.latest_definitions(connection)
        return SchemeList(
            tuple(_state(connection, activations.shown_definition(connection, row.scheme))[0] for row in rows)
        )


def run(
    house: House,
    scheme: str,
    *,
    actor: Actor,
    now: datetime,
    refit: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    cause: str = "hand",
    incremental: bool = True,
) -> RunReport:
    """Run the active version of a scheme and publish the result.

    With *incremental*, only those get a new record for whom something changed, where the last run allows it.

    Raises:
        SchemeUnknown: no such scheme.
        NotActivated: it has drafts only, or was switched off.
        AssessmentMissing: a price or a contract hangs on it, and its assessment is over.
        DefinitionInvalid, FieldNotPermitted: the catalogue changed so that the definition does not hold any more.
    """
    from segmentation.run import Task
    from segmentation.run import run as run_task
    from segmentation.run_task import no_progress

    note_catalogue(house, actor=actor, now=now)
    with house.work.reading() as connection:
        row = activations.running_definition(connection, scheme)
    definition = parse_definition(row.document, house.catalogue)
    purpose = house.catalogue.purpose(definition.purpose)
    activations.check_still_assessed(house, purpose, definition.effect_class, now=now)
    task = Task(
        definition=definition,
        version=row.version,
        catalogue=house.catalogue,
        actor=actor,
        now=now,
        code_version=VERSION,
        refit=refit,
        progress=progress or no_progress,
        cause=cause,
        incremental=incremental and not refit,
    )
    return run_task(house.work, task)


def show(house: House, scheme: str, *, now: datetime) -> SchemeShown:
    """A scheme in full, with the sizes of this instant.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        row = activations.shown_definition(connection, scheme)
        state, report = _state(connection, row)
        document = json.loads(row.document)
        corrections = state_of(connection, scheme, today=day_of(now, house.catalogue.controller.time_zone))
        if report is None:
            return SchemeShown(state, document, None, {}, None, corrections)
        visible = live(connection, scheme)
        purpose = stored_definition(house, connection, visible.definition).purpose  # the catalogue may know it no more
        counted = sizes(connection, visible, purpose, now=now)
        described = profile(connection, visible, purpose, now=now, minimum=report.minimum_size)
    keys = {number: segment.key for number, segment in enumerate(visible.model.segments)}
    return SchemeShown(
        state, document, report, {keys[n]: count for n, count in counted.items()}, described, corrections
    )


def _state(connection: Connection, row: DefinitionRow) -> tuple[SchemeState, RunReport | None]:
    document = json.loads(row.document)
    current = store.live_run(connection, row.scheme)
    report = report_from_json(current.report) if current is not None and current.report else None
    label = document.get("label") or {"de": row.scheme, "en": row.scheme}
    standing = activations.versions_of(connection, row.scheme)
    state = SchemeState(
        scheme=row.scheme,
        label=label,
        version=row.version,
        active=standing.active,
        draft=standing.draft,
        waiting=standing.waiting.version if standing.waiting else None,
        kind=document["kind"],
        unit=document["unit"],
        purpose=document["purpose"],
        effect_class=document.get("effect_class", "none"),
        run=report.run if report else None,
        published_at=current.published_at.isoformat() if current and current.published_at else None,
        total=report.total if report else None,
        permitted=report.permitted if report else None,
        left_out=dict(report.left_out) if report else None,
        segments=tuple(_segment(segment) for segment in report.segments) if report else (),
    )
    return state, report


def _segment(segment: Any) -> dict[str, Any]:
    name = {"de": segment.name.de, "en": segment.name.en}
    return {"key": segment.key, "name": name, "size": segment.effective, "suppressed": segment.suppressed}


def _defined(connection: Connection, definition: Definition, number: int, *, new: bool) -> SchemeDefined:
    standing = activations.versions_of(connection, definition.scheme)
    asked = standing.waiting.version if standing.waiting else None
    return SchemeDefined(
        scheme=definition.scheme,
        version=number,
        kind=definition.kind.value,
        unit=definition.unit.value,
        purpose=definition.purpose,
        digest=definition.digest.hex(),
        new=new,
        state="active" if standing.active == number else "requested" if asked == number else "draft",
        active=standing.active,
        warnings=about_definition(definition),
    )
