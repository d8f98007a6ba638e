"""May we? What people declared, kept for good, and the one place that answers whether data may be used.

- The ledger is append-only; where somebody stands is computed from it and can be computed again (Article 7(1) GDPR).
- A no is never turned into a yes by an import, a merge or a late arrival: only by the subject's own later act.
- Nothing is assumed: missing, unknown, expired or unreadable means no (PRI-8, PRI-10).
- One legal basis never stands in for another (PRI-9).
- Whoever is left out is counted by reason; a withheld field is null, whatever its value.
- Subjects are integers here: this package can name nobody and opens no evidence.
"""
