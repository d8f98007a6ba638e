"""How long entries of the log keep their bytes, as the controller writes it in `[log]` of the catalogue (LOG-12).

Without the table nothing is ever pruned. Three years and more is usual: the log is the controller's evidence, and
whoever has to show a consent or an answer in time wants its entry (Articles 5(2) and 7(1) GDPR).
"""

from __future__ import annotations

from governance.deadlines import DurationInvalid, parse_duration
from governance.toml_tables import TomlTable

LEAST_MONTHS = 12


def read_log_retention(root: TomlTable) -> str | None:
    """The table `[log]`: `keep` is a duration of at least a year; None without the table."""
    if not root.has("log"):
        return None
    table = root.table("log")
    keep = table.text("keep")
    try:
        length = parse_duration(keep)
        if length.months + length.days // 30 < LEAST_MONTHS:
            table.mistake("keep", "must be a year at least: the log is evidence")
    except DurationInvalid:
        table.mistake("keep", "must be a duration such as P3Y or P60M")
    table.finish()
    return keep
