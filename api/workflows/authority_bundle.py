"""Everything about one person that an authority or a court needs, in one file that proves itself (Article 58(1)(e)).

Inside are the state of a day, each assignment explained, every declaration with its receipt, the proof files, the
evidence of each scheme and the record of processing, with a list of hashes. `lauter audit verify FILE --key KEY` checks
the proofs on any machine, without a database. The file is made in memory, is never kept, and making it is a fact.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from api.workflows import log as logs
from api.workflows import receipts
from api.workflows.explanations import NotInScheme, explain_subject
from api.workflows.paper_pdf import paper_pdf
from api.workflows.papers import PaperKind, paper_of
from api.workflows.person_state import state_on
from audit import log
from audit.errors import NotFound
from audit.fact import Fact, FactValue
from audit.prove import prove_fact
from audit.sealed import PROOF
from governance.vocabulary import Text, Unit
from segmentation import store

if TYPE_CHECKING:
    from api.i18n import Tongue
    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.papers import Paper
    from governance.vocabulary import Actor

FIXED = (1980, 1, 1, 0, 0, 0)
"""Time of each member: the same content gives the same bytes."""
READ_ME = Text(
    "Unterlagen zu einer Person\n\n"
    "stand.pdf          was an dem Tag galt: Zulässigkeit, Segmente, Preise, Empfänger\n"
    "zuordnungen/       jede Zuordnung: Erklärung und Beleg (.lauter-proof)\n"
    "erklaerungen/      jede Erklärung der Person: Beleg nach DPV 2.3 und Beweis\n"
    "nachweise/         Zweck, Grundlage, Freigabe, Modell jeder Segmentierung; Folgenabschätzung\n"
    "verzeichnis.pdf    Verzeichnis von Verarbeitungstätigkeiten\n"
    "schluessel.txt     öffentliche Schlüssel des Protokolls, der jetzige zuerst\n"
    "checkpoint.txt     letzter unterschriebener Stand des Protokolls\n"
    "inhalt.json        SHA-256 jeder Datei; inhalt.lauter-proof beweist, dass diese Liste im Protokoll steht\n\n"
    "Alles auf einmal prüfen, ohne Datenbank und ohne Netz, mit einem Schlüssel, den Sie auf anderem Weg erhielten:\n"
    "  lauter audit verify DATEI.zip --key SCHLÜSSEL\n"
    "Einen Beleg für sich:\n"
    "  lauter audit verify DATEI.lauter-proof --key SCHLÜSSEL\n",
    "Papers about one person\n\n"
    "state.pdf          what held on that day: permission, segments, prices, recipients\n"
    "assignments/       each assignment: explanation and proof (.lauter-proof)\n"
    "declarations/      each declaration of the person: receipt under DPV 2.3 and proof\n"
    "evidence/          purpose, basis, approval, model of each segmentation; impact assessment\n"
    "record.pdf         record of processing activities\n"
    "key.txt            public keys of the log, the present one first\n"
    "checkpoint.txt     last signed state of the log\n"
    "contents.json      SHA-256 of each file; contents.lauter-proof proves that this list stands in the log\n\n"
    "To check everything at once without database and network, with a key that you got another way:\n"
    "  lauter audit verify FILE.zip --key KEY\n"
    "One proof by itself:\n"
    "  lauter audit verify FILE.lauter-proof --key KEY\n",
)
NAMES = {
    "de": {"state": "stand", "assignments": "zuordnungen", "declarations": "erklaerungen", "evidence": "nachweise",
           "record": "verzeichnis", "key": "schluessel", "contents": "inhalt", "read": "LIESMICH"},
    "en": {"state": "state", "assignments": "assignments", "declarations": "declarations", "evidence": "evidence",
           "record": "record", "key": "key", "contents": "contents", "read": "README"},
}  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """The file and what is in it."""

    data: bytes
    files: tuple[str, ...]
    proofs: int
    sha256: str
    entry: int
    """Entry of the log about making it."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the file itself."""
        told = {"files": list(self.files), "proofs": self.proofs, "sha256": self.sha256, "log_entry": self.entry}
        return {**told, "bytes": len(self.data)}


@dataclass(frozen=True)
class _Order:
    house: House
    subject: Subject
    unit: Unit
    day: date
    tongue: Tongue
    actor: Actor
    now: datetime

    @property
    def names(self) -> dict[str, str]:
        return NAMES[self.tongue.language]


