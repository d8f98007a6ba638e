"""Key figures of each segment, noted once a run is published: people, revenue, contribution margin, active, stayed.

They rest on what the purpose may see at that instant and on nothing else. Whoever objected or withheld data while the
run was under way is in no sum, which is why they are counted after the publication and never under the log's lock.
A segment below the minimum size has none, and no amount is told to which fewer people than that contributed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from consent import store as consent_store
from consent.permission import PermittedPopulation
from consent.sorted_ids import common
from governance.fields import FieldType
from segmentation import store, store_assignments, store_figures
from segmentation.definition_features import DEFAULT_CURRENCY, ORDER
from segmentation.errors import RunOverlapped
from segmentation.inputs import Measure
from segmentation.periods import days_before, parse_period
from segmentation.record import NO_SEGMENT
from segmentation.report import report_from_json
from segmentation.run_task import renumbering
from segmentation.store_figures import FigureRow

if TYPE_CHECKING:
    from audit.database import Database
    from governance.fields import Field
    from segmentation.models import Model
    from segmentation.run_publish import Publication
    from segmentation.run_task import Task

YEAR = "P12M"
"""The months that the amounts cover, counted back from the run."""
MARGIN_FIELD = "contribution_margin"
"""The catalogue field that carries somebody's contribution margin of a year; orders carry none."""

Ids = NDArray[np.int64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class _Members:
    """Who is in a segment of the run, ascending."""

    subjects: Ids
    segments: NDArray[np.int16]

    def among(self, subjects: Ids) -> NDArray[np.int16]:
        """The segments of these people; -1 for who is in none."""
        if not len(self.subjects):
            return np.full(len(subjects), NO_SEGMENT, dtype=np.int16)
        places = np.minimum(np.searchsorted(self.subjects, subjects), len(self.subjects) - 1)
        return np.where(self.subjects[places] == subjects, self.segments[places], NO_SEGMENT).astype(np.int16)


class _Lazy:
    """The members of a run, read when somebody is looked up: a run without orders needs no second look at everybody."""

    def __init__(self, connection: Connection, ready: Publication) -> None:
        row = store.run_of(connection, ready.run)
        if row is None or row.report is None:
            raise RunOverlapped(ready.run)
        self.report = report_from_json(row.report)
        self.count = len(ready.model.segments)
        self.whole = (
            store_figures.cause_of(connection, ready.run)[1] is None
            and store_assignments.size_of(connection, ready.run) == ready.built.size
        )
        """Whether the run's own records are all there are: none stand in an earlier run, none were taken out."""
        self._connection, self._run = connection, ready.run
        self._members: _Members | None = None

    def among(self, subjects: Ids) -> NDArray[np.int16]:
        """The segments of these people; -1 for who is in none."""
        if self._members is None:
            self._members = _members(self._connection, self._run)
        return self._members.among(subjects)


@dataclass
class _Sum:
    """An amount added up by segment, and how many people contributed."""

    amounts: Counts
    people: Counts

    def told(self, number: int, minimum: int) -> int | None:
        """The sum of a segment; None when it would be about a handful of people."""
        return int(self.amounts[number]) if self.people[number] >= minimum else None


def note(database: Database, ready: Publication, last: tuple[int, Model] | None) -> None:
    """Compute the figures of a run that was just published and keep them.

    Args:
        database: the work database.
        ready: the run.
        last: the run before with its model, if there was one.
    """
    with database.reading() as connection:
        rows = _compute(connection, ready, last)
    with database.writing() as connection:
        store_figures.keep(connection, rows)


def _compute(connection: Connection, ready: Publication, last: tuple[int, Model] | None) -> list[FigureRow]:
    task, members = ready.task, _Lazy(connection, ready)
    currency = currency_of(task)
    population = replace(ready.population, connection=connection)
    orders = _orders(population, task, members, currency)
    margin = _margin(population, task, members, currency)
    stayed = _stayed(connection, ready, last, members) if last else None
    least = task.definition.minimum_size  # never below the smallest cell of the catalogue
    return [
        FigureRow(
            run=ready.run,
            segment=segment.key,
            people=segment.effective,
            revenue=orders.told(number, least) if orders else None,
            margin=margin.told(number, least) if margin else None,
            active=int(orders.people[number]) if orders else None,
            stayed=int(stayed[number]) if stayed is not None else None,
            currency=currency if orders or margin else None,
        )
        for number, segment in enumerate(members.report.segments)
        if segment.effective >= least
    ]


def currency_of(task: Task) -> str:
    """What the scheme counts money in: the currency of its first sum of orders, else the default."""
    sums = (each for each in task.definition.features if each.measure is Measure.SUM and each.currency)
    return next((each.currency for each in sums if each.currency), DEFAULT_CURRENCY)


def _members(connection: Connection, run: int) -> _Members:
    subjects, segments = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int16)]
    for block in store_assignments.blocks_of(connection, run, members_only=True):
        subjects.append(block.subjects)
        segments.append(block.effective)
    return _Members(np.concatenate(subjects), np.concatenate(segments))


