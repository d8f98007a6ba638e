"""How steady a scheme shall be: who moves at once, who waits, and how many may move in one run; pure.

Flapping costs trust and money: somebody at the border of two segments would change with every order. Whoever would move
with a margin below `margin` stays, unless the run before wanted the same; and no more than `budget` of the people move
in one run, the clearest cases first, the others in the next ones. Both are told in the record and in the explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segmentation.reading import Node
from segmentation.settings.shared import share


@dataclass(frozen=True)
class Stability:
    """The guard of a scheme; the default lets everybody move at once."""

    margin: float = 0.0
    """Strength from which somebody moves at once, 0 to 0.9."""
    second_run: bool = True
    """Whoever was held and is scored to the same segment again in the next run moves."""
    budget: float | None = None
    """Largest share of those in a segment who may move in one run; None: everybody."""

    def to_json(self) -> dict[str, Any]:
        """As a model stores it; floats as hexadecimal text."""
        budget = None if self.budget is None else self.budget.hex()
        return {"margin": self.margin.hex(), "second_run": self.second_run, "budget": budget}


LOOSE = Stability()


def stability_from_json(value: dict[str, Any]) -> Stability:
    """The inverse of `Stability.to_json`."""
    budget = None if value["budget"] is None else float.fromhex(value["budget"])
    return Stability(float.fromhex(value["margin"]), value["second_run"], budget)


def parse_stability(root: Node) -> Stability:
    """The `stability` part of a definition, which may be left out."""
    if not root.has("stability"):
        return LOOSE
    node = root.at("stability").object(allowed=("margin", "second_run", "budget"))
    second = node.at("second_run").value if node.has("second_run") else True
    if not isinstance(second, bool):
        raise node.at("second_run").fail("must be true or false")
    return Stability(
        margin=share(node.at("margin"), 0, 0.9) if node.has("margin") else 0.0,
        second_run=second,
        budget=share(node.at("budget"), 0.001, 1) if node.has("budget") else None,
    )
