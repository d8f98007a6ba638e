"""What each kind of scheme asks for beside segments, with defaults that fit most; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from api.console.builder_draft import Draft, Measured
from api.console.builder_terms import quantity_of, read_number
from api.i18n import N_
from segmentation.inputs import Measure
from segmentation.settings.kinds import Kind

if TYPE_CHECKING:
    from api.console.builder_document import Making

DEFAULTS: dict[str, str] = {
    "window": "P24M", "cuts": "5", "shares": "80; 95", "groups": "10; 30; 60", "horizon": "P12M", "discount": "10",
    "alive": "0", "ahead": "P90D", "likely": "30; 60", "active": "P12M",
    "from": "4", "to": "8", "transform": "sqrt", "covariance": "full",
}  # fmt: skip
"""What stands in the form until somebody changes it; numbers are percent where the definition has shares."""

ASKED: dict[Kind, tuple[str, ...]] = {
    Kind.RULES: (),
    Kind.MANUAL: (),
    Kind.ABC: ("shares",),
    Kind.RFM: ("window", "cuts"),
    Kind.CLV: ("window", "horizon", "groups", "discount", "alive"),
    Kind.KMEANS: ("from", "to", "transform"),
    Kind.WARD: ("from", "to", "transform"),
    Kind.MIXTURE: ("from", "to", "transform", "covariance"),
    Kind.LATENT_CLASS: ("from", "to"),
    Kind.FORECAST: ("ahead", "likely", "active"),
}
"""Which settings the form shows for a kind."""
LABELS: dict[str, str] = {
    "window": N_("Of which time"),
    "cuts": N_("Classes of each value"),
    "shares": N_("Classes end at, in percent of the total"),
    "groups": N_("Groups from the top, in percent of the people"),
    "horizon": N_("How far ahead"),
    "discount": N_("Discount a year, in percent"),
    "ahead": N_("How far ahead"),
    "likely": N_("Groups begin at a chance of leaving of, in percent"),
    "active": N_("Looked at is who ordered within the"),
    "alive": N_("Own group below this chance of another order, in percent"),
    "from": N_("Fewest segments"),
    "to": N_("Most segments"),
    "transform": N_("Large values"),
    "covariance": N_("Shape of the groups"),
}
HINTS: dict[str, str] = {
    "shares": N_("Ascending, with a semicolon between them."),
    "groups": N_("Ascending, with a semicolon between them."),
    "likely": N_("Ascending, with a semicolon between them."),
    "active": N_("Whoever ordered nothing in that time has left already."),
    "alive": N_("0: no such group."),
    "from": N_("The data choose the best number between the two."),
    "to": N_("Four to eight are what people can tell apart."),
}
CHOICES: dict[str, dict[str, str]] = {
    "ahead": {"P30D": N_("30 days"), "P60D": N_("60 days"), "P90D": N_("90 days"), "P180D": N_("180 days")},
    "active": {"P3M": N_("last 3 months"), "P6M": N_("last 6 months"), "P12M": N_("last 12 months")},
    "horizon": {"P6M": N_("6 months"), "P12M": N_("12 months"), "P24M": N_("24 months")},
    "transform": {"sqrt": N_("soften (square root)"), "none": N_("leave as they are")},
    "covariance": {"full": N_("each its own"), "diag": N_("each its own, along the axes"), "tied": N_("one for all")},
}
WITH_FEATURES = frozenset({Kind.ABC, Kind.KMEANS, Kind.WARD, Kind.MIXTURE, Kind.LATENT_CLASS, Kind.FORECAST})
WITH_RULES = frozenset({Kind.RULES})
WITH_NAMES = frozenset({Kind.RULES, Kind.MANUAL})


def setting(draft: Draft, name: str) -> str:
    """What stands in the form: typed, or the default."""
    return draft.settings.get(name, DEFAULTS.get(name, ""))


def settings_of(making: Making, draft: Draft) -> dict[str, Any]:
    """The part of the definition that bears the name of its kind; what the form does not show stays as it was."""
    kind = Kind(draft.kind)
    make = _MAKERS.get(kind)
    if make is None:
        return {}
    making.places[f"$.{kind.value}"] = f"k-{ASKED[kind][0]}"
    old = {key: value for key, value in making.base.get(kind.value, {}).items() if key in _KEPT}
    return {kind.value: old | make(making, draft)}


_KEPT = frozenset({"seed", "sample", "restarts", "starts", "reduce", "scale", "amounts", "penalty"})


def _abc(making: Making, draft: Draft) -> dict[str, Any]:
    return {"features": _features(making, draft), "shares": _shares(making, draft, "shares")}


def _rfm(making: Making, draft: Draft) -> dict[str, Any]:
    window = setting(draft, "window")
    measures = {"recency": Measure.DAYS_SINCE_LAST, "frequency": Measure.COUNT, "monetary": Measure.SUM}
    keys = {name: making.feature(Measured(f"act.{measure.value}", window)) for name, measure in measures.items()}
    return {**keys, "cuts": _whole(making, draft, "cuts")}


def _clv(making: Making, draft: Draft) -> dict[str, Any]:
    window = setting(draft, "window")
    measures = (Measure.COUNT, Measure.DAYS_SINCE_LAST, Measure.TENURE, Measure.MEAN_ORDER_VALUE)
    names = ("count", "recency", "tenure", "value")
    keys = [making.feature(Measured(f"act.{measure.value}", window)) for measure in measures]
    found: dict[str, Any] = dict(zip(names, keys, strict=True))
    if not making.base.get("clv", {}).get("amounts"):
        found["shares"] = _shares(making, draft, "groups")
    found["horizon"] = setting(draft, "horizon")
    return found | {name: _percent(making, draft, name) for name in ("discount", "alive")}


def _clusters(making: Making, draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = {"k": _range(making, draft), "features": _features(making, draft)}
    if draft.kind != Kind.LATENT_CLASS:
        found["transform"] = setting(draft, "transform")
    if draft.kind == Kind.MIXTURE:
        found["covariance"] = setting(draft, "covariance")
    return found


def _latent(making: Making, draft: Draft) -> dict[str, Any]:
    bins = {}
    for number, row in enumerate(draft.features):
        if row.bins and quantity_of(row.of.what, making.catalogue.fields) is not None:
            cuts = [read_number(part, making.language) for part in row.bins.split(";")]
            if any(cut is None for cut in cuts):
                making.wrong(f"m{number}-bins", N_("Give numbers, with a semicolon between them."))
            else:
                bins[making.feature(row.of)] = [float(cut) for cut in cuts if cut is not None]
    return _clusters(making, draft) | ({"bins": bins} if bins else {})


def _forecast(making: Making, draft: Draft) -> dict[str, Any]:
    """Of leaving; who will move to where is written as text."""
    active = making.feature(Measured(f"act.{Measure.DAYS_SINCE_LAST.value}", setting(draft, "active")))
    found = {"of": "leaving", "horizon": setting(draft, "ahead"), "cuts": _shares(making, draft, "likely")}
    transform = making.base.get("forecast", {}).get("transform")
    found |= {"transform": transform} if transform else {}
    if draft.features:
        return found | {"active": active, "features": _features(making, draft)}
    orders = making.feature(Measured(f"act.{Measure.COUNT.value}", setting(draft, "active")))
    return found | {"active": active, "features": [active, orders]}


def _features(making: Making, draft: Draft) -> list[str]:
    keys = []
    for number, row in enumerate(draft.features):
        making.places[f"$.features[{number}]"] = f"m{number}-what"
        if quantity_of(row.of.what, making.catalogue.fields) is None:
            making.wrong(f"m{number}-what", N_("Choose what the scheme looks at."))
        else:
            keys.append(making.feature(row.of))
    return list(dict.fromkeys(keys))


def _range(making: Making, draft: Draft) -> int | dict[str, int]:
    low, high = _whole(making, draft, "from"), _whole(making, draft, "to")
    return low if low == high else {"from": low, "to": high}


def _whole(making: Making, draft: Draft, name: str) -> int:
    number = read_number(setting(draft, name), making.language)
    if number is None or number != number.to_integral_value():
        making.wrong(f"k-{name}", N_("This is a whole number."))
        return 0
    return int(number)


def _percent(making: Making, draft: Draft, name: str) -> float:
    number = read_number(setting(draft, name), making.language)
    if number is None:
        making.wrong(f"k-{name}", N_("This is a number of percent."))
        return 0.0
    return float(number / 100)


def _shares(making: Making, draft: Draft, name: str) -> list[float]:
    numbers = [read_number(part, making.language) for part in setting(draft, name).split(";")]
    if any(number is None for number in numbers):
        making.wrong(f"k-{name}", N_("Give percentages, with a semicolon between them."))
    return [float(number / 100) for number in numbers if number is not None]


_MAKERS: Mapping[Kind, Callable[[Making, Draft], dict[str, Any]]] = {
    Kind.ABC: _abc,
    Kind.RFM: _rfm,
    Kind.CLV: _clv,
    Kind.KMEANS: _clusters,
    Kind.WARD: _clusters,
    Kind.MIXTURE: _clusters,
    Kind.LATENT_CLASS: _latent,
    Kind.FORECAST: _forecast,
}
