"""What this package refuses, without ever naming a value of a person."""

from audit.errors import BadInput, Refused, Unavailable


class DeclarationInvalid(BadInput):
    """A declaration does not make sense by itself: its date lies in the future, or a part is missing."""


class MayNotRaise(Refused):
    """Something was denied, and this is not the subject's own later act (OBJ-10)."""


class GroundInvalid(BadInput):
    """A fact that would open a channel has no evidence, lies in the future, or opens nothing there (§ 7 UWG)."""


class PresumedForConsumer(Refused):
    """Presumed consent to calls was recorded for somebody who is no business (§ 7(2) no. 1 UWG)."""


class FieldNotForPurpose(Refused):
    """A field was asked for that the purpose may not use (Article 5(1)(b) GDPR)."""


class PermissionUnavailable(Unavailable):
    """What people declared cannot be read in full; nobody is let through until it can (PRI-10)."""


class ChangedMeanwhile(Refused):
    """Something was declared since the state was read on which the change rests; nothing is recorded."""
