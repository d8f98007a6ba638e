"""Rules that build on one another: a segment's rule, or a block of its own, named in other rules; pure.

`{"segment": "vip"}` means: the rule of the segment vip fits, whichever segment takes the person in the end. The same
for `{"block": "german"}`, a rule under `blocks` that assigns nobody. Each is read once and judged once per batch of
people, however often it is named; a ring is refused with the way that leads back.
"""

from __future__ import annotations

from collections.abc import Mapping

from segmentation.conditions import Condition, parse_condition
from segmentation.inputs import Feature
from segmentation.reading import Node, no_doubles

NAMING = ("segment", "block")


class RuleBook:
    """The rules of a definition by name, read when they are first needed."""

    def __init__(self, root: Node, features: Mapping[str, Feature]) -> None:
        self._features = features
        self._nodes = {("segment", *named): rule for *named, rule in _rules(root, "segments")}
        self._nodes |= {("block", *named): rule for *named, rule in _rules(root, "blocks")}
        self._read: dict[tuple[str, ...], Condition] = {}
        self._under_way: list[tuple[str, ...]] = []

    def rule(self, node: Node) -> Condition:
        """A segment's own rule."""
        return parse_condition(node, self._features, named=self.named)

    def named(self, node: Node, word: str) -> Condition:
        """The rule behind `{word: key}`.

        Raises:
            DefinitionInvalid: no rule has that name, or it leads back to itself.
        """
        place = node.at(word)
        name = (word, place.token())
        if name in self._under_way:
            ring = " → ".join(key for _, key in [*self._under_way[self._under_way.index(name) :], name])
            raise place.fail(f"leads back to itself: {ring}")
        if name not in self._nodes:
            known = ", ".join(key for kind, key in sorted(self._nodes) if kind == word)
            raise place.fail(f"no {word} {name[1]!r} has a rule here; known: {known or 'none'}")
        if name not in self._read:
            self._under_way.append(name)
            try:
                self._read[name] = self.rule(self._nodes[name])
            finally:
                self._under_way.pop()
        return self._read[name]

    def check_blocks(self) -> None:
        """Read the blocks that no rule names, too: a mistake in them is a mistake."""
        for kind, key in self._nodes:
            if kind == "block":
                self.named(Node({"block": key}, "$.blocks"), "block")


def _rules(root: Node, part: str) -> list[tuple[str, Node]]:
    if not root.has(part):
        return []
    nodes = root.at(part).items(most=1000)
    found = []
    for node in nodes:
        if part == "blocks":
            node.object(allowed=("key", "rule"))
        if node.has("key") and node.has("rule"):
            found.append((node.at("key").token(), node.at("rule")))
    if part == "blocks":
        no_doubles(nodes, [key for key, _ in found])
    return found
