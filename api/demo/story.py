"""The main job from end to end on real purchases: import, segment, check, correct, export, prove.

It calls the same workflows as the command line and the console; nothing in it knows a shortcut.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from api.demo import visits
from api.demo.world import World, make_world, write_world
from api.settings import Settings
from api.wiring import House, open_house
from api.workflows import consents, correcting, export_requests, exports, imports, log, prices, segments, staff
from api.workflows.consents import Said
from api.workflows.explanations import ExplainedAssignment, explain_reference
from api.workflows.home import make_home
from api.workflows.segment_results import CorrectionOrder
from audit.errors import BadInput, Refused
from governance.vocabulary import OPERATOR, Act, Actor, Role, Scope

MARKER = "DEMO"
SCHEMES = ("reaktivierung", "preisstufen", "einkaufsverhalten", "abwanderung")
PEOPLE = (("datenschutz", Role.DPO), ("marketing", Role.MARKETING), ("beschwerde", Role.DESK))
OBJECTION = Said(Act.OBJECTED, scope=Scope.MARKETING)
CORRECTION = "Ruft an: Bestellungen laufen seit Mai über die Mutterfirma, ist weiter in laufender Betreuung."


@dataclass
class Told:
    """What happened, for the screen and for `--json`."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    schemes: list[dict[str, Any]] = field(default_factory=list)
    prices: list[dict[str, Any]] = field(default_factory=list)
    corrected: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] = field(default_factory=dict)
    explanation: list[str] = field(default_factory=list)
    portal: dict[str, Any] = field(default_factory=dict)
    verified: dict[str, Any] = field(default_factory=dict)
    sign_in: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything, passwords of the invented staff included: this is a demonstration."""
        return dict(vars(self))


@dataclass
class Stage:
    """Where the story plays: an open house, its people, and the clock."""

    house: House
    world: World
    folder: Path
    now: Callable[[], datetime]
    told: Told
    tell: Callable[[str], None]

    @contextmanager
    def step(self, what: str) -> Iterator[dict[str, Any]]:
        """One step with its result and its time."""
        self.tell(what)
        started = time.perf_counter()
        result: dict[str, Any] = {}
        yield result
        self.told.steps.append({**result, "step": what, "seconds": round(time.perf_counter() - started, 1)})


def play(settings: Settings, *, contacts: int, now: Callable[[], datetime], tell: Callable[[str], None]) -> Told:
    """Make a demonstration home from nothing and go the whole way.

    Raises:
        BadInput: the home holds something that no demonstration made.
    """
    started = time.perf_counter()
    told = Told()
    _clear(settings)
    tell("making the home")
    make_home(settings, actor=OPERATOR, now=now())
    (settings.home / MARKER).write_text("Made by `lauter demo`, which may replace this folder.\n", encoding="utf-8")
    house = open_house(settings)
    try:
        world = make_world(contacts, today=now().date())
        stage = Stage(house, world, settings.home / "input", now, told, tell)
        write_world(world, stage.folder)
        for act in ACTS:
            act(stage)
    finally:
        house.close()
    told.seconds = round(time.perf_counter() - started, 1)
    return told


def _clear(settings: Settings) -> None:
    if not settings.home.exists() or not any(settings.home.iterdir()):
        return
    if not (settings.home / MARKER).exists() or not settings.database_url.startswith("sqlite"):
        raise BadInput(f"{settings.home}: holds a home that no demonstration made; choose another with --home")
    shutil.rmtree(settings.home)


def document(name: str) -> str:
    """One of the demonstration's mappings, schemes, policies and requests."""
    return resources.files("api.demo").joinpath("home", name).read_text(encoding="utf-8")


def _import(stage: Stage) -> None:
    jobs: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("kunden", imports.import_contacts),
        ("bestellungen", imports.import_activities),
        ("merkmale", imports.import_attributes),
    )
    for name, job in jobs:
        with stage.step(f"import {name}.csv") as result:
            mapping = document(f"{name}.toml")
            (stage.folder / f"{name}.toml").write_text(mapping, encoding="utf-8")
            report = job(stage.house, stage.folder / f"{name}.csv", mapping, actor=OPERATOR, now=stage.now())
            result.update(report.to_json())
    with stage.step("import einwilligungen.csv") as result:
        source = stage.folder / "einwilligungen.csv"
        result.update(consents.import_consents(stage.house, source, None, actor=OPERATOR, now=stage.now()).to_json())


def _declare(stage: Stage) -> None:
    with stage.step("objections and withheld fields") as result:
        for reference in stage.world.objecting:
            _say(stage, reference, OBJECTION)
        for reference in stage.world.withholding:
            _say(stage, reference, Said(Act.FIELD_WITHHELD, purpose="sales_care", field="purchase_history"))
        result.update(objected=len(stage.world.objecting), withheld=len(stage.world.withholding))


def _say(stage: Stage, reference: str, said: Said) -> None:
    consents.declare_for(stage.house, reference, said, actor=OPERATOR, now=stage.now())


def _segment(stage: Stage) -> None:
    for scheme in SCHEMES:
        with stage.step(f"segment {scheme}") as result:
            segments.define(stage.house, document(f"{scheme}.json"), actor=OPERATOR, now=stage.now())
            result.update(segments.run(stage.house, scheme, actor=OPERATOR, now=stage.now()).to_json())


