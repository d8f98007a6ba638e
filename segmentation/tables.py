"""Definitions, models, runs and who was assigned where; subjects are integers, nobody has a name here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from audit.database import Instant

METADATA = MetaData()

definition = Table(
    "definition",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the canonical document"),
    Column("scheme", Text, nullable=False, comment="name of the scheme"),
    Column("version", Integer, nullable=False, comment="counts up within a scheme; never changes once stored"),
    Column("document", Text, nullable=False, comment="canonical JSON of the closed vocabulary"),
    Column("created_at", Instant, nullable=False, comment="defined"),
    Column("created_by", Text, nullable=False, comment="role and handle"),
    UniqueConstraint("scheme", "version", name="one_version"),
    comment="What a scheme was, version by version",
)

model = Table(
    "model",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the canonical document"),
    Column("definition", LargeBinary, nullable=False, comment="definition it was fitted for"),
    Column("document", Text, nullable=False, comment="canonical JSON: means, scales, centroids, cut points, rules"),
    Column("fitted_at", Instant, nullable=False, comment="when"),
    comment="Scoring models as data; nothing is ever unpickled or evaluated",
)

run = Table(
    "run",
    METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="number; the batch of its leaves has the same",
    ),
    Column("scheme", Text, nullable=False, comment="scheme"),
    Column("definition", LargeBinary, nullable=False, comment="definition digest"),
    Column("model", LargeBinary, comment="model digest; null until fitted"),
    Column("state", Text, nullable=False, comment="staged (invisible), live, superseded or swept"),
    Column("now", Instant, nullable=False, comment="the instant every feature and permission was computed for"),
    Column("watermark", BigInteger, nullable=False, comment="log size when the permitted population was read"),
    Column("population", LargeBinary, comment="digest of the permitted population"),
    Column("size", BigInteger, comment="records, leavers included"),
    Column("fact", BigInteger, comment="index of run:published in the log"),
    Column("previous", BigInteger, comment="run it replaced"),
    Column(
        "base", BigInteger, comment="run whose records stand for everybody this one has no record of; null: of nobody"
    ),
    Column("cause", Text, nullable=False, server_default="hand", comment="hand, schedule or change"),
    Column("report", Text, comment="JSON: exact counts, left out by reason, quality, stability"),
    Column("published_at", Instant, comment="live since"),
    Index("run_by_scheme", "scheme", "id"),
    comment="Each run; visible only when live",
)

assignment = Table(
    "assignment",
    METADATA,
    Column("run", BigInteger, primary_key=True, autoincrement=False, comment="the run"),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, comment="who"),
    Column("position", BigInteger, nullable=False, comment="leaf position in the run's batch"),
    Column(
        "effective",
        SmallInteger,
        nullable=False,
        comment="segment number after stability, correction and suppression; -1 none",
    ),
    Column("record", LargeBinary, nullable=False, comment="packed record that the leaf covers"),
    Column("random", LargeBinary, nullable=False, comment="16 random bytes of this leaf alone"),
    Column(
        "locator", BigInteger, nullable=False, comment="first 4 bytes of the leaf hash: names the row that was altered"
    ),
    comment="One record per person and run, clustered by run and subject",
    sqlite_with_rowid=False,
)

correction = Table(
    "correction",
    METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="number; stands in the records it changed",
    ),
    Column("scheme", Text, nullable=False, comment="scheme"),
    Column("subject", BigInteger, nullable=False, comment="who"),
    Column("kind", Text, nullable=False, comment="move, pin or out"),
    Column("segment", Text, comment="segment key of a move; null for out"),
    Column("reason", LargeBinary, nullable=False, comment="why, sealed under the subject's evidence key"),
    Column("author", Text, nullable=False, comment="role and handle"),
    Column("created_at", Instant, nullable=False, comment="in force since"),
    Column(
        "review_on", Integer, nullable=False, comment="day number of the review: a task then, never a silent revert"
    ),
    Column("lifted_at", Instant, comment="lifted by a human at"),
    Column("lifted_by", Text, comment="role and handle"),
    Index("correction_by_scheme", "scheme", "subject"),
    comment="What the complaint desk decided; outranks every run until lifted (Articles 16 and 22(3) GDPR)",
)

export = Table(
    "export",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column(
        "document",
        Text,
        nullable=False,
        comment="canonical JSON of the request: purpose, recipient, channel, fields, validity",
    ),
    Column("state", Text, nullable=False, comment="requested, approved, built, released, expired, refused or declined"),
    Column("requested_at", Instant, nullable=False, comment="when"),
    Column("requested_by", Text, nullable=False, comment="role and handle"),
    Column("approved_by", Text, comment="role and handle"),
    Column("manifest", Text, comment="JSON: counts, excluded by reason, watermark, sha256"),
    Column("expires_at", Instant, comment="no download after"),
    Column("build", LargeBinary, comment="random mark of the newest build; an older one that still works gives up"),
    comment="Export requests and their manifests; no file is kept",
)

export_row = Table(
    "export_row",
    METADATA,
    Column("export", BigInteger, primary_key=True, autoincrement=False, comment="which export"),
    Column("subject", BigInteger, primary_key=True, autoincrement=False, comment="who was in it"),
    Column("pseudonym", LargeBinary, nullable=False, comment="16 random bytes, of this export alone"),
    comment="Recipient ledger: who left the house in which export (Articles 15(1)(c) and 19 GDPR)",
    sqlite_with_rowid=False,
)

activation = Table(
    "activation",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("scheme", Text, nullable=False, comment="scheme"),
    Column("definition", LargeBinary, nullable=False, comment="digest of the version that is to be, is or was active"),
    Column("state", Text, nullable=False, comment="requested, active, refused, withdrawn or superseded"),
    Column("effect_class", Text, nullable=False, comment="what hangs on it; price and contract need the officer"),
    Column("preview", Text, comment="JSON: what whoever asked was shown, counts by permission and changes"),
    Column("requested_at", Instant, nullable=False, comment="when"),
    Column("requested_by", Text, nullable=False, comment="role and handle"),
    Column("decided_at", Instant, comment="active or refused since"),
    Column("decided_by", Text, comment="role and handle; somebody else where approval is needed"),
    Column("note", Text, comment="why, in the words of whoever decided; names nobody"),
    Index("activation_by_scheme", "scheme", "id"),
    comment="Which version of a scheme may run, and who said so (Articles 24, 25 and 35 GDPR)",
)

schedule = Table(
    "schedule",
    METADATA,
    Column("scheme", Text, primary_key=True, comment="scheme"),
    Column("every", Text, comment="ISO 8601 duration between runs; null: not by time"),
    Column("on_change", Boolean, nullable=False, comment="run after imports and declarations"),
    Column("fresh_for", Text, comment="ISO 8601 duration after which the result is stale; null: the house's default"),
    Column("due_at", Instant, comment="next run; null: none is due"),
    Column("seen", BigInteger, comment="log index up to which changes were looked at"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failures in a row"),
    Column("problem", Text, comment="slug of the last failure"),
    Column("set_at", Instant, nullable=False, comment="when"),
    Column("set_by", Text, nullable=False, comment="role and handle"),
    comment="When a scheme is computed anew, and how long its result may be used",
)

segment_note = Table(
    "segment_note",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("scheme", Text, nullable=False, comment="scheme"),
    Column("segment", Text, nullable=False, comment="segment key"),
    Column("owner", Text, nullable=False, comment="who looks after the segment: a role or team, not a customer"),
    Column("strategy", Text, nullable=False, comment="what is planned for it; names nobody"),
    Column("written_at", Instant, nullable=False, comment="when"),
    Column("written_by", Text, nullable=False, comment="role and handle"),
    Index("segment_note_by_segment", "scheme", "segment", "id"),
    comment="What marketing plans for a segment; the newest counts, older ones stay",
)

segment_figures = Table(
    "segment_figures",
    METADATA,
    Column("run", BigInteger, primary_key=True, autoincrement=False, comment="the run"),
    Column("segment", Text, primary_key=True, comment="segment key"),
    Column("people", BigInteger, nullable=False, comment="members at publication"),
    Column(
        "revenue", BigInteger, comment="of the twelve months before the run, minor units; null: not permitted or none"
    ),
    Column("margin", BigInteger, comment="contribution margin of the same months, minor units; null: not known"),
    Column("active", BigInteger, comment="members who ordered in those months"),
    Column("stayed", BigInteger, comment="members who were in the segment in the run before as well"),
    Column("currency", Text, comment="of both amounts"),
    comment="Key figures per segment over time; aggregates, none of a segment below the minimum",
)
