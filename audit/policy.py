"""Whom a verifier trusts: logs, witnesses and how many of them, as a C2SP tlog-policy file; pure.

    log audit.example.org/log+1b7980a4+AYqI…  https://audit.example.org/log
    witness board witness.example.org/w1+b4f59ab9+BIE5…  https://witness.example.org
    group some any board council
    quorum some

A checkpoint is accepted when one of the logs signed it and its cosignatures meet the quorum. `quorum none` asks for no
witness, and has to be said. Names are opaque: only the same bytes are the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.errors import BadInput
from audit.note import LogVerifier

NONE = "none"
MAX_BYTES = 1 << 18
_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class PolicyKey:
    """A log or a witness with its key and, if it can be called, the prefix of its address."""

    name: str
    vkey: str
    url: str | None = None

    @property
    def verifier(self) -> LogVerifier:
        """Checks what this key signed."""
        return LogVerifier(self.vkey)


@dataclass(frozen=True)
class Group:
    """Witnesses and groups of which at least *threshold* must have signed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Everything a policy file says."""

    logs: tuple[PolicyKey, ...]
    witnesses: tuple[PolicyKey, ...]
    groups: Mapping[str, Group]
    quorum: str

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The public keys of all logs and witnesses."""
        return tuple(key.vkey for key in (*self.logs, *self.witnesses))

    @property
    def verifiers(self) -> tuple[LogVerifier, ...]:
        """The same, ready to verify."""
        return tuple(map(LogVerifier, self.vkeys))

    def is_met(self, cosigned: frozenset[str]) -> bool:
        """Whether witnesses with these keys, written `name+id`, are enough."""
        signed = {
            witness.name
            for witness in self.witnesses
            if f"{witness.verifier.name}+{witness.verifier.key_id.hex()}" in cosigned
        }
        return self.quorum == NONE or self._witnessed(self.quorum, signed)

    def _witnessed(self, name: str, signed: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._witnessed(member, signed) for member in group.members) >= group.threshold


@dataclass
class _Reader:
    """What was read so far, line by line."""

    logs: list[PolicyKey] = field(default_factory=list)
    witnesses: dict[str, PolicyKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    keys: set[tuple[bool, bytes]] = field(default_factory=set)
    quorum: str | None = None

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._key("", vkey, url, witness=False))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._new(name)
                self.witnesses[name] = self._key(name, vkey, url, witness=True)
            case ["group", name, threshold, first, *others]:
                self._group(name, threshold, [first, *others])
            case ["quorum", name]:
                self._quorum(name)
            case _:
                raise BadInput("must be log VKEY [URL], witness NAME VKEY [URL], group NAME K|any|all NAME…, or quorum")

    def _key(self, name: str, vkey: str, url: list[str], *, witness: bool) -> PolicyKey:
        verifier = LogVerifier(vkey)
        if verifier.is_witness != witness:
            raise BadInput("a witness's key is one for cosignatures, a log's key is not")
        if (witness, verifier.public_key) in self.keys:
            raise BadInput("the same public key stands here twice")
        self.keys.add((witness, verifier.public_key))
        return PolicyKey(name or verifier.name, vkey, url[0] if url else None)

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise BadInput("the name is taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise BadInput("names a witness or group that no line before it defines")

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._new(name)
        for member in members:
            self._known(member)
            if member in self.members:
                raise BadInput("a member stands in a group already; each counts once")
            self.members.add(member)
        wanted = {"any": 1, "all": len(members)}.get(threshold)
        if wanted is None:
            wanted = int(threshold) if _THRESHOLD.fullmatch(threshold) else 0
        if not 1 <= wanted <= len(members):
            raise BadInput(f"the threshold must be any, all or a number from 1 to {len(members)}")
        self.groups[name] = Group(wanted, tuple(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise BadInput("there is a quorum already")
        if name != NONE:
            self._known(name)
        self.quorum = name


def parse_policy(data: bytes) -> Policy:
    """Read a policy file.

    Raises:
        BadInput: a line cannot be read, or there is no quorum; names the line.
    """
    if len(data) > MAX_BYTES or not _ALLOWED.fullmatch(data):
        raise BadInput("policy: control characters other than tab and newline, or longer than a policy can be")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except BadInput as problem:
            raise BadInput(f"policy, line {number}: {problem}") from None
    if reader.quorum is None:
        raise BadInput("policy: the line 'quorum NAME' is missing; 'quorum none' asks for no witness")
    return Policy(tuple(reader.logs), tuple(reader.witnesses.values()), reader.groups, reader.quorum)
