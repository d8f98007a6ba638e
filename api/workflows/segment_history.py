"""How a scheme went: who moved between two runs, and every run with its cause, version, model, sizes and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.stored_definitions import stored_definition
from audit import log
from audit.errors import BadInput, NotFound
from governance.vocabulary import Text
from segmentation import migration as movements
from segmentation import store, store_figures
from segmentation.errors import NeverRun, SchemeUnknown
from segmentation.migration import Migration
from segmentation.report import RunReport, report_from_json, rounded_amount, rounded_count, rounded_reasons
from segmentation.small_tables import Mark, marks, rounded_up

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from segmentation.store import RunRow


class OneRunOnly(NotFound):
    """The scheme has one published run; a second is needed to say who moved."""

    def __init__(self, scheme: str) -> None:
        super().__init__(f"The scheme {scheme!r} has one published run; who moved is known after the next.")


@dataclass(frozen=True)
class Told:
    """A matrix as it may be shown: numbers, and how each cell is marked."""

    cells: tuple[tuple[int | None, ...], ...]
    """None where nothing is told."""
    small: tuple[tuple[bool, ...], ...]
    """Where it may be said that the number is below the smallest one."""
    rows: tuple[int | None, ...]
    columns: tuple[int | None, ...]


@dataclass(frozen=True)
class MigrationShown:
    """Who moved between two runs, with all runs there are to choose from."""

    label: Text
    unit: str
    minimum: int
    runs: tuple[tuple[int, datetime], ...]
    """Published runs, oldest first."""
    found: Migration
    fact: int | None
    """Of the later run."""

    @property
    def least(self) -> int:
        """The smallest number of a cell that may be told."""
        return 10

    def told(self, *, exact: bool) -> Told:
        """The matrix for a role."""
        import numpy as np

        cells = np.array(self.found.cells, dtype=np.int64)
        rows, columns = cells.sum(axis=1), cells.sum(axis=0)
        if exact:
            nothing = tuple((False,) * cells.shape[1] for _ in range(cells.shape[0]))
            return Told(self.found.cells, nothing, tuple(rows.tolist()), tuple(columns.tolist()))
        empty = np.zeros(cells.shape, dtype=bool)
        empty[-1, -1] = True
        found = marks(cells, least=self.least, empty=empty)
        shown = tuple(
            tuple(rounded_up(int(cell)) if mark == Mark.TOLD else None for cell, mark in zip(row, line, strict=True))
            for row, line in zip(cells, found, strict=True)
        )
        small = tuple(tuple(bool(mark == Mark.SMALL) for mark in line) for line in found)
        return Told(shown, small, self._totals(rows), self._totals(columns))

    def _totals(self, sums: Any) -> tuple[int | None, ...]:
        return tuple(rounded_up(int(each)) if each >= self.least else None for each in sums)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it: exact."""
        return {**self.found.to_json(), "runs": [number for number, _ in self.runs]}

    def rounded(self) -> dict[str, Any]:
        """For who sees no single people: null cells are below ten, or would betray one that is."""
        found, told = self.found, self.told(exact=False)
        causes = None if found.causes is None else {k: rounded_count(v) for k, v in vars(found.causes).items()}
        counts = {name: rounded_count(getattr(found, name)) for name in ("stayed", "moved", "joined", "left")}
        return {
            **self.to_json(),
            **counts,
            "cells": told.cells,
            "reasons": rounded_reasons(found.reasons),
            "causes": causes,
        }


@dataclass(frozen=True)
class RunLine:
    """One published run."""

    run: int
    at: datetime
    cause: str
    """hand, schedule or change."""
    base: int | None
    """The run whose records stand for everybody this one did not look at again."""
    version: int
    model: str
    refitted: bool
    agreement: str | None
    seconds: float
    actor: str | None
    """Role and handle."""
    fact: int | None
    total: int
    permitted: int
    placed: int
    moved: int
    revenue: int | None
    margin: int | None
    currency: str | None
    sizes: Mapping[str, int]
    minimum: int

    def to_json(self, *, exact: bool) -> dict[str, Any]:
        """As the command line and the API print it."""
        told: dict[str, Any] = dict(vars(self)) | {"at": self.at.isoformat(), "sizes": dict(self.sizes)}
        if exact:
            return told
        least = max(10, self.minimum)
        counts = {name: rounded_count(told[name]) for name in ("total", "permitted", "placed", "moved")}
        amounts = {name: rounded_amount(told[name], self.placed) for name in ("revenue", "margin")}
        sizes = {key: rounded_count(size, least) for key, size in self.sizes.items()}
        return {**told, **counts, **amounts, "sizes": sizes, "actor": (self.actor or "").partition(":")[0]}


