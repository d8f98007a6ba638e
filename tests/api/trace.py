"""Each call leaves exactly its facts in the log: the table of a story and what runs it (LOG-5).

A story calls every route or command of one face in an order that works. A call that is refused, or that shows nobody
and does nothing, leaves nothing; a reading of personal data is a fact like any act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from api.wiring import House
from audit import log
from governance.vocabulary import Role
from tests.api.web import Served

ADVICE = "give it a step in the table of this test, with the kinds of facts it leaves in the log (LOG-5): "


@dataclass
class Story:
    """A served house, one client per role, and what earlier steps left for later ones."""

    served: Served
    client_of: Callable[[Role], TestClient]
    kept: dict[str, Any] = field(default_factory=dict)
    clients: dict[Role, TestClient] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return self.served.house

    def as_(self, role: Role) -> TestClient:
        """The client of a role; signed in, or given a token, before any step is counted."""
        return self.clients[role]

    def meet(self, *roles: Role) -> None:
        """Sign everybody in."""
        self.clients |= {role: self.client_of(role) for role in roles}


Do = Callable[[Story], Any]


@dataclass(frozen=True)
class Step:
    """One call: the route's pattern or the command's name, the kinds of facts it leaves, and the call."""

    pattern: str
    kinds: tuple[str, ...]
    do: Do


def kinds_since(house: House, size: int) -> tuple[str, ...]:
    """Kinds of the entries after the first *size*, in the order of the alphabet."""
    with house.work.reading() as connection:
        end = log.size(connection)
        return tuple(sorted(log.entry(connection, index).kind for index in range(size, end)))


def size_of(house: House) -> int:
    with house.work.reading() as connection:
        return log.size(connection)


def differences(house: House, steps: Sequence[Step], call: Callable[[Step], str]) -> list[str]:
    """Every step in order; what left something else than its table says. *call* returns what was wrong, or nothing."""
    found = []
    for step in steps:
        before = size_of(house)
        wrong = call(step)
        left = kinds_since(house, before)
        if wrong:
            found.append(f"{step.pattern}: {wrong}")
        if left != tuple(sorted(step.kinds)):
            found.append(f"{step.pattern}: expected {sorted(step.kinds)}, the log has {list(left)}")
    return found


def called(story: Story) -> Callable[[Step], str]:
    """Make a call over HTTP; every answer but a success or a way on is wrong."""

    def call(step: Step) -> str:
        answer = step.do(story)
        story.kept.setdefault("places", []).append(answer.headers.get("location", ""))
        return "" if answer.status_code < 400 else f"answered {answer.status_code}: {answer.text[:300]}"

    return call


def routes(app: Any) -> Iterator[str]:
    """`METHOD path` of every route; a HEAD is the GET of its route."""
    for route in app.routes:
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]
        for context in contexts:
            for method in sorted((getattr(context, "methods", None) or {"GET"}) - {"HEAD"}):
                yield f"{method} {context.path}"


def without_step(patterns: Iterator[str], steps: Sequence[Step]) -> list[str]:
    """What no step calls, each with what to do about it."""
    return [ADVICE + pattern for pattern in patterns if pattern not in {step.pattern for step in steps}]
