"""What a machine says for a person: the browser's Global Privacy Control, and a mail program's one-click; pure.

`Sec-GPC` says "1" and nothing else; any other value is no signal, and one of several fields is enough (W3C Global
Privacy Control). It is an objection by automated means (Article 21(5) GDPR; LG Berlin, 16 O 420/19). A one-click
unsubscribe is a POST with one fixed pair, in either of two encodings (RFC 8058, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from consent.replay import in_time, position_of
from governance.vocabulary import Act, Declaration, Scope, Source

GPC_HEADER = b"sec-gpc"
_OWS = b" \t"
ONE_CLICK = ("List-Unsubscribe", "One-Click")
MOST_FIELDS = 20
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


def gpc_is_on(values: Sequence[bytes]) -> bool:
    """Whether any of the raw `Sec-GPC` field values is exactly 1; white space around a value is not part of it.

    Take the raw list of header fields: some servers fold repeated ones into one value, which is no signal.
    """
    return any(value.strip(_OWS) == b"1" for value in values)


def gpc_values(headers: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """The values of the header among raw fields whose names are in small letters, as ASGI hands them over."""
    return [value for name, value in headers if name == GPC_HEADER]


def gpc_objects(history: Sequence[Declaration]) -> bool:
    """Whether a signal adds an objection to profiling to what somebody declared.

    Not while one is in force. And not once the person, having been told that their browser objects, lifted that
    objection themselves: the explicit choice of a human outranks the standing setting of a browser (OBJ-10).
    """
    if position_of(history).objections.profiling_at is not None:
        return False
    wide = [d for d in in_time(history) if d.scope is Scope.PROFILING]
    signalled = [at for at, d in enumerate(wide) if d.source is Source.SIGNAL]
    lifted = [at for at, d in enumerate(wide) if d.act is Act.OBJECTION_LIFTED and d.source is Source.SUBJECT]
    return not (signalled and lifted and lifted[-1] > signalled[-1])


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a small form in either encoding, read in memory; empty when it is neither or cannot be read."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        if kind == MULTIPART:
            return _parts(content_type, body)
    except (ValueError, LookupError):
        return {}
    return {}


def is_one_click(fields: dict[str, str]) -> bool:
    """Whether a mail program sent it on the reader's behalf."""
    return fields.get(ONE_CLICK[0]) == ONE_CLICK[1]


def _parts(content_type: str, body: bytes) -> dict[str, str]:
    head = content_type.encode("latin-1", "ignore").replace(b"\r", b"").replace(b"\n", b"")
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + head + b"\r\n\r\n" + body)
    if not message.is_multipart():
        return {}
    found: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes) and len(found) < MOST_FIELDS:
            found[name] = content.decode("utf-8")
    return found
