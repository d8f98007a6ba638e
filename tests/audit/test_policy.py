"""A policy file says whom a verifier trusts; what is not said is not assumed (C2SP tlog-policy)."""

from __future__ import annotations

import pytest

from audit.errors import BadInput
from audit.policy import parse_policy
from tests.audit.builders import SIGNER, a_witness

LOG = SIGNER.vkey
KEYS = [a_witness(f"witness.example.test/w{number}", bytes([number]) * 32)[1] for number in range(1, 7)]
X1, X2, X3, Y1, Y2, Y3 = (f"{key.split('+', 2)[0]}+{key.split('+', 2)[1]}" for key in KEYS)


def lines(*text: str) -> bytes:
    """A policy of a log, six witnesses and these lines."""
    witnesses = [f"witness {name} {key}" for name, key in zip(("X1", "X2", "X3", "Y1", "Y2", "Y3"), KEYS, strict=True)]
    return "\n".join([f"log {LOG}", *witnesses, *text, ""]).encode()


TWO_LEVELS = ("group X 2 X1 X2 X3", "group Y any Y1 Y2 Y3", "group both all X Y", "quorum both")


@pytest.mark.parametrize(
    ("cosigned", "met"),
    [
        ((), False), ((X1,), False), ((X1, X2), False), ((X1, Y1), False), ((X1, X2, Y3), True), ((X2, X3, Y1), True),
        ((X1, X2, X3), False), ((Y1, Y2, Y3), False), ((X1, X2, X3, Y1, Y2, Y3), True),
        (("somebody+00000000", X1, X2), False),
    ],
)  # fmt: skip
def test_a_quorum_over_two_levels_is_met_by_enough_of_each(cosigned: tuple[str, ...], met: bool) -> None:
    """Two of three here and one of three there; an unknown witness counts nothing (LOG-3)."""
    assert parse_policy(lines(*TWO_LEVELS)).is_met(frozenset(cosigned)) is met


def test_no_witness_is_asked_for_only_when_that_is_said() -> None:
    """`quorum none` is a decision, its absence a mistake."""
    assert parse_policy(lines("quorum none")).is_met(frozenset())
    with pytest.raises(BadInput, match="quorum"):
        parse_policy(lines())


def test_spaces_tabs_comments_and_blank_lines_mean_nothing() -> None:
    """Also before the first word; addresses are kept."""
    text = f"  # of the board\n\n\tlog\t{LOG}  https://audit.example.test/log \n witness w {KEYS[0]} https://w.example.test\n"
    policy = parse_policy((text + "   quorum   w").encode())

    assert policy.logs[0].url == "https://audit.example.test/log"
    assert policy.witnesses[0].url == "https://w.example.test"
    assert policy.is_met(frozenset({X1}))


def test_names_are_opaque() -> None:
    """A Kelvin sign is no K, and bytes that are no UTF-8 can be a name."""
    kelvin = b"witness \xe2\x84\xaa " + KEYS[0].encode() + b"\nquorum "

    assert parse_policy(kelvin + b"\xe2\x84\xaa\n").is_met(frozenset({X1}))
    assert parse_policy(b"witness \xff " + KEYS[0].encode() + b"\nquorum \xff\n").is_met(frozenset({X1}))
    with pytest.raises(BadInput):
        parse_policy(kelvin + b"K\n")


@pytest.mark.parametrize(
    "text",
    [
        ("quorum X1", "quorum X1"), ("quorum X1", "quorum none"), ("quorum X", "group X any X1"), ("quorum nobody",),
        ("group X any", "quorum none"), ("group X 0 X1", "quorum none"), ("group X 2 X1", "quorum none"),
        ("group X 01 X1", "quorum none"), ("group X some X1", "quorum none"), ("group X -1 X1", "quorum none"),
        ("group X 1 none", "quorum none"), ("group none 1 X1", "quorum none"), ("group X1 1 X2", "quorum none"),
        ("group X 1 X1 X1", "quorum none"), ("group X 1 X1", "group Y 1 X1", "quorum none"),
        ("group X any X", "quorum none"),
        ("group X any Y", "group Y any X1", "quorum none"), (f"witness X1 {LOG}", "quorum none"),
        (f"witness Z {KEYS[0]}", "quorum none"), (f"log {LOG}", "quorum none"), (f"log {KEYS[0]}", "quorum none"),
        (f"witness Z {LOG}", "quorum none"), ("log", "quorum none"), ("witness Z", "quorum none"), ("quorum",),
        ("quorum none extra",), ("Quorum none",), ("trust everybody", "quorum none"), (f"log {LOG} a b", "quorum none"),
        ("quorum none # said",), ("quorum\u00a0none",),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_meant_is_refused(text: tuple[str, ...]) -> None:
    """Undefined, repeated or circular names, thresholds out of range, keys of the wrong kind, two quorums."""
    with pytest.raises(BadInput, match="policy"):
        parse_policy(lines(*text))


@pytest.mark.parametrize("mark", [b"\x00", b"\r", b"\x0b", b"\x7f", b"\x1b"])
def test_a_control_character_is_refused(mark: bytes) -> None:
    """Only tab and newline; a carriage return would hide in a name."""
    with pytest.raises(BadInput):
        parse_policy(lines("quorum none") + mark)


def test_thirty_two_of_everything_are_taken() -> None:
    """As the specification asks of every implementation."""
    keys = [a_witness(f"w.example.test/{number}", bytes([number + 1]) * 32)[1] for number in range(32)]
    text = [f"witness w{number} {key}" for number, key in enumerate(keys)]
    text += ["group g0 any w0", *(f"group g{n} any g{n - 1} w{n}" for n in range(1, 32)), "quorum g31", ""]

    policy = parse_policy("\n".join(text).encode())
    assert policy.is_met(frozenset({"+".join(keys[7].split("+", 2)[:2])}))
