"""What stands between a draft and its preview, met conditions included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.console.builder_kinds import WITH_NAMES, WITH_RULES
from api.console.counts import Condition
from api.workflows.activations import NEEDS_OFFICER
from api.workflows.previews import FEW_SEGMENTS, MANY_SEGMENTS
from segmentation.settings.kinds import Kind

if TYPE_CHECKING:
    from api.console.builder_counts import Counted
    from api.console.builder_draft import Draft
    from api.deps import Visit
    from governance.purposes import Purpose


def checks_of(
    visit: Visit, draft: Draft, purpose: Purpose | None, refused: int, counted: Counted | None, least: int
) -> tuple[Condition, ...]:
    """What stands in the way, and what does not."""
    say, number = visit.tongue.say, visit.tongue.formats.number
    found = []
    if purpose is None:
        found.append(Condition("attention", say("Choose a purpose")))
    elif not purpose.profiling and draft.kind != Kind.MANUAL:
        found.append(
            Condition(
                "refused",
                say("This purpose does not cover profiling"),
                say("Art. 4(4) GDPR: whoever agreed was not told of groups."),
            )
        )
    if refused:
        text = (
            say("One condition is not permitted")
            if refused == 1
            else say("%(n)s conditions are not permitted", n=number(refused))
        )
        found.append(Condition("refused", text))
    if draft.kind in WITH_NAMES:
        segments = len(draft.segments) + (draft.rest is not None)
        fits = FEW_SEGMENTS <= segments <= MANY_SEGMENTS
        text = say("One segment") if segments == 1 else say("%(n)s segments", n=number(segments))
        note = say("easy to tell apart") if fits else say("Four to eight are what people can tell apart.")
        found.append(Condition("ok" if fits else "attention", text, note))
    if counted is not None and counted.at and draft.kind in WITH_RULES and not refused:
        small = [place for place, people in counted.at.items() if "-" not in place and people < least]
        word = (
            say("Every rule fits enough people") if not small else say("A rule fits fewer than %(n)s", n=number(least))
        )
        found.append(Condition("ok" if not small else "attention", word))
    if draft.effect in {effect.value for effect in NEEDS_OFFICER}:
        found.append(
            Condition(
                "attention", say("Data protection decides"), say("Price and contract need the officer (Art. 35 GDPR).")
            )
        )
    return tuple(found)
