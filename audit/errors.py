"""What can go wrong, by who can mend it; every other package derives its refusals from these.

No message here or in a subclass ever holds a value that came from a contact, a file or a request: only keys, counts,
positions and paths (Article 5(1)(f) GDPR). The faces rely on this and show the text as it is.
"""


class LauterError(Exception):
    """Anything the caller can be told in plain words; never wraps a bug."""


class Refused(LauterError):
    """A rule says no; asking again in the same words gives the same answer."""


class BadInput(LauterError):
    """The input cannot be understood or is out of bounds; says where and how to mend it."""


class NotFound(BadInput):
    """Nothing stands under that name here."""


class Broken(LauterError):
    """Something stored is not what was written: a proof, a row or a key does not fit."""


class Unavailable(LauterError):
    """A store or key that the answer needs cannot be reached; the answer is no until it can."""


class FactRefused(BadInput):
    """The fact holds something that a leaf may not hold, such as free text or a float."""


class ProofRefused(Broken):
    """A proof, checkpoint or signature does not verify."""
