"""Which declarations a choice becomes, and the way back from a choice; pure.

A choice that changes nothing becomes no declaration. Where two choices of one form contradict each other the refusal
counts. Going back restores what stood before, as far as it is the person's own later act (Article 7(3) GDPR).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from consent.channels import Opening, openings
from consent.choices import (
    Aim,
    Answer,
    Choice,
    Word,
    asks_for_whole,
    field_aims,
    is_closed,
    is_withheld,
    outranks,
    rests_on_choice,
    since_of,
    wide_scopes_on,
)
from consent.replay import WIDE_SCOPES, Position
from consent.standing import NO_STANDING, PERMITTING_STATES, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Act, Channel, ConsentState, LegalBasis, Scope

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.purposes import Purpose


def acts(
    choice: Choice, catalogue: Catalogue, position: Position, *, now: datetime, renew: bool = False
) -> list[tuple[Act, Aim]]:
    """The declarations that make the choice so, none where it is so already.

    Args:
        renew: the notice was changed since the consent was given: an allowed thing is allowed anew.
    """
    aim = choice.aim
    if aim.scope is not Scope.PURPOSE:
        stands = since_of(position.objections)[aim.scope] is not None
        if stands is (choice.answer is Answer.REFUSE):
            return []
        return [(Act.OBJECTED if choice.answer is Answer.REFUSE else Act.OBJECTION_LIFTED, aim)]
    if aim.field is not None:
        hidden = is_withheld(position, aim.purpose, aim.field)
        if hidden is (choice.answer is Answer.REFUSE):
            return []
        return [(Act.FIELD_WITHHELD if choice.answer is Answer.REFUSE else Act.FIELD_RELEASED, aim)]
    purpose = catalogue.purpose(aim.purpose or "")
    standing = position.standings.get(purpose.key, NO_STANDING)
    if choice.answer is Answer.ALLOW and (aim.channel or purpose.basis is LegalBasis.CONSENT):
        return _allowing(purpose, aim, standing, position.objections, now=now, renew=renew)
    if choice.answer is not Answer.REFUSE:  # what rests on interests is never allowed: an objection is taken back
        lifts = standing.objected if aim.channel is None else is_closed(standing, aim.channel)
        return [(Act.OBJECTION_LIFTED, aim)] if lifts else []
    return _refusing(purpose, aim, standing)


def acts_of(
    choices: Sequence[Choice], catalogue: Catalogue, position: Position, *, now: datetime, renew: Collection[str] = ()
) -> list[tuple[Act, Aim]]:
    """The declarations of one form, each once, in the order of the choices.

    Args:
        renew: purposes whose notice was changed since the consent was given.
    """
    freed = {c.aim.field for c in choices if c.aim.field and not c.aim.purpose and c.answer is Answer.ALLOW}
    found: dict[tuple[Act, Aim], None] = {}
    for choice in choices:
        if choice.aim.purpose and choice.aim.field in freed and choice.answer is Answer.REFUSE:
            found.setdefault((Act.FIELD_WITHHELD, choice.aim))  # released for all of them in the same breath
            continue
        for act in acts(choice, catalogue, position, now=now, renew=choice.aim.purpose in renew):
            found.setdefault(act)
    return list(found)


def contradicted(choices: Sequence[Choice]) -> frozenset[Choice]:
    """Channels allowed beside a refusal of the evaluation they hang on: the refusal counts, these do not."""
    refused = {
        c.aim.purpose
        for c in choices
        if c.answer is Answer.REFUSE and c.aim.scope is Scope.PURPOSE and not c.aim.channel and not c.aim.field
    }
    return frozenset(
        c for c in choices if c.answer is Answer.ALLOW and c.aim.channel is not None and c.aim.purpose in refused
    )


def completed(choices: Sequence[Choice], catalogue: Catalogue, said: Mapping[Aim, Word]) -> list[Choice]:
    """The choices, and that what the person sees as refused beside them stays refused.

    A consent to one part of a purpose opens what needs no consent of its own, such as post: it must not open what was
    refused together with the whole before.
    """
    chosen = {choice.aim for choice in choices}
    touched = {c.aim.purpose for c in choices if c.answer is Answer.ALLOW and c.aim.purpose and not c.aim.field}
    kept = (Aim(key, channel) for key in sorted(touched) for channel in sorted(catalogue.purpose(key).channels))
    refused = [aim for aim in kept if aim in said and said[aim].answer is Answer.REFUSE and aim not in chosen]
    return [*choices, *(Choice(aim, Answer.REFUSE) for aim in refused)]


def everything_refused(catalogue: Catalogue) -> list[Choice]:
    """All that may be refused at once, purpose by purpose: no channel of it stays open."""
    return [Choice(Aim(p.key), Answer.REFUSE) for p in catalogue.purposes.values() if rests_on_choice(p)]


def restoring(catalogue: Catalogue, before: Position, after: Position) -> list[Choice]:
    """The choices that lead from *after* back to *before*, as far as the person can go: silence cannot be restored."""
    found: list[Choice] = []
    old, new = since_of(before.objections), since_of(after.objections)
    for scope in WIDE_SCOPES:
        if (old[scope] is None) is not (new[scope] is None):
            found.append(Choice(Aim(scope=scope), Answer.LIFT if old[scope] is None else Answer.REFUSE))
    for purpose in catalogue.purposes.values():
        back = list(_restoring_purpose(purpose, before, after))
        if purpose.basis is LegalBasis.CONSENT and _is_stopped(purpose, before):
            # it did not run before either; going back may close, and never opens what an objection had closed
            back = [choice for choice in back if choice.answer is Answer.REFUSE]
        found += [*back, *_keeping_open(purpose, before, after, back)]
    return found + [choice for aim in field_aims(catalogue) for choice in _restoring_field(aim, before, after)]


def _allowing(
    purpose: Purpose, aim: Aim, standing: Standing, objections: Objections, *, now: datetime, renew: bool
) -> list[tuple[Act, Aim]]:
    permits = standing.effective_state(now) in PERMITTING_STATES
    outranked = all(outranks(purpose, standing, since) for _, since in wide_scopes_on(purpose, objections))
    act = Act.RENEWED if permits else Act.GIVEN
    needed = []
    if asks_for_whole(purpose) and aim.channel is not None and not permits:
        needed.append((Act.GIVEN, Aim(purpose.key)))  # no message without the evaluation it rests on
    stands = permits and (aim.channel is None or bool(standing.channels & CHANNEL_BITS[aim.channel]))
    if not stands or renew or not outranked:
        needed.append((act if stands else Act.GIVEN, aim))
    return needed


def _refusing(purpose: Purpose, aim: Aim, standing: Standing) -> list[tuple[Act, Aim]]:
    if aim.channel is not None:
        if is_closed(standing, aim.channel):
            return []
        consented = standing.state in PERMITTING_STATES and standing.channels & CHANNEL_BITS[aim.channel]
        return [(Act.WITHDRAWN if consented else _refusal(purpose), aim)]
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS:
        return [] if standing.objected else [(Act.OBJECTED, aim)]
    if standing.state in (ConsentState.REFUSED, ConsentState.WITHDRAWN):
        return []
    return [(Act.WITHDRAWN if standing.state in PERMITTING_STATES else Act.REFUSED, aim)]


def _refusal(purpose: Purpose) -> Act:
    return Act.REFUSED if purpose.basis is LegalBasis.CONSENT else Act.OBJECTED


def _restoring_field(aim: Aim, before: Position, after: Position) -> Iterator[Choice]:
    field = aim.field or ""
    was, is_ = (is_withheld(p, aim.purpose, field) for p in (before, after))
    freed = is_withheld(after, None, field) and not is_withheld(before, None, field)
    if was is not is_ or (was and freed):
        yield Choice(aim, Answer.REFUSE if was else Answer.ALLOW)


def _is_stopped(purpose: Purpose, position: Position) -> bool:
    """Whether a wide objection stood above the purpose: a consent given anew would rise above it."""
    standing = position.standings.get(purpose.key, NO_STANDING)
    return not all(outranks(purpose, standing, since) for _, since in wide_scopes_on(purpose, position.objections))


def _restoring_purpose(purpose: Purpose, before: Position, after: Position) -> Iterator[Choice]:
    old, new = (p.standings.get(purpose.key, NO_STANDING) for p in (before, after))
    gave, gives = (s.state in PERMITTING_STATES for s in (old, new))
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS and old.objected is not new.objected:
        yield Choice(Aim(purpose.key), Answer.REFUSE if old.objected else Answer.LIFT)
    elif asks_for_whole(purpose) and gave is not gives:
        yield Choice(Aim(purpose.key), Answer.ALLOW if gave else Answer.REFUSE)
    for channel in sorted(purpose.channels):
        bit, aim = CHANNEL_BITS[channel], Aim(purpose.key, channel)
        consented, consents = (s.state in PERMITTING_STATES and bool(s.channels & bit) for s in (old, new))
        if consented and not consents:
            yield Choice(aim, Answer.ALLOW)
        elif is_closed(new, channel) and not is_closed(old, channel):
            yield Choice(aim, Answer.LIFT)
        elif _reopened(old, new, channel) or (consents and not consented and (gave or not asks_for_whole(purpose))):
            yield Choice(aim, Answer.REFUSE)


def _keeping_open(purpose: Purpose, before: Position, after: Position, back: Sequence[Choice]) -> Iterator[Choice]:
    """A word about every other channel of a purpose that is allowed again, so that none is taken for refused.

    Post needs no consent of its own; once the whole was refused it takes the person's word to open it (OBJ-6).
    """
    if not any(choice.answer is Answer.ALLOW for choice in back):
        return
    old, new = (p.standings.get(purpose.key, NO_STANDING) for p in (before, after))
    anew = purpose.basis is LegalBasis.CONSENT and new.state not in PERMITTING_STATES
    for channel in sorted(purpose.channels):
        aim = Aim(purpose.key, channel)
        if any(choice.aim == aim for choice in back):
            continue
        free = not purpose.marketing or Opening.NO_OBJECTION in openings(channel, "unknown")
        opens = anew and free and not is_closed(old, channel)
        yield Choice(aim, Answer.ALLOW if opens else Answer.LIFT)


def _reopened(old: Standing, new: Standing, channel: Channel) -> bool:
    return is_closed(old, channel) and not is_closed(new, channel)
