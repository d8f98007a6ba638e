"""The version of this code, as each run's fact names it."""

VERSION = "0.1.0"
