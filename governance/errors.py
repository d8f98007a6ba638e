"""What governance refuses, in plain words; messages hold keys, counts and paths, never a personal value."""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import BadInput, Broken, NotFound, Refused


class KeysInvalid(BadInput):
    """A key file is missing, has the wrong length, or may be read by others."""


class KeysExist(Refused):
    """The key folder holds something already; keys are never overwritten."""


class SealBroken(Broken):
    """A sealed value does not open: it was altered, moved to another row, or sealed under another key."""


class IdentityInvalid(BadInput):
    """An identity holds a detail the vault does not keep, or no reference."""


class AlreadyHeld(Refused):
    """The vault holds one of these pseudonyms or references already; ask `find` first."""


class NotHeld(NotFound):
    """The vault holds no identity under one of these pseudonyms: never stored, or erased."""


class CellsTooFine(Refused):
    """The cells are so many that a count would tell whose attribute it is."""


class CatalogueInvalid(BadInput):
    """The catalogue has mistakes; every one is named with its path."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        """One line per mistake, such as `purpose[2].basis: must be one of …`; positions count from 0."""
        count = len(self.mistakes)
        noun = "mistake" if count == 1 else "mistakes"
        super().__init__(f"the catalogue has {count} {noun} (positions count from 0):\n" + "\n".join(self.mistakes))


class UnknownPurpose(NotFound):
    """The catalogue declares no purpose under that key."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"no purpose {purpose!r} in the catalogue; declare it there as [[purpose]] first")
        self.purpose = purpose


class FieldNotPermitted(Refused):
    """A purpose may not see a field (invariant 10, PRI-1); says which and why."""

    def __init__(self, field: str, purpose: str, why: str) -> None:
        super().__init__(f"field {field!r} may not be used for purpose {purpose!r}: {why}")
        self.field = field
        self.purpose = purpose
        self.why = why


class PasswordTooWeak(BadInput):
    """The password is too short or too long."""


class RoleConflict(Refused):
    """One person, one role: the officer must not also do what the officer watches over (Article 38(6) GDPR)."""


class StaffUnknown(NotFound):
    """Nobody signs in under that name."""


class TokenInvalid(BadInput):
    """An API token asks for a scope or role that does not exist."""


class WebhookUnknown(NotFound):
    """There is no webhook of that number that is still called."""


class LogBehind(Broken):
    """The log is shorter or other than a tree head that was signed and noted: an older copy took its place."""

    def __init__(self, size: int, signed: int) -> None:
        super().__init__(
            f"the log has {size} entries, but one of {signed} was signed and may have been seen: this is an older "
            "copy of the database. Put the newer one back, or declare the loss with `lauter restore`"
        )
        self.size, self.signed = size, signed
