"""Asking witnesses to cosign the log's checkpoint, and keeping what they say beside it (LOG-3, LOG-9).

Who they are stands in a C2SP tlog-policy file of the home, with the prefix of each witness's address. What leaves the
house is the checkpoint and hashes, which are public anyhow. A witness that says it saw another history is told as a
problem and asked again at the next round; its cosignature is never invented, and never waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.http_answer import HttpAnswer, ask
from api.http_out import NotDelivered, Outward, TargetRefused
from audit import checkpoint, log, store_witnessing
from audit.cosignature import Submission, accepted_lines, write_submission
from audit.errors import BadInput, LauterError, ProofRefused
from audit.policy import Policy, PolicyKey, parse_policy
from audit.store_witnessing import CosignatureRow
from audit.witness import SIZE_TYPE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House

AGAIN_AFTER = timedelta(hours=24)
"""A log that does not grow is cosigned again after a day: a fresh time shows that nobody hides a newer one."""
SILENT_AFTER = timedelta(hours=48)
LONGEST_ANSWER = 16_384
HEADERS = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "lauter"}


@dataclass(frozen=True)
class Asked:
    """What one witness answered: `problem` is a token, None when it cosigned or had nothing new to see."""

    witness: str
    size: int
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"witness": self.witness, "size": self.size, "problem": self.problem}


@dataclass(frozen=True)
class Cosigned:
    """One round."""

    asked: tuple[Asked, ...]

    @property
    def ok(self) -> bool:
        """Nobody had a problem."""
        return all(asked.problem is None for asked in self.asked)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"ok": self.ok, "asked": [asked.to_json() for asked in self.asked]}


def house_policy(house: House) -> Policy | None:
    """The policy of the log's witnesses; None when the operator wrote none.

    Raises:
        BadInput: it cannot be read; names the line.
    """
    path = house.settings.log_policy_path
    try:
        return parse_policy(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError:
        raise BadInput(f"{path.name}: cannot be read; check its rights") from None


def cosign(house: House, *, now: datetime, outward: Outward | None = None) -> Cosigned:
    """Ask every witness of the policy that has an address, and keep what it says.

    Raises:
        BadInput: the policy cannot be read.
    """
    policy = house_policy(house)
    if policy is None:
        return Cosigned(())
    way = outward or Outward(allowed=house.settings.webhook_hosts)
    called = [witness for witness in policy.witnesses if witness.url is not None]
    return Cosigned(tuple(_ask_one(house, way, witness, now) for witness in called))


def heard(house: House, *, now: datetime) -> tuple[frozenset[str], Policy | None]:
    """Keys of the witnesses that cosigned of late, and the policy; None where it names no witness.

    Raises:
        BadInput: the policy cannot be read.
    """
    policy = house_policy(house)
    if policy is None or not policy.witnesses:
        return frozenset(), None
    with house.work.reading() as connection:
        last = {_key(one): store_witnessing.last_cosigned(connection, _key(one)) for one in policy.witnesses}
    return frozenset(key for key, row in last.items() if row and now - row.witnessed_at < SILENT_AFTER), policy


def are_heard(house: House, *, now: datetime) -> str:
    """In words that enough witnesses cosigned of late; for `lauter doctor`.

    Raises:
        BadInput: the policy cannot be read, or its quorum was not met for two days; names the witnesses to ask about.
    """
    found, policy = heard(house, now=now)
    if policy is None:
        return "none: nobody else vouches that all see one log; see docs/audit.md"
    silent = [one.name for one in policy.witnesses if _key(one) not in found]
    if not policy.is_met(found):
        raise BadInput(f"the quorum is not met: {', '.join(silent)} did not cosign; run `lauter audit cosign`")
    told = f"{len(found)} of {len(policy.witnesses)} cosigned within two days"
    return told + (f"; not {', '.join(silent)}" if silent else "")


def _key(witness: PolicyKey) -> str:
    return f"{witness.verifier.name}+{witness.verifier.key_id.hex()}"


def _ask_one(house: House, way: Outward, witness: PolicyKey, now: datetime) -> Asked:
    key = _key(witness)
    with house.work.reading() as connection:
        note = checkpoint.latest(connection)
        last = store_witnessing.last_cosigned(connection, key)
    if note is None:
        return Asked(witness.name, 0)
    size, old = checkpoint.note_claim(note).size, last.size if last else 0
    if last and last.size == size and now - last.witnessed_at < AGAIN_AFTER:
        return Asked(witness.name, size)
    try:
        lines = _lines(house, way, witness, note, old)
        rows = [CosignatureRow(size, key, at, line) for signature, line in lines if (at := signature.witnessed_at)]
        with house.work.writing() as connection:
            store_witnessing.add_cosignatures(connection, rows)
    except (NotDelivered, TargetRefused) as problem:
        return Asked(witness.name, size, problem.problem)
    except ProofRefused:
        return Asked(witness.name, size, "answer_does_not_verify")
    except LauterError as problem:
        return Asked(witness.name, size, type(problem).__name__)
    return Asked(witness.name, size)


def _lines(house: House, way: Outward, witness: PolicyKey, note: str, old: int) -> Any:
    """The lines of a witness, asked a second time when it remembers another size than we do."""
    size = checkpoint.note_claim(note).size
    answer = _send(house, way, witness, note, min(old, size))
    if answer.status == 409:
        remembered = _size(answer)
        if remembered == min(old, size):
            raise NotDelivered("witness_saw_another_history")
        if remembered > size:
            raise NotDelivered("witness_saw_more_than_there_is")
        answer = _send(house, way, witness, note, remembered)
    if answer.status == 422:
        raise NotDelivered("witness_refused_the_proof")
    if answer.status != 200:
        raise NotDelivered(f"status_{answer.status}")
    return accepted_lines(note, answer.body.decode("utf-8", "replace"), [witness.verifier])


def _send(house: House, way: Outward, witness: PolicyKey, note: str, old: int) -> HttpAnswer:
    with house.work.reading() as connection:
        proof = _proof(connection, old, checkpoint.note_claim(note).size)
    body = write_submission(Submission(old, proof, note))
    return ask(way, "POST", f"{str(witness.url).rstrip('/')}/add-checkpoint", body, HEADERS, most=LONGEST_ANSWER)


def _proof(connection: Connection, old: int, new: int) -> tuple[bytes, ...]:
    return tuple(log.consistency_proof(connection, old, new)) if old else ()


def _size(answer: HttpAnswer) -> int:
    text = answer.body.decode("ascii", "replace").removesuffix("\n")
    if answer.content_type.split(";")[0].strip() != SIZE_TYPE or not text.isdigit() or len(text) > 19:
        raise NotDelivered("status_409")
    return int(text)
