"""The ledger (append-only) and what is computed from it (can be dropped and rebuilt at any time).

The projections hold rows only where something was said: a million people of whom a tenth declared something make a
hundred thousand rows, not millions.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

from audit.database import Instant

METADATA = MetaData()

notice = Table(
    "notice",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="SHA-256 of the text as shown"),
    Column("purpose", Text, nullable=False, comment="purpose key"),
    Column("version", Text, nullable=False, comment="version the catalogue gives it"),
    Column("language", Text, nullable=False, comment="de or en"),
    Column("text", Text, nullable=False, comment="byte for byte what was shown"),
    Column("since", Instant, nullable=False, comment="first in force"),
    Column("material", SmallInteger, nullable=False, comment="1: who consented to an earlier version is asked again"),
    comment="Every notice text that was ever shown (Article 7(1) GDPR)",
)

declaration = Table(
    "declaration",
    METADATA,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="order of arrival",
    ),
    Column("subject", BigInteger, nullable=False, comment="who declared"),
    Column("act", Text, nullable=False, comment="given, withdrawn, objected …"),
    Column("scope", Text, nullable=False, comment="purpose, general, marketing or profiling"),
    Column("purpose", Text, comment="purpose key; null for a general objection"),
    Column("channel", Text, comment="channel; null for the processing itself"),
    Column("field", Text, comment="catalogue field of a partial objection or a narrowed consent"),
    Column("said_at", Instant, nullable=False, comment="when it was said"),
    Column("received_at", Instant, nullable=False, comment="when it reached us"),
    Column("source", Text, nullable=False, comment="subject, desk_for_subject, controller_api, import or signal"),
    Column("notice", LargeBinary, comment="hash of the notice shown"),
    Column("valid_until", Instant, comment="a consent's expiry"),
    Column("evidence_said_at", Instant, comment="when the act happened that the evidence shows"),
    Column("evidence", LargeBinary, comment="sealed under the subject's evidence key; null: none"),
    Column("batch", BigInteger, comment="import_record that brought it"),
    Index("declaration_by_subject", "subject", "seq"),
    comment="What people declared; INSERT and SELECT only",
)

standing = Table(
    "standing",
    METADATA,
    Column("purpose", Text, primary_key=True, comment="purpose key"),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, comment="whose"),
    Column("state", Text, comment="consent state for the processing itself; null: never asked"),
    Column("valid_until", Instant, comment="expiry of the consent"),
    Column(
        "granted_at",
        Instant,
        comment="the subject's own act behind the consent; null: none shown, outranks no objection",
    ),
    Column(
        "objected",
        SmallInteger,
        nullable=False,
        comment="1: objection to this purpose, or refusal or withdrawal of all of it",
    ),
    Column("channels", Integer, nullable=False, comment="bit mask of channels with consent"),
    Column(
        "channels_denied", Integer, nullable=False, comment="bit mask of channels refused, withdrawn or objected to"
    ),
    Column("seq", BigInteger, nullable=False, comment="last declaration taken in"),
    comment="Where a subject stands for one purpose; sparse",
    sqlite_with_rowid=False,
)

objection = Table(
    "objection",
    METADATA,
    Column(
        "subject",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="who objected",
    ),
    Column("general_at", Instant, comment="objected to all processing for legitimate interests since"),
    Column("marketing_at", Instant, comment="objected to direct marketing since"),
    Column("profiling_at", Instant, comment="objected to profiling since"),
    Column("seq", BigInteger, nullable=False, comment="last declaration taken in"),
    comment="Objections that reach beyond one purpose; sparse",
)

withheld = Table(
    "withheld",
    METADATA,
    Column("purpose", Text, primary_key=True, comment="purpose key; empty: for every purpose"),
    Column("field", Text, primary_key=True, comment="catalogue field key"),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, comment="who withholds it"),
    Column(
        "released",
        SmallInteger,
        nullable=False,
        comment="1: released for this purpose although withheld for every other",
    ),
    Column("seq", BigInteger, nullable=False, comment="declaration that did it"),
    comment="Fields somebody withholds for a purpose; sparse",
    sqlite_with_rowid=False,
)

ground = Table(
    "ground",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="order"),
    Column("subject", BigInteger, nullable=False, comment="whom it is about"),
    Column("purpose", Text, nullable=False, comment="purpose key"),
    Column("channel", Text, nullable=False, comment="email, sms or phone"),
    Column("kind", Text, nullable=False, comment="a fact of § 7(3) UWG, or presumed_consent of § 7(2) no. 1"),
    Column("holds", SmallInteger, nullable=False, comment="1: shown to hold; 0: ended or found wrong"),
    Column("since", Instant, nullable=False, comment="when the fact arose"),
    Column("recorded_at", Instant, nullable=False, comment="when it was recorded"),
    Column("evidence", LargeBinary, nullable=False, comment="sealed under the subject's evidence key"),
    Index("ground_by_subject", "subject", "seq"),
    comment="Facts that open a channel without express consent, each with its evidence; INSERT and SELECT only",
)

channel_use = Table(
    "channel_use",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="order"),
    Column("subject", BigInteger, nullable=False, comment="who was addressed"),
    Column("purpose", Text, nullable=False, comment="purpose key"),
    Column("channel", Text, nullable=False, comment="channel used"),
    Column("used_at", Instant, nullable=False, comment="when the consent was used"),
    Column("export", BigInteger, comment="export that carried the number out; null: recorded by hand"),
    Index("channel_use_by_subject", "subject", "used_at"),
    comment="Uses of a consent: each starts the five years of § 7a UWG anew; INSERT and SELECT only",
)

confirmation = Table(
    "confirmation",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="SHA-256 of at least 128 random bits; never the bits"),
    Column("subject", BigInteger, comment="who asked; null: nobody we know yet"),
    Column("address", LargeBinary, nullable=False, comment="random number of the sealed address in the vault"),
    Column("purpose", Text, nullable=False, comment="purpose key"),
    Column("channel", Text, nullable=False, comment="email"),
    Column("language", Text, nullable=False, comment="of the notice shown"),
    Column("notice", LargeBinary, nullable=False, comment="hash of the notice shown"),
    Column("requested_at", Instant, nullable=False, comment="when it was asked for"),
    Column("expires_at", Instant, nullable=False, comment="the request vanishes then"),
    Index("confirmation_by_expiry", "expires_at"),
    comment="Double opt-in requests nobody confirmed yet; a confirmed or void one leaves no row",
)

open_channel = Table(
    "open_channel",
    METADATA,
    Column("purpose", Text, primary_key=True, comment="purpose key"),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, comment="whose"),
    Column(
        "customer",
        Integer,
        nullable=False,
        comment="bit mask of channels with every fact of § 7(3) UWG",
    ),
    Column("presumed", Integer, nullable=False, comment="bit mask of channels with a recorded presumed consent"),
    comment="Channels open without express consent; computed from ground, sparse",
    sqlite_with_rowid=False,
)
