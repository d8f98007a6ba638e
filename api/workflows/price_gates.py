"""Whether a price may come into force, and whether one in force may still be used (FAIR-5; decision 0010).

A verdict is about one content, one run and one import of protected attributes. When one of them changes, or the verdict
grows old, the price stays in force in name and is on hold in fact: nobody is told it as theirs, and no file leaves for
it, until a new check is within the limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.activations import shown_definition
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from audit.errors import Refused
from governance import store_prices
from governance.release import Gate, Present, price_gate
from governance.vocabulary import EffectClass
from segmentation import store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.pricing import PricePolicy
    from governance.purposes import Purpose
    from governance.store_prices import Activation, StoredCheck, StoredPolicy


class PriceOnHold(Refused):
    """A file for personal prices is wanted while no price in force stands; names policies and unmet conditions."""


@dataclass(frozen=True)
class PriceInForce:
    """A policy in force, and the gate it came in by as it stands now, on the last check of its content."""

    stored: StoredPolicy
    activation: Activation
    gate: Gate

    @property
    def stands(self) -> bool:
        """Whether it may be used; else it is on hold."""
        return self.gate.open

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "version": self.stored.version,
            "activated_at": self.activation.activated_at.isoformat(),
            "stands": self.stands,
            "unmet": [condition.key for condition in self.gate.unmet],
        }


def gate_of(
    house: House, connection: Connection, policy: PricePolicy, check: StoredCheck | None, *, now: datetime
) -> Gate:
    """The gate of a policy on that check, as it stands now."""
    run = store.live_run(connection, policy.scheme)
    stored = definition_of(house, connection, policy.scheme)
    definition = stored.definition
    return price_gate(
        policy,
        check.check if check else None,
        present=Present(run.id if run else None, house.protected.digest(policy.attributes), stored.holds),
        purpose=stored.purpose,
        effect=definition.effect_class,
        fields=[stored.catalogue.fields[key] for key in definition.fields],
        now=now,
        today=house.today(now),
    )


def definition_of(house: House, connection: Connection, scheme: str) -> StoredDefinition:
    """The definition of the live run; before the first run the active one, or else the newest draft.

    Raises:
        SchemeUnknown: no such scheme.
    """
    run = store.live_run(connection, scheme)
    row = store.definition_of(connection, run.definition) if run else None
    return stored_definition(house, connection, row or shown_definition(connection, scheme))


def in_force(house: House, connection: Connection, name: str, *, now: datetime) -> PriceInForce | None:
    """What is in force under that name, and whether it stands."""
    activation = store_prices.active(connection, name)
    stored = store_prices.policy_version(connection, name, activation.version) if activation else None
    if activation is None or stored is None:
        return None
    return _judged(house, connection, stored, activation, now)


def in_force_on(house: House, connection: Connection, scheme: str, *, now: datetime) -> list[PriceInForce]:
    """Every policy in force that prices by this scheme, and whether each stands."""
    found = store_prices.policies_in_force(connection, scheme)
    return [_judged(house, connection, stored, activation, now) for stored, activation in found]


def export_refusal(
    house: House, connection: Connection, scheme: str, purpose: Purpose, *, now: datetime
) -> PriceOnHold | None:
    """Why no file for personal prices may leave; None when the purpose sets no prices, or every price stands."""
    if purpose.effect is not EffectClass.PRICE:
        return None
    prices = in_force_on(house, connection, scheme, now=now)
    if not prices:
        return PriceOnHold(
            f"no price that hangs on the scheme {scheme!r} is in force, so nobody needs this file; check and activate "
            "a price first"
        )
    held = [price for price in prices if not price.stands]
    if not held:
        return None
    reasons = "; ".join(f"{price.stored.policy.name}: {price.gate.unmet[0].text.en}" for price in held)
    return PriceOnHold(f"a price on the scheme {scheme!r} is on hold. {reasons}")


def _judged(
    house: House, connection: Connection, stored: StoredPolicy, activation: Activation, now: datetime
) -> PriceInForce:
    check = store_prices.last_check(connection, stored.policy.digest)
    return PriceInForce(stored, activation, gate_of(house, connection, stored.policy, check, now=now))