def _price(stage: Stage) -> None:
    for name in ("treuebonus", "aktivrabatt"):
        with stage.step(f"price {name}") as result:
            prices.define(stage.house, document(f"{name}.json"), actor=OPERATOR, now=stage.now())
            checked = prices.check(stage.house, name, actor=OPERATOR, now=stage.now())
            outcome = "activated"
            try:
                prices.activate(stage.house, name, actor=OPERATOR, now=stage.now())
            except Refused as refusal:
                outcome = f"refused: {refusal}"
            verdict = checked.to_json()["verdict"]
            result.update(policy=name, verdict=verdict, outcome=outcome)
            stage.told.prices.append({"policy": name, "verdict": verdict, "outcome": outcome})


def _correct(stage: Stage) -> None:
    """The complaint desk moves one person; the next run respects it."""
    desk = Actor(Role.DESK, "demo")
    with stage.step("correct one person, run again") as result:
        reference = _first_in(stage, "reactivate")
        review = stage.now().date() + timedelta(days=180)
        order = CorrectionOrder("move", "care", CORRECTION, review)
        correcting.correct(stage.house, SCHEMES[0], reference, order, actor=desk, now=stage.now())
        report = segments.run(stage.house, SCHEMES[0], actor=OPERATOR, now=stage.now())
        result.update(report.to_json())
        stage.told.corrected = {"reference": reference, "from": "reactivate", "to": "care", "run": report.run}


def _visit(stage: Stage) -> None:
    """Customers decide for themselves, by mail and in the portal; it acts at once."""
    house, taken = stage.house, {*stage.world.objecting, *stage.world.withholding, *stage.world.dormant}
    people = visits.visitors_of(stage.world, apart_from=taken)
    with stage.step("customers in the portal") as result:
        before = _members(stage)
        result.update(visits.decide(house, people.decides, stage.now))
        result["confirmed"] = visits.confirm_newsletter(house, people.confirms, stage.now)
        result["ended"] = visits.end_newsletter(house, people.ends, stage.now)
        mail = visits.leave_a_link(house, people.waits, stage.now)
        result.update(before=before, after=_members(stage))
        stage.told.portal = {"address": people.waits[1], "mail": str(mail), "outbox": str(mail.parent)}
        stage.told.portal |= {name: result[name] for name in ("before", "after", "confirmed", "ended")}


def _members(stage: Stage) -> int:
    return sum(sum(segments.show(stage.house, scheme, now=stage.now()).now.values()) for scheme in SCHEMES)


def _first_in(stage: Stage, segment: str) -> str:
    wanted = [ref for ref in stage.world.dormant if ref not in stage.world.objecting + stage.world.withholding]
    for reference in wanted:
        if _explained(stage, reference).explanation.segment == segment:
            return reference
    raise BadInput("the demonstration needs more contacts: nobody is in the segment it corrects; use --contacts 500")


def _object_later(stage: Stage) -> None:
    """Somebody objects after the run: out of every output at once, without a run."""
    with stage.step("one more objection, effective at once") as result:
        before = segments.show(stage.house, SCHEMES[0], now=stage.now()).now
        taken = {*stage.world.objecting, *stage.world.withholding, stage.told.corrected["reference"]}
        reference = next(ref for ref in stage.world.dormant if ref not in taken)
        _say(stage, reference, OBJECTION)
        after = segments.show(stage.house, SCHEMES[0], now=stage.now()).now
        result.update(before=sum(before.values()), after=sum(after.values()))


def _export(stage: Stage) -> None:
    with stage.step("export a letter") as result:
        house = stage.house
        (stage.folder / "brief.json").write_text(document("brief.json"), encoding="utf-8")
        asked = export_requests.request(house, document("brief.json"), actor=OPERATOR, now=stage.now())
        export_requests.approve(house, asked.number, actor=OPERATOR, now=stage.now())
        built = exports.build(house, asked.number, actor=OPERATOR, now=stage.now())
        target = house.settings.home / "export" / "brief.csv"
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as file:
            for part in exports.download(house, asked.number, actor=OPERATOR, now=stage.now()).pieces:
                file.write(part)
        manifest = built.manifest or {}
        result.update(number=asked.number, manifest=manifest)
        stage.told.export = {"number": asked.number, "file": str(target), "included": manifest.get("included")}


def _explain(stage: Stage) -> None:
    reference = stage.told.corrected["reference"]
    with stage.step("explain that person") as result:
        result.update(_explained(stage, reference).to_json())


def _explained(stage: Stage, reference: str) -> ExplainedAssignment:
    return explain_reference(stage.house, SCHEMES[0], reference, actor=OPERATOR, now=stage.now())


def _staff(stage: Stage) -> None:
    for name, role in PEOPLE:
        password = secrets.token_urlsafe(12)
        staff.add_member(stage.house, name, role, password, actor=OPERATOR, now=stage.now())
        stage.told.sign_in.append({"name": name, "role": role.value, "password": password})


def _verify(stage: Stage) -> None:
    with stage.step("verify the log and every row") as result:
        log.sign_checkpoint(stage.house, now=stage.now())
        verified = log.verify_home(stage.house, deep=True)
        stage.told.verified = verified.to_json()
        result.update(verified.to_json())
    stage.told.schemes = segments.schemes(stage.house).to_json()["schemes"]


ACTS = (
    _import, _declare, _segment, _price, _correct, _object_later, _visit, _export, _explain, _staff, _verify,
)  # fmt: skip


def clock() -> datetime:
    """The time of day; the story moves with it."""
    return datetime.now(UTC)
