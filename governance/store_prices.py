"""All SQL on price policies, their checks and activations. Versions and checks are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from governance.disparity_report import Verdict
from governance.pricing import PricePolicy, parse_policy
from governance.release import Check
from governance.tables import disparity_run, price_activation, price_policy


@dataclass(frozen=True)
class StoredPolicy:
    """A version of a policy as it was defined."""

    version: int
    policy: PricePolicy
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Activation:
    """When a version came into force, on which verdict, and until when."""

    number: int
    name: str
    version: int
    check: int
    activated_at: datetime
    activated_by: str
    ended_at: datetime | None


@dataclass(frozen=True)
class StoredCheck:
    """A check with its report."""

    check: Check
    report: Mapping[str, Any]


def add_policy(connection: Connection, policy: PricePolicy, *, actor: str, now: datetime) -> tuple[int, bool]:
    """Store a policy as the next version of its name; the same content again adds nothing.

    Returns:
        The version, and whether it is new.
    """
    last = latest_policy(connection, policy.name)
    if last is not None and last.policy.digest == policy.digest:
        return last.version, False
    version = 1 if last is None else last.version + 1
    row = {"name": policy.name, "version": version, "document": policy.document, "digest": policy.digest}
    connection.execute(insert(price_policy).values(**row, created_at=now, created_by=actor))
    return version, True


def latest_policy(connection: Connection, name: str) -> StoredPolicy | None:
    """The newest version of a policy."""
    query = select(price_policy).where(price_policy.c.name == name).order_by(price_policy.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _policy(row)


def policy_version(connection: Connection, name: str, version: int) -> StoredPolicy | None:
    """One version of a policy."""
    query = select(price_policy).where(price_policy.c.name == name, price_policy.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else _policy(row)


def latest_policies(connection: Connection) -> list[StoredPolicy]:
    """The newest version of every policy, by name."""
    newest = select(price_policy.c.name, func.max(price_policy.c.version).label("version")).group_by(
        price_policy.c.name
    )
    last = newest.subquery()
    match = (price_policy.c.name == last.c.name) & (price_policy.c.version == last.c.version)
    rows = connection.execute(select(price_policy).join(last, match).order_by(price_policy.c.name))
    return [_policy(row) for row in rows]


def add_check(
    connection: Connection,
    *,
    policy: bytes,
    run: int,
    attributes: bytes,
    verdict: Verdict,
    report: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> int:
    """Store a check.

    Returns:
        Its number.
    """
    number = _next(connection, disparity_run.c.id)
    row = {"id": number, "policy": policy, "run": run, "attributes": attributes, "verdict": verdict.value}
    text = json.dumps(report, sort_keys=True, allow_nan=False)
    connection.execute(insert(disparity_run).values(**row, report=text, checked_at=now, checked_by=actor))
    return number


def last_check(connection: Connection, policy: bytes) -> StoredCheck | None:
    """The newest check of exactly this content."""
    query = select(disparity_run).where(disparity_run.c.policy == policy).order_by(disparity_run.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _check(row)


def check_of(connection: Connection, number: int) -> StoredCheck | None:
    """One check by its number."""
    row = connection.execute(select(disparity_run).where(disparity_run.c.id == number)).one_or_none()
    return None if row is None else _check(row)


def activate(connection: Connection, *, name: str, version: int, check: int, actor: str, now: datetime) -> int:
    """Put a version into force and end the one before.

    Returns:
        The activation's number.
    """
    running = (price_activation.c.name == name) & price_activation.c.ended_at.is_(None)
    connection.execute(update(price_activation).where(running).values(ended_at=now))
    number = _next(connection, price_activation.c.id)
    row = {"id": number, "name": name, "version": version, "disparity_run": check}
    connection.execute(insert(price_activation).values(**row, activated_at=now, activated_by=actor))
    return number


def active(connection: Connection, name: str) -> Activation | None:
    """What is in force under that name."""
    running = (price_activation.c.name == name) & price_activation.c.ended_at.is_(None)
    row = connection.execute(select(price_activation).where(running)).one_or_none()
    return None if row is None else _activation(row)


def activation_on(connection: Connection, name: str, version: int, check: int) -> Activation | None:
    """The activation that rests on this verdict, ended or not: a verdict carries one activation."""
    table = price_activation.c
    query = select(price_activation).where(table.name == name, table.version == version, table.disparity_run == check)
    row = connection.execute(query).one_or_none()
    return None if row is None else _activation(row)


def policies_in_force(connection: Connection, scheme: str) -> list[tuple[StoredPolicy, Activation]]:
    """Every policy in force that prices by this scheme."""
    rows = connection.execute(
        select(price_activation).where(price_activation.c.ended_at.is_(None)).order_by(price_activation.c.name)
    ).all()
    found = []
    for activation in map(_activation, rows):
        stored = policy_version(connection, activation.name, activation.version)
        if stored is not None and stored.policy.scheme == scheme:
            found.append((stored, activation))
    return found


def policies_at(connection: Connection, at: datetime) -> list[tuple[PricePolicy, Activation]]:
    """Every policy that was in force at an instant, by name."""
    table = price_activation.c
    running = (table.activated_at <= at) & (table.ended_at.is_(None) | (table.ended_at > at))
    found = []
    for activation in map(
        _activation, connection.execute(select(price_activation).where(running).order_by(table.name))
    ):
        stored = policy_version(connection, activation.name, activation.version)
        if stored is not None:
            found.append((stored.policy, activation))
    return found


def _next(connection: Connection, column: Any) -> int:
    return int(connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()) + 1


def _policy(row: Row[Any]) -> StoredPolicy:
    return StoredPolicy(row.version, parse_policy(row.document), row.created_at, row.created_by)


def _check(row: Row[Any]) -> StoredCheck:
    verdict = Verdict(row.verdict)
    check = Check(row.id, bytes(row.policy), row.run, bytes(row.attributes), verdict, row.checked_at)
    return StoredCheck(check, json.loads(row.report))


def _activation(row: Row[Any]) -> Activation:
    return Activation(
        row.id, row.name, row.version, row.disparity_run, row.activated_at, row.activated_by, row.ended_at
    )


def runs_relied_on(connection: Connection) -> set[int]:
    """Runs on whose check a price rests or rested: the records of who paid what are kept with them."""
    query = select(disparity_run.c.run).join(price_activation, price_activation.c.disparity_run == disparity_run.c.id)
    return set(connection.execute(query.distinct()).scalars())