@dataclass(frozen=True)
class HistoryShown:
    """Every run and every version of a scheme."""

    scheme: str
    label: Text
    unit: str
    names: Mapping[str, Text]
    """Of every segment of every run, the newest wording."""
    runs: tuple[RunLine, ...]
    """Oldest first."""
    versions: tuple[tuple[int, datetime, str], ...]
    """Version, when, role and handle; newest first."""

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it: exact."""
        return self._json(exact=True)

    def rounded(self) -> dict[str, Any]:
        """For who sees no single people."""
        return self._json(exact=False)

    def _json(self, *, exact: bool) -> dict[str, Any]:
        versions = [{"version": number, "at": at.isoformat()} for number, at, _ in self.versions]
        return {"scheme": self.scheme, "runs": [run.to_json(exact=exact) for run in self.runs], "versions": versions}


def migration(house: House, scheme: str, *, before: int | None = None, after: int | None = None) -> MigrationShown:
    """Who moved between two published runs; by default the live one and the one before.

    Raises:
        SchemeUnknown, NeverRun: there is nothing to compare.
        OneRunOnly: there is one run and no other.
        BadInput: the runs named are not two of this scheme in order of time.
    """
    with house.work.reading() as connection:
        runs = _runs(connection, scheme)
        by_number = {run.id: run for run in runs}
        if len(runs) < 2:
            raise OneRunOnly(scheme)
        later = by_number.get(after if after is not None else runs[-1].id)
        earlier = by_number.get(before) if before is not None else _run_before(runs, later)
        if later is None or earlier is None:
            raise BadInput("Name two published runs of the scheme, the earlier one first.")
        row = store.definition_of(connection, later.definition)
        if row is None:
            raise SchemeUnknown(scheme)
        stored = stored_definition(house, connection, row)
        return MigrationShown(
            label=stored.definition.label,
            unit=stored.definition.unit.value,
            minimum=stored.definition.minimum_size,
            runs=tuple((run.id, run.published_at or run.now) for run in runs),
            found=movements.migration(connection, earlier, later),
            fact=later.fact,
        )


def history(house: House, scheme: str) -> HistoryShown:
    """Every published run of a scheme.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        newest = store.latest_definition(connection, scheme)
        if newest is None:
            raise SchemeUnknown(scheme)
        stored = stored_definition(house, connection, newest)
        runs = store.published_runs(connection, scheme)
        lines, names = [], {segment.key: segment.name for segment in stored.definition.segments}
        for run in runs:
            report = report_from_json(run.report or "")
            lines.append(_line(connection, run, report))
            names.update({segment.key: segment.name for segment in report.segments})
        rows = [row for row in store.all_definitions(connection) if row.scheme == scheme]
    versions = sorted(((row.version, row.created_at, row.created_by) for row in rows), reverse=True)
    definition = stored.definition
    return HistoryShown(scheme, definition.label, definition.unit.value, names, tuple(lines), tuple(versions))


def _runs(connection: Connection, scheme: str) -> list[RunRow]:
    runs = store.published_runs(connection, scheme)
    if not runs:
        if store.latest_definition(connection, scheme) is None:
            raise SchemeUnknown(scheme)
        raise NeverRun(scheme)
    return runs


def _run_before(runs: list[RunRow], later: RunRow | None) -> RunRow | None:
    """The run before another one in the list."""
    numbers = [run.id for run in runs]
    place = numbers.index(later.id) if later is not None else 0
    return runs[place - 1] if place > 0 else None


def _line(connection: Connection, run: RunRow, report: RunReport) -> RunLine:
    figures = store_figures.of_runs(connection, [run.id]).values()
    cause, base = store_figures.cause_of(connection, run.id)
    amounts = {
        name: [value for row in figures if (value := getattr(row, name)) is not None] for name in ("revenue", "margin")
    }
    return RunLine(
        run=run.id,
        at=run.published_at or run.now,
        cause=cause,
        base=base,
        version=report.version,
        model=report.model,
        refitted=report.refitted,
        agreement=report.agreement,
        seconds=round(sum(report.seconds.values()), 1),
        actor=log.entry(connection, run.fact).actor if run.fact is not None else None,
        fact=run.fact,
        total=report.total,
        permitted=report.permitted,
        placed=sum(segment.effective for segment in report.segments),
        moved=report.moved,
        revenue=sum(amounts["revenue"]) if amounts["revenue"] else None,
        margin=sum(amounts["margin"]) if amounts["margin"] else None,
        currency=next((row.currency for row in figures if row.currency), None),
        sizes={segment.key: segment.effective for segment in report.segments},
        minimum=report.minimum_size,
    )
