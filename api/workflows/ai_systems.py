"""The inventory of AI systems from the schemes that are defined (Regulation (EU) 2024/1689; GOV-9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.workflows.stored_definitions import stored_definition
from governance.ai_inventory import SchemeUse, ai_inventory
from segmentation import store, store_activation

if TYPE_CHECKING:
    from api.wiring import House
    from governance.papers import Paper


def ai_systems(house: House) -> Paper:
    """Every scheme, by name."""
    uses = []
    with house.work.reading() as connection:
        for newest in store.latest_definitions(connection):
            row = store_activation.active_definition(connection, newest.scheme) or newest
            stored = stored_definition(house, connection, row)
            run = store.live_run(connection, newest.scheme)
            definition = stored.definition
            uses.append(
                SchemeUse(
                    scheme=newest.scheme,
                    label=definition.label,
                    kind=definition.kind.value,
                    effect=definition.effect_class,
                    purpose=stored.purpose.label,
                    model=run.model.hex() if run and run.model else None,
                )
            )
    return ai_inventory(house.catalogue.controller.name, tuple(uses))
