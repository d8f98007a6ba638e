"""A preview as pages show it: what each permission costs, sizes, moves against the live run, and what to mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.console.contacts import CHANNELS
from api.console.counts import Condition, Counts, Step, funnel
from api.console.schemes import EFFECTS, KINDS
from governance.vocabulary import REASON_TEXT, EffectClass
from segmentation.settings.kinds import Kind

if TYPE_CHECKING:
    from api.deps import Visit
    from api.workflows.previews import Preview
    from segmentation.preview import Outlook


@dataclass(frozen=True)
class SizeRow:
    """One segment as it would be."""

    name: str
    fits: int | None
    ruled: bool
    count: int | None
    width: float
    suppressed: bool


@dataclass(frozen=True)
class MoveRow:
    """Where the people of one segment of the live run would be."""

    name: str
    cells: tuple[tuple[int | None, bool], ...]
    """Count, and whether it is the same segment."""


@dataclass(frozen=True)
class PreviewPage:
    """A preview as this role may see it."""

    scheme: str
    kind: str
    purpose: str
    effect: str
    needs_officer: bool
    active: int | None
    funnel: tuple[Step, ...]
    withheld: tuple[tuple[str, int | None], ...]
    sizes: tuple[SizeRow, ...]
    placed: int | None
    total: int | None
    columns: tuple[str, ...]
    moves: tuple[MoveRow, ...]
    run: int | None
    left: int | None
    reach: tuple[tuple[str, int | None], ...]
    checks: tuple[Condition, ...]


def preview_page(visit: Visit, found: Preview) -> PreviewPage:
    """The page of a preview that has an outlook."""
    outlook = found.outlook
    if outlook is None:
        raise ValueError("a preview with refused fields has nothing to show")
    say, pick, catalogue = visit.tongue.say, visit.tongue.pick, visit.house.catalogue
    counts = Counts(visit.exact, max(10, found.minimum_size))
    placed = sum(each.people for each in outlook.segments)
    fields = catalogue.fields
    return PreviewPage(
        scheme=found.scheme,
        kind=say(KINDS[Kind(found.kind)]) if found.kind in set(Kind) else "",
        purpose=pick(catalogue.purpose(found.purpose).label),
        effect=say(EFFECTS[EffectClass(found.effect_class)]),
        needs_officer=found.needs_officer,
        active=found.active,
        funnel=_funnel(visit, outlook, counts, placed),
        withheld=tuple(
            (pick(fields[key].label), counts.see(n)) for key, n in outlook.withheld.items() if key in fields
        ),
        sizes=_sizes(visit, outlook, counts),
        placed=counts.see(placed),
        total=counts.see(outlook.total),
        columns=_columns(visit, outlook),
        moves=_moves(visit, outlook, counts),
        run=outlook.moves.run if outlook.moves else None,
        left=counts.see(outlook.moves.left) if outlook.moves else None,
        reach=tuple((say(CHANNELS[channel]), counts.see(n)) for channel, n in outlook.reach.items()),
        checks=_checks(visit, found, outlook),
    )


def _funnel(visit: Visit, outlook: Outlook, counts: Counts, placed: int) -> tuple[Step, ...]:
    say = visit.tongue.say
    pooled = say("Other reasons")
    everybody = (say("Everybody"), outlook.total)
    permitted = (say("Permitted for this purpose"), outlook.permitted)
    steps = funnel(everybody, outlook.left_out, REASON_TEXT, permitted, counts, pooled)
    inner = {
        "not_assessed": outlook.not_assessed,
        "unmatched": outlook.unmatched,
        "suppressed": outlook.suppressed,
    }
    words = {
        "not_assessed": say("Too few details to assign"),
        "unmatched": say("No segment fits"),
        "suppressed": say("Segment too small"),
    }
    rest = funnel(("", outlook.permitted), inner, words, (say("In a segment"), placed), counts, pooled, outlook.total)
    return (*steps, *rest[1:])


def _sizes(visit: Visit, outlook: Outlook, counts: Counts) -> tuple[SizeRow, ...]:
    most = max((counts.see(each.people) or 0 for each in outlook.segments), default=0) or 1
    return tuple(
        SizeRow(
            visit.tongue.pick(each.name),
            counts.see(each.fits),
            each.fits is not None,
            counts.see(each.people),
            (counts.see(each.people) or 0) / most,
            each.suppressed,
        )
        for each in outlook.segments
    )


def _columns(visit: Visit, outlook: Outlook) -> tuple[str, ...]:
    if outlook.moves is None:
        return ()
    return (*(visit.tongue.pick(name) for _, name in outlook.moves.columns), visit.tongue.say("in none"))


def _moves(visit: Visit, outlook: Outlook, counts: Counts) -> tuple[MoveRow, ...]:
    if outlook.moves is None:
        return ()
    keys = [key for key, _ in outlook.moves.columns]
    names = [*((key, visit.tongue.pick(name)) for key, name in outlook.moves.rows), ("", visit.tongue.say("in none"))]
    return tuple(
        MoveRow(name, tuple((counts.see(cell), [*keys, ""][place] == key) for place, cell in enumerate(row)))
        for (key, name), row in zip(names, outlook.moves.people, strict=True)
    )


def _checks(visit: Visit, found: Preview, outlook: Outlook) -> tuple[Condition, ...]:
    say, pick = visit.tongue.say, visit.tongue.pick
    names = {each.key: pick(each.name) for each in outlook.segments}
    checks = [Condition("ok", say("Purpose, fields and definition fit"))]
    for warned in found.warnings:
        text = pick(warned.text)
        about = names.get(warned.segment or "")
        checks.append(Condition("attention", f"{about}: {text}" if about else text))
    if found.needs_officer:
        checks.append(
            Condition(
                "attention", say("Data protection decides"), say("Price and contract need the officer (Art. 35 GDPR).")
            )
        )
    else:
        checks.append(Condition("ok", say("Nobody else has to approve it")))
    return tuple(checks)
