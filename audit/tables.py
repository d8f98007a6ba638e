"""The log's tables in the work database; INSERT and SELECT only, but for the head, handles and openings.

`log_subject` is the only bridge from an entry to a person; it stands outside the hashed bytes and dies with the person.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, MetaData, SmallInteger, Table, Text

from audit.database import Instant

METADATA = MetaData()

log_head = Table(
    "log_head",
    METADATA,
    Column(
        "id",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="always 1: one row, locked last before commit",
    ),
    Column("size", BigInteger, nullable=False, comment="number of entries; the next entry gets this index"),
    CheckConstraint("id = 1", name="one_head"),
    comment="The one row whose lock is the order of events",
)

log_leaf = Table(
    "log_leaf",
    METADATA,
    Column("idx", BigInteger, primary_key=True, autoincrement=False, comment="position in the log, without gaps"),
    Column("kind", Text, nullable=False, comment="what happened, such as run:published"),
    Column("body", LargeBinary, nullable=False, comment="canonical bytes of the fact; what the leaf hash covers"),
    Column("leaf_hash", LargeBinary, nullable=False, comment="SHA-256(0x00 || body), RFC 6962"),
    Column("recorded_at", Instant, nullable=False, comment="when it was appended, UTC"),
    Index("log_leaf_by_kind", "kind", "idx"),
    comment="One row per fact, in the order of the head's lock",
)

log_node = Table(
    "log_node",
    METADATA,
    Column("level", SmallInteger, primary_key=True, autoincrement=False, comment="height above the leaves, from 1"),
    Column("idx", BigInteger, primary_key=True, autoincrement=False, comment="position on that level"),
    Column("hash", LargeBinary, nullable=False, comment="SHA-256(0x01 || left || right) of a full subtree"),
    comment="Hashes of full subtrees, so that roots and proofs need a logarithmic number of reads",
    sqlite_with_rowid=False,
)

log_subject = Table(
    "log_subject",
    METADATA,
    Column(
        "subject",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="whom the entry is about; deleted on erasure",
    ),
    Column("idx", BigInteger, primary_key=True, autoincrement=False, comment="the entry"),
    Index("log_subject_by_entry", "idx"),
    comment="Which entries are about whom; outside the hashed bytes",
    sqlite_with_rowid=False,
)

log_checkpoint = Table(
    "log_checkpoint",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False, comment="tree size that the note signs"),
    Column("note", Text, nullable=False, comment="C2SP signed note, byte for byte"),
    Column("signed_at", Instant, nullable=False, comment="when it was signed, UTC"),
    comment="Every checkpoint that was signed",
)

log_cosignature = Table(
    "log_cosignature",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False, comment="tree size of the checkpoint"),
    Column("key", Text, primary_key=True, comment="the witness's name and key ID"),
    Column("witnessed_at", Instant, primary_key=True, comment="when the witness says it saw the checkpoint, UTC"),
    Column("line", Text, nullable=False, comment="the witness's signature line, byte for byte"),
    comment="What witnesses said about checkpoints; retention: as the checkpoints, it names no person",
)

log_key = Table(
    "log_key",
    METADATA,
    Column("key", Text, primary_key=True, comment="name and key ID, as signature lines have it"),
    Column("vkey", Text, nullable=False, comment="the public key in the form that verifiers take"),
    Column("since", Instant, nullable=False, comment="when it was noted, UTC"),
    Column("retired_at", Instant, comment="nothing is signed with it from then on; null: it signs"),
    comment="The log's own public keys since the first rotation: retired ones still verify; retention: as the log",
)

log_pruning = Table(
    "log_pruning",
    METADATA,
    Column("minimum", BigInteger, primary_key=True, autoincrement=False, comment="minimum index from then on"),
    Column("fact", BigInteger, nullable=False, comment="the entry that tells of it"),
    Column("pruned_at", Instant, nullable=False, comment="when, UTC"),
    comment="Up to where entries lost their bytes by written policy; retention: as the log, it names no person",
)

batch = Table(
    "batch",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="number of the bulk act"),
    Column("kind", Text, nullable=False, comment="what the rows are, such as assignment"),
    Column("size", BigInteger, nullable=False, comment="number of leaves"),
    Column("root", LargeBinary, nullable=False, comment="RFC 6962 root over the leaves"),
    Column(
        "header",
        LargeBinary,
        nullable=False,
        comment="bytes before the random part of each leaf: version and model digest",
    ),
    comment="One row per bulk act with one leaf per person",
)

batch_tile = Table(
    "batch_tile",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False, comment="the bulk act"),
    Column("level", SmallInteger, primary_key=True, autoincrement=False, comment="8 or 16: height above the leaves"),
    Column("idx", BigInteger, primary_key=True, autoincrement=False, comment="position on that level"),
    Column("hash", LargeBinary, nullable=False, comment="hash of the subtree, full or the last partial one"),
    comment="Subtree hashes of a bulk act: a proof reads one tile of rows, not all",
    sqlite_with_rowid=False,
)

shredded_leaf = Table(
    "shredded_leaf",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False, comment="the bulk act"),
    Column("position", BigInteger, primary_key=True, autoincrement=False, comment="where the erased row stood"),
    Column("hash", LargeBinary, nullable=False, comment="its leaf hash: the other proofs still need it"),
    comment="What remains of a row after erasure: nothing to guess from",
    sqlite_with_rowid=False,
)
