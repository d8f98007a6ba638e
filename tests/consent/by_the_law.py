"""The decision table of design 4 and the rules of a ledger, written out as data: what the ledger is tested against.

Nothing here is imported from the code under test. Where it replays, it does so in the plainest way, over tables that
can be read beside the law. What somebody said is a `Word`; every answer comes from a list of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CHANNELS = ("email", "phone", "post", "sms")

# Which of its two times a word counts from: doubt is on the side of the person.
COUNTS_FROM = {
    "refused": min, "withdrawn": min, "objected": min, "field_withheld": min,
    "given": max, "renewed": max, "objection_lifted": max, "field_released": max, "requested": max, "unknown": max,
}  # fmt: skip

# Whose own act stands behind a yes: the word itself, the evidence if there is any, or nobody's.
OWN_ACT = {
    "subject": "the word",
    "desk_for_subject": "the evidence",
    "controller_api": "the evidence",
    "import": "nobody's",
    "signal": "nobody's",
}

# What becomes of the state of a consent (rows) when a word is said (columns).
STATE_AFTER = """
          given      renewed    requested  unknown    refused    withdrawn  objected   last_refused  last_withdrawn
never     given      renewed    requested  unknown    refused    withdrawn  never      never         never
requested given      renewed    requested  unknown    refused    withdrawn  requested  requested     requested
unknown   given      renewed    requested  unknown    refused    withdrawn  unknown    unknown       unknown
given     given      renewed    given      given      refused    withdrawn  withdrawn  refused       withdrawn
renewed   given      renewed    renewed    renewed    refused    withdrawn  withdrawn  refused       withdrawn
refused   given      renewed    refused    refused    refused    withdrawn  refused    refused       refused
withdrawn given      renewed    withdrawn  withdrawn  refused    withdrawn  withdrawn  withdrawn     withdrawn
"""

# The first line that applies settles it.
DECISIONS = {
    "consent": """
        restricted                          no   restricted
        a child                             no   minor
        state is refused                    no   consent_refused
        state is withdrawn                  no   consent_withdrawn
        objected to it                      no   objected
        objected to everything before       no   objected
        objected to marketing before        no   objected_to_marketing
        objected to profiling before        no   objected_to_profiling
        ended                               no   consent_expired
        state is given                      yes  consent_given
        state is renewed                    yes  consent_given
        state is unknown                    no   consent_unknown
        state is requested                  no   requested_only
        refused a channel                   no   consent_refused
        otherwise                           no   never_asked
    """,
    "legitimate_interests": """
        restricted                          no   restricted
        a child who is profiled             no   minor
        objected to it                      no   objected
        objected to everything              no   objected
        objected to marketing               no   objected_to_marketing
        objected to profiling               no   objected_to_profiling
        assessment over                     no   assessment_expired
        not informed                        no   not_informed
        otherwise                           yes  interests_prevail
    """,
    "contract": """
        restricted                          no   restricted
        a child who is profiled             no   minor
        contract runs                       yes  contract_active
        otherwise                           no   no_contract
    """,
}


@dataclass(frozen=True)
class Word:
    """Something somebody declared, in plain words and times."""

    act: str
    said: datetime
    heard: datetime
    source: str
    scope: str = "purpose"
    purpose: str | None = None
    channel: str | None = None
    field: str | None = None
    evidence: bool = False
    shown: datetime | None = None
    until: datetime | None = None

    @property
    def counts(self) -> datetime:
        return COUNTS_FROM[self.act](self.said, self.heard)

    @property
    def is_no(self) -> bool:
        return COUNTS_FROM[self.act] is min

    @property
    def own(self) -> datetime | None:
        """When the person's own act behind it happened."""
        if OWN_ACT[self.source] == "the word":
            return self.counts
        if OWN_ACT[self.source] == "the evidence" and self.evidence and self.shown is not None:
            return min(self.shown, self.counts)
        return None

    def may_follow(self, no: datetime | None) -> bool:
        return self.source != "signal" and (no is None or (self.own is not None and self.own > no))


@dataclass(frozen=True)
class Kind:
    """A purpose, as far as the law asks."""

    key: str
    basis: str
    marketing: bool = False
    profiling: bool = False
    assessed: bool = True


@dataclass(frozen=True)
class Facts:
    """A person, as far as the law asks."""

    informed: bool = True
    restricted: bool = False
    child: bool = False
    contract: bool = False


@dataclass
class Place:
    """Where somebody stands for a purpose."""

    state: str = "never"
    objected: bool = False
    own: datetime | None = None
    until: datetime | None = None
    open: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    blocked: frozenset[Word] = frozenset()
    """Each yes that came after a no and was not the person's own later act."""


def _table(text: str) -> dict[tuple[str, str], str]:
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return {(row[0], word): cell for row in rows for word, cell in zip(head, row[1:], strict=True)}


NEXT = _table(STATE_AFTER)


def in_order(words: list[Word]) -> list[Word]:
    return sorted(words, key=lambda word: word.counts)


