"""Define a price policy, check it for disparities, and put it into force only behind an open gate (FAIR-2, FAIR-5).

The check passes (pseudonym, price level) pairs into the protected store and gets counts back: nobody's attribute is
ever read here, and nothing of a person goes into the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.price_gates import PriceInForce, definition_of, gate_of, in_force
from audit import log
from audit.errors import NotFound
from audit.fact import Fact, FactValue
from governance import store_prices
from governance.disparity_report import DisparityReport
from governance.pricing import PricePolicy, parse_policy
from governance.release import Gate, GateClosed
from governance.store_prices import StoredCheck, StoredPolicy
from segmentation import membership, store, store_exports
from segmentation.definitions import Definition, parse_definition
from segmentation.errors import SegmentUnknown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.disparity import Counts
    from governance.vocabulary import Actor
    from segmentation.membership import Live

SEED = 31
"""Of the resampling; stored with every report."""


class PolicyUnknown(NotFound):
    """There is no price policy of that name."""


@dataclass(frozen=True)
class PolicyState:
    """A policy with its last check, its gate and what is in force."""

    stored: StoredPolicy
    check: StoredCheck | None
    active: PriceInForce | None
    gate: Gate

    @property
    def on_hold(self) -> bool:
        """A version is in force, and no check fits it any more: it may not be used until it is checked again."""
        return self.active is not None and not self.active.stands

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        policy = self.stored.policy
        return {
            "policy": policy.name,
            "version": self.stored.version,
            "scheme": policy.scheme,
            "digest": policy.digest.hex(),
            "currency": policy.currency,
            "base": policy.base,
            "discounts": dict(policy.discounts),
            "otherwise": policy.otherwise,
            "attributes": list(policy.attributes),
            "created_at": self.stored.created_at.isoformat(),
            "created_by": self.stored.created_by,
            "verdict": self.check.check.verdict.value if self.check else None,
            "checked_at": self.check.check.checked_at.isoformat() if self.check else None,
            "report": dict(self.check.report) if self.check else None,
            "active": self.active is not None and self.active.stored.version == self.stored.version,
            "active_version": self.active.stored.version if self.active else None,
            "on_hold": self.on_hold,
            "in_force": self.active.to_json() if self.active else None,
            "gate": self.gate.to_json(),
        }


@dataclass(frozen=True)
class PolicyList:
    """Every policy in its newest version."""

    policies: tuple[PolicyState, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"policies": [policy.to_json() for policy in self.policies]}


def define(house: House, text: str, *, actor: Actor, now: datetime) -> PolicyState:
    """Store a policy as the next version of its name; the same content again changes nothing.

    Raises:
        DocumentInvalid: names the JSON path.
        SchemeUnknown, SegmentUnknown: the scheme has no such segment.
    """
    policy = parse_policy(text)
    with house.work.writing() as connection:
        _segments_exist(house, connection, policy)
        log.lock(connection)
        version, new = store_prices.add_policy(connection, policy, actor=str(actor), now=now)
        if new:
            body: dict[str, FactValue] = {"policy": policy.name, "version": version, "digest": policy.digest}
            log.append(connection, [Fact("price:defined", str(actor), now, body | {"scheme": policy.scheme})])
        return _state(house, connection, _latest(connection, policy.name), now)


def check(house: House, name: str, *, actor: Actor, now: datetime, seed: int = SEED) -> PolicyState:
    """Measure who would pay more on the live run, and keep report and verdict.

    The newest version is measured, and the one in force besides where that is an older one: its verdict grows old too.

    Raises:
        PolicyUnknown, NeverRun: there is nothing to check.
    """
    with house.work.reading() as connection:
        newest = _latest(connection, name)
        running = in_force(house, connection, name, now=now)
    versions = {newest.version: newest} | ({running.stored.version: running.stored} if running else {})
    for version in sorted(versions):
        _check_version(house, versions[version], actor=actor, now=now, seed=seed)
    with house.work.reading() as connection:
        return _state(house, connection, newest, now)


def activate(house: House, name: str, *, actor: Actor, now: datetime) -> PolicyState:
    """Put the newest version into force, if every condition of the gate is met; a refusal is logged too.

    Raises:
        GateClosed: names each condition that is not met.
        PolicyUnknown: no such policy.
    """
    with house.work.writing() as connection:
        log.lock(connection)
        stored = _latest(connection, name)
        found = store_prices.last_check(connection, stored.policy.digest)
        gate = gate_of(house, connection, stored.policy, found, now=now)
        body: dict[str, FactValue] = {"policy": name, "version": stored.version}
        if gate.open and found is not None:
            number = found.check.number
            if store_prices.activation_on(connection, name, stored.version, number) is None:
                store_prices.activate(
                    connection, name=name, version=stored.version, check=number, actor=str(actor), now=now
                )
                log.append(connection, [Fact("price:activated", str(actor), now, body | {"check": number})])
        else:
            unmet = [condition.key for condition in gate.unmet]
            log.append(connection, [Fact("price:refused", str(actor), now, body | {"unmet": unmet})])
        state = _state(house, connection, stored, now)
    if not gate.open:
        raise GateClosed(f"activating the price {name!r}", gate)
    return state


def policies(house: House, *, now: datetime) -> PolicyList:
    """Every policy in its newest version, with its gate as it stands now."""
    with house.work.reading() as connection:
        return PolicyList(
            tuple(_state(house, connection, stored, now) for stored in store_prices.latest_policies(connection))
        )


def policy(house: House, name: str, *, now: datetime) -> PolicyState:
    """One policy.

    Raises:
        PolicyUnknown: no such policy.
    """
    with house.work.reading() as connection:
        return _state(house, connection, _latest(connection, name), now)


def _check_version(house: House, stored: StoredPolicy, *, actor: Actor, now: datetime, seed: int) -> None:
    policy = stored.policy
    # Read before they are counted: what is imported meanwhile makes the verdict old, never a verdict about the unseen.
    attributes = house.protected.digest(policy.attributes)
    with house.work.reading() as connection:
        live = membership.live(connection, policy.scheme)
        report = _measure(house, connection, policy, live, now, seed)
    with house.work.writing() as connection:
        log.lock(connection)
        number = store_prices.add_check(
            connection,
            policy=policy.digest,
            run=live.run.id,
            attributes=attributes,
            verdict=report.verdict,
            report=report.to_json(),
            actor=str(actor),
            now=now,
        )
        body: dict[str, FactValue] = {
            "policy": policy.name,
            "version": stored.version,
            "check": number,
            "run": live.run.id,
            "verdict": report.verdict.value,
            "seed": seed,
        }
        log.append(connection, [Fact("price:checked", str(actor), now, body)])


def _measure(
    house: House, connection: Connection, policy: PricePolicy, live: Live, now: datetime, seed: int
) -> DisparityReport:
    from governance.disparity import measure_disparity

    definition = parse_definition(live.definition.document, house.catalogue)
    held = house.protected.attributes()
    counts: dict[str, Counts | None] = {}
    for attribute in policy.attributes:
        counts[attribute] = None
        if attribute in held:
            pairs = _prices(house, connection, policy, live, definition, now)
            found = house.protected.counts_by(attribute, pairs)
            counts[attribute] = {(value, level): count for (level, value), count in found.items()}
    return measure_disparity(
        counts,
        prices=policy.levels,
        full_price=policy.base,
        limits=policy.limits,
        minimum_cell=house.catalogue.controller.minimum_cell,
        seed=seed,
    )


def _prices(
    house: House,
    connection: Connection,
    policy: PricePolicy,
    live: Live,
    definition: Definition,
    now: datetime,
) -> Iterator[tuple[bytes, int]]:
    """(pseudonym, price level) of everybody whom the policy would price now; goes into the protected store only."""
    levels = {price: level for level, price in enumerate(policy.levels)}
    by_number = [levels[policy.price(segment.key)] for segment in live.model.segments]
    purpose = house.catalogue.purpose(definition.purpose)
    for batch in membership.members(connection, live, purpose, now=now):
        pseudonyms = store_exports.pseudonyms_of(connection, batch.subjects.tolist())
        for subject, segment in zip(batch.subjects.tolist(), batch.segments.tolist(), strict=True):
            yield pseudonyms[subject], by_number[segment]


def _state(house: House, connection: Connection, stored: StoredPolicy, now: datetime) -> PolicyState:
    found = store_prices.last_check(connection, stored.policy.digest)
    gate = gate_of(house, connection, stored.policy, found, now=now)
    return PolicyState(stored, found, in_force(house, connection, stored.policy.name, now=now), gate)


def _latest(connection: Connection, name: str) -> StoredPolicy:
    stored = store_prices.latest_policy(connection, name)
    if stored is None:
        raise PolicyUnknown("there is no price policy of that name; `lauter price list` shows those there are")
    return stored


def _segments_exist(house: House, connection: Connection, policy: PricePolicy) -> None:
    """Every discount must hang on a segment there is; k-means may name its segments only once it was run."""
    run = store.live_run(connection, policy.scheme)
    if run is None:
        keys = {segment.key for segment in definition_of(house, connection, policy.scheme).definition.segments}
    else:
        keys = {segment.key for segment in membership.live(connection, policy.scheme).model.segments}
    for key, _ in policy.discounts:
        if keys and key not in keys:
            raise SegmentUnknown(policy.scheme, key)