def authority_bundle(
    house: House, subject: Subject, unit: Unit, day: date, tongue: Tongue, *, actor: Actor, now: datetime
) -> Bundle:
    """Put everything about one person together.

    Raises:
        BadInput: the day lies ahead.
        NotFound: there is no such person.
    """
    order = _Order(house, subject, unit, day, tongue, actor, now)
    with house.work.writing() as connection:
        fact = Fact("authority:bundle_made", str(actor), now, {"day": day.isoformat()}, (subject.number,))
        entry = log.append(connection, [fact])
    logs.sign_checkpoint(house, now=now)
    files = dict(_files(order))
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    contents = _json({"files": listed, "log_entry": entry})
    files[f"{order.names['contents']}.json"] = contents
    files[f"{order.names['contents']}{PROOF}"] = _sealed(order, entry, contents)
    data = _zipped(files)
    proofs = sum(name.endswith(PROOF) for name in files)
    return Bundle(data, tuple(sorted(files)), proofs, hashlib.sha256(data).hexdigest(), entry)


def _sealed(order: _Order, made: int, contents: bytes) -> bytes:
    """Put the hash of the list into the log, and prove it: from now on nothing in the file can be swapped unnoticed."""
    house, digest = order.house, hashlib.sha256(contents).digest()
    with house.work.writing() as connection:
        body: dict[str, FactValue] = {"made": made, "contents": digest}
        fact = Fact("authority:bundle_sealed", str(order.actor), order.now, body, (order.subject.number,))
        index = log.append(connection, [fact])
    logs.sign_checkpoint(house, now=order.now)
    with house.work.reading() as connection:
        return prove_fact(connection, index)


def _files(order: _Order) -> Iterator[tuple[str, bytes]]:
    house, names, now = order.house, order.names, order.now
    yield f"{names['read']}.txt", order.tongue.pick(READ_ME).encode()
    yield f"{names['key']}.txt", "".join(f"{key}\n" for key in logs.own_keys(house)).encode()
    yield "checkpoint.txt", logs.newest_checkpoint(house).note.encode()
    yield from _paper(order, names["state"], state_on(house, order.subject, order.day, actor=order.actor, now=now))
    yield from _assignments(order)
    yield from _declarations(order)
    yield from _paper(order, names["record"], paper_of(house, PaperKind.PROCESSING, now=now))


def _assignments(order: _Order) -> Iterator[tuple[str, bytes]]:
    house, names, number = order.house, order.names, order.subject.number
    with house.work.reading() as connection:
        schemes = [row.scheme for row in store.latest_definitions(connection) if store.live_run(connection, row.scheme)]
        schemes = [scheme for scheme in schemes if logs.scheme_unit(connection, scheme) is order.unit]
    for scheme in schemes:
        try:
            told = explain_subject(
                house, scheme, number, language=order.tongue.language, actor=order.actor, now=order.now
            )
            proof = logs.prove_subject(house, scheme, number, actor=order.actor, now=order.now)
        except (NotInScheme, NotFound):
            continue
        yield f"{names['assignments']}/{scheme}.json", _json(told.to_json())
        yield f"{names['assignments']}/{scheme}.lauter-proof", proof.data
        for kind in (PaperKind.EVIDENCE, PaperKind.IMPACT):
            paper = paper_of(house, kind, scheme, now=order.now)
            yield from _paper(order, f"{names['evidence']}/{scheme}-{kind.value}", paper)


def _declarations(order: _Order) -> Iterator[tuple[str, bytes]]:
    house, folder = order.house, order.names["declarations"]
    for line in receipts.receipts(house, order.subject).lines:
        yield f"{folder}/{line.seq}.jsonld", receipts.receipt_json(house, order.subject, line.seq)
        try:
            proof = receipts.proof_of(house, order.subject, line.seq, now=order.now)
        except NotFound:
            continue  # of what was imported before the log began there is none
        yield f"{folder}/{line.seq}.lauter-proof", proof


def _paper(order: _Order, name: str, paper: Paper) -> Iterator[tuple[str, bytes]]:
    yield f"{name}.pdf", paper_pdf(paper, order.tongue, now=order.now)
    yield f"{name}.json", _json(paper.to_json(order.tongue.language))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True).encode()


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, FIXED), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
