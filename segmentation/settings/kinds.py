"""The kinds of schemes, and what the house needs to know of each before anything is fitted; pure."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How a scheme assigns."""

    RULES = "rules"
    ABC = "abc"
    RFM = "rfm"
    CLV = "clv"
    KMEANS = "kmeans"
    WARD = "ward"
    MIXTURE = "mixture"
    LATENT_CLASS = "latent_class"
    FORECAST = "forecast"
    MANUAL = "manual"


CLUSTERS = frozenset({Kind.KMEANS, Kind.WARD, Kind.MIXTURE, Kind.LATENT_CLASS})
"""Kinds that find their segments in the data: a refit may find others, which are matched to the old ones."""
NAMED_BY_MODEL = CLUSTERS | {Kind.ABC, Kind.CLV, Kind.FORECAST}
"""Kinds whose segments need no names in the definition: then the model holds them."""
GIVES_EVERYBODY_ONE = CLUSTERS | {Kind.ABC}
"""Kinds that give everybody who is assessed a segment: there is nobody left for another one."""