def place(words: list[Word], purpose: str) -> Place:
    """Where the words leave somebody for a purpose."""
    at = Place()
    parts: dict[str, datetime | None] = {}
    whole_no: datetime | None = None
    channel_no: dict[str, datetime] = {}
    blocked = set()
    for word in in_order([w for w in words if w.purpose == purpose and w.scope == "purpose" and w.field is None]):
        part = word.channel or "all"
        noes = [no for no in (whole_no, channel_no.get(part)) if no is not None]
        if word.act in ("given", "renewed", "objection_lifted") and not word.may_follow(max(noes, default=None)):
            blocked.add(word)
        elif word.act in ("given", "renewed") and word.source == "import" and not word.evidence:
            at.state = NEXT[at.state, "unknown"]
        elif word.act in ("given", "renewed"):
            parts = {name: end for name, end in parts.items() if end is None or end > word.counts} | {part: word.until}
            at.state, at.objected, at.own = NEXT[at.state, word.act], False, word.own or at.own
            at.closed -= {part}
        elif word.act == "objection_lifted":
            at.objected, at.closed = at.objected and part != "all", at.closed - {part}
        elif word.is_no and part == "all":
            at.state, at.objected, at.own, parts, whole_no = NEXT[at.state, word.act], True, None, {}, word.counts
        elif word.is_no:
            held = parts.pop(part, "nothing") != "nothing" or bool(parts) or at.state in ("given", "renewed")
            at.closed |= {part}
            channel_no[part] = word.counts
            if held and not parts and at.state in ("given", "renewed"):
                last = "last_refused" if word.act == "refused" else "last_withdrawn"
                at.state, at.own, whole_no = NEXT[at.state, last], None, word.counts
        else:
            at.state = NEXT[at.state, word.act]
    ends = [end for end in parts.values() if end is not None]
    at.until = min(ends, default=None) if at.state in ("given", "renewed") else None
    at.open, at.blocked = frozenset(parts) - {"all"}, frozenset(blocked)
    return at


def objections(words: list[Word]) -> tuple[dict[str, datetime | None], frozenset[Word]]:
    """Since when each wide objection stands, and which attempts to lift one did not count."""
    since: dict[str, datetime | None] = {"general": None, "marketing": None, "profiling": None}
    blocked = set()
    for word in in_order([w for w in words if w.scope in since]):
        if word.act == "objected":
            since[word.scope] = word.counts
        elif word.may_follow(since[word.scope]):
            since[word.scope] = None
        else:
            blocked.add(word)
    return since, frozenset(blocked)


def withholds(words: list[Word], purpose: str, field: str) -> bool:
    """Whether a field may not be used for a purpose; the empty purpose is every one not spoken of."""
    since: datetime | None = None
    for word in in_order([w for w in words if w.field == field and w.purpose in (purpose or None, None)]):
        if word.act == "field_withheld":
            since = word.counts
        elif word.may_follow(since):
            since = None
    return since is not None


def blocks_release(words: list[Word], release: Word) -> bool:
    """Whether a release comes after a withholding that only the person's own later act undoes."""
    before = [w for w in words if w.field == release.field and w.counts < release.counts]
    for scope in (release.purpose, None):
        if withholds(before, scope or "", release.field or ""):
            relevant = [w for w in before if w.purpose in (scope, None) and w.act == "field_withheld"]
            return not release.may_follow(max(w.counts for w in relevant))
    return not release.may_follow(None)


def decision(kind: Kind, facts: Facts, words: list[Word], now: datetime) -> tuple[bool, str]:
    """Lawful or not, and why, by the first line that applies."""
    at, (since, _) = place(words, kind.key), objections(words)
    for line in DECISIONS[kind.basis].strip().splitlines():
        condition, answer, reason = (part.strip() for part in _cells(line))
        if applies(condition, kind, facts, at, since, now):
            return answer == "yes", reason
    raise AssertionError("no line applies")


def _cells(line: str) -> tuple[str, str, str]:
    *condition, answer, reason = line.split()
    return " ".join(condition), answer, reason


def applies(
    condition: str, kind: Kind, facts: Facts, at: Place, since: dict[str, datetime | None], now: datetime
) -> bool:
    """Whether a condition of the table holds."""

    def before(scope: str) -> bool:
        objected = since[scope]
        return objected is not None and (at.own is None or at.own <= objected)

    return {
        "restricted": facts.restricted,
        "a child": facts.child,
        "a child who is profiled": facts.child and kind.profiling,
        "objected to it": at.objected,
        "objected to everything": since["general"] is not None,
        "objected to marketing": kind.marketing and since["marketing"] is not None,
        "objected to profiling": kind.profiling and since["profiling"] is not None,
        "objected to everything before": before("general"),
        "objected to marketing before": kind.marketing and before("marketing"),
        "objected to profiling before": kind.profiling and before("profiling"),
        "ended": at.state in ("given", "renewed") and at.until is not None and at.until <= now,
        "refused a channel": bool(at.closed),
        "assessment over": not kind.assessed,
        "not informed": not facts.informed,
        "contract runs": facts.contract,
        "otherwise": True,
    }.get(condition, condition == f"state is {at.state}")
