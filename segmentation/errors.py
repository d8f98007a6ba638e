"""Refusals of the segmentation; no message holds a person's value, only keys, counts and paths."""

from __future__ import annotations

from dataclasses import dataclass

from audit.errors import BadInput, Broken, NotFound, Refused


@dataclass(frozen=True)
class Mistake:
    """One thing to mend in a document: where, as a JSON path, and what."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


class DefinitionInvalid(BadInput):
    """The definition does not validate; `mistakes` lists all that were found, each with its JSON path."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes
        super().__init__("The definition is not valid. " + " ".join(f"{mistake}." for mistake in mistakes))


class ModelBroken(Broken):
    """A stored model is not the document that its digest names, or cannot be read."""


class RecordBroken(Broken):
    """A packed record has another width than its model gives it."""


class SchemeUnknown(NotFound):
    """No scheme of that name is defined."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"No scheme is defined under the name {scheme!r}; `lauter segment list` shows those there are."
        )


class NeverRun(NotFound):
    """The scheme has no published run yet."""

    def __init__(self, scheme: str) -> None:
        super().__init__(f"The scheme {scheme!r} has no published run; `lauter segment run {scheme}` makes one.")


class NotActivated(Refused):
    """The scheme has drafts only, or was switched off: nothing may run and nothing may leave by it."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"No version of the scheme {scheme!r} is active. `lauter segment activate {scheme}` makes the newest one "
            "active, or asks the data protection officer where a price or a contract hangs on it."
        )


class SegmentUnknown(NotFound):
    """The scheme has no segment of that key."""

    def __init__(self, scheme: str, segment: str) -> None:
        super().__init__(
            f"The scheme {scheme!r} has no segment {segment!r}; `lauter segment show {scheme}` lists them."
        )


class NothingToFit(Refused):
    """Too few people with complete data to fit a model; lists how many there are and how many are needed."""

    def __init__(self, rows: int, needed: int) -> None:
        super().__init__(
            f"A model needs at least {needed} people whose inputs are complete, but only {rows} are permitted and "
            "complete. Take fewer features or fewer segments, or import the missing data."
        )


class TooLittleHistory(NothingToFit):
    """Too few people of whom enough was known on a past day for a forecast to learn from, or to be judged by."""

    def __init__(self, rows: int, needed: int) -> None:
        super(NothingToFit, self).__init__(
            f"A forecast learns from what was known on past days, and needs at least {needed} permitted people there; "
            f"there are {rows}. Profiles keep no history: a value stated since then counts as missing. Take a shorter "
            "horizon or features of activities, or wait until more has happened."
        )


class OneOutcomeOnly(NothingToFit):
    """What is to be forecast happened to nearly everybody or to nearly nobody: there is nothing to tell apart."""

    def __init__(self, needed: int) -> None:
        super(NothingToFit, self).__init__(
            f"What is to be forecast must have happened to at least {needed} people and not happened to as many, on "
            "each of the past days. It did not. Take another horizon."
        )


class OtherSchemeUnfit(Refused):
    """A forecast of moves needs the live run of another scheme, for the same purpose and unit."""

    def __init__(self, scheme: str, why: str) -> None:
        super().__init__(f"Moves in the scheme {scheme!r} cannot be forecast: it {why}.")


class AssessmentMissing(Refused):
    """A scheme may not become active, because the assessment its purpose needs is missing or over (Article 35 GDPR)."""

    def __init__(self, purpose: str) -> None:
        super().__init__(
            f"the purpose {purpose!r} needs a valid assessment before a scheme with this effect may run; renew it and "
            "put its new last day into the catalogue"
        )


class StaleSegment(Refused):
    """The result is too old, or another version is active: nothing leaves by it (Article 5(1)(d) GDPR)."""

    def __init__(self, scheme: str, reason: str) -> None:
        super().__init__(f"the result of {scheme!r} is {reason}; run the scheme first, then try again")


class RunOverlapped(Refused):
    """Another run of the same scheme swept this one or was published first; nothing of this one is visible."""

    def __init__(self, run: int) -> None:
        super().__init__(f"Run {run} was overtaken by another run of the same scheme and is void. Start it again.")


class CorrectionRefused(Refused):
    """A correction that cannot stand: nothing to pin, a review date in the past, a second one for the same person."""


class AlreadyDefined(Refused):
    """Exactly this definition stands already."""


class PurposeMismatch(Refused):
    """A segment made for one purpose was asked for under another (Article 5(1)(b) GDPR, PRI-1)."""

    def __init__(self, scheme: str, made_for: str, asked_for: str) -> None:
        super().__init__(f"The scheme {scheme!r} was made for the purpose {made_for!r} and cannot serve {asked_for!r}.")
