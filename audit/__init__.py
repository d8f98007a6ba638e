"""The tamper-evident log: what happened, in which order, provable to somebody who trusts neither us nor the database.

It knows no customer. What enters is a past-tense fact of tokens and numbers; who it concerns stands outside the hashed
bytes and dies with the person. The order of the log is the order of events: one head row, locked last before commit,
gives each entry its index, so a rolled-back transaction leaves no gap and no trace.

A bulk act is one fact whose root covers one leaf per person (`batch_tree`); opening one leaf opens no other.
Checkpoints are C2SP signed notes, proofs are files that any third party checks with `python -m audit.verify`.
A proof shows inclusion, never uniqueness or completeness; those are shown by `check_log` and `check_batch`.
"""