def _orders(population: PermittedPopulation, task: Task, members: _Lazy, currency: str) -> _Sum | None:
    """Orders of the year before the run; None when the purpose may not look at a whole year of them."""
    field = orders_field(task)
    year = parse_period(YEAR)
    if field is None or year is None:
        return None
    found = _Sum(np.zeros(members.count, dtype=np.int64), np.zeros(members.count, dtype=np.int64))
    if not store_figures.any_activity(population.connection):
        return found
    relation = population.activities(field)
    rows = relation.filter(
        relation.kind == ORDER,
        relation.currency == currency,
        relation.day >= days_before(task.today, year),
        relation.day <= task.today,
    )
    spent = rows.group_by("subject").aggregate(amount=rows.amount.sum().cast("int64"))
    for batch in population.run_sql(spent):
        subjects = np.asarray(batch.column("subject").to_numpy(zero_copy_only=False), dtype=np.int64)
        amounts = np.asarray(batch.column("amount").to_numpy(zero_copy_only=False), dtype=np.int64)
        _add(found, members.among(subjects), amounts)
    return found


def orders_field(task: Task) -> Field | None:
    """The field of orders: the one the scheme looks at, else the only one that the purpose may see."""
    catalogue, purpose = task.catalogue, task.definition.purpose
    permitted = [
        field
        for field in catalogue.fields.values()
        if field.type is FieldType.ACTIVITIES and purpose in field.purposes and _covers_a_year(field)
    ]
    used = {feature.field for feature in task.definition.features}
    return next((field for field in permitted if field.key in used), permitted[0] if len(permitted) == 1 else None)


def _covers_a_year(field: Field) -> bool:
    window, year = parse_period(field.window) if field.window else None, parse_period(YEAR)
    return window is None or (year is not None and window.about_days >= year.about_days)


def _margin(population: PermittedPopulation, task: Task, members: _Lazy, currency: str) -> _Sum | None:
    field = task.catalogue.fields.get(MARGIN_FIELD)
    if field is None or field.type is not FieldType.MONEY or (field.unit or DEFAULT_CURRENCY) != currency:
        return None
    if task.definition.purpose not in field.purposes:
        return None
    found = _Sum(np.zeros(members.count, dtype=np.int64), np.zeros(members.count, dtype=np.int64))
    for subjects, amounts in _cells(population, field):
        _add(found, members.among(subjects), amounts)
    return found


def _cells(population: PermittedPopulation, field: Field) -> Iterator[tuple[Ids, Counts]]:
    """Everybody's known value of a profile field; what is withheld or too old is not there."""
    nobody = np.empty(0, np.int64)
    withheld = consent_store.withheld_by_field(population.connection, population.request.purpose.key)
    hidden = {field.key: common(withheld.get(field.key, nobody), population.subjects)}
    narrowed = replace(population, request=replace(population.request, fields=(field,)), hidden=hidden)
    for batch in narrowed.batches():
        cells = batch.cells[field.key]
        known = np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        values = np.asarray(cells.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
        yield batch.subjects[known], values[known]


def _add(found: _Sum, segments: NDArray[np.int16], amounts: Counts) -> None:
    inside = segments >= 0
    np.add.at(found.amounts, segments[inside], amounts[inside])  # integers: minor units are never rounded
    found.people += np.bincount(segments[inside], minlength=len(found.people))


def _stayed(connection: Connection, ready: Publication, last: tuple[int, Model], members: _Lazy) -> Counts:
    """Members who were in the same segment in the run before, by its key."""
    if members.whole:  # the run counted them on its way
        return np.diagonal(np.array(members.report.migration, dtype=np.int64))
    renumber = renumbering(last[1], ready.model)
    counts = np.zeros(members.count, dtype=np.int64)
    for block in store_assignments.blocks_of(connection, last[0], members_only=True):
        before, now = renumber[block.effective], members.among(block.subjects)
        same = (before == now) & (now >= 0)
        counts += np.bincount(now[same], minlength=members.count)
    return counts
