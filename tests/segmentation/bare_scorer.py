"""A scorer written from docs/definitions.md alone: a stored model and recorded facts in, segment numbers out.

It imports numpy and the standard library, nothing of this repository. Facts are (slots, people); a NaN that is present
means that there is nothing to measure.
"""

from __future__ import annotations

import calendar
import json
import re
from datetime import date, timedelta
from typing import Any

import numpy as np

ONE = 1_000_000_000
WIDTH = {"mean_order_value": 2, "return_rate": 2, "category_share": 2}


def bare_score(document: str, facts: Any, present: Any, today: int) -> Any:
    """Segment numbers of people, -1 for none."""
    model = json.loads(document)
    kind, method, features = model["kind"], model["method"], model["features"]
    if kind == "manual":
        return np.full(facts.shape[1], -1 if method["otherwise"] is None else method["otherwise"])
    numbers, known, none = _values(features, facts, present, today)
    rows = {feature["key"]: place for place, feature in enumerate(features)}
    scorers = {"abc": _abc, "rfm": _rfm, "clv": _clv, "latent_class": _latent, "forecast": _forecast}
    if kind == "rules":
        chosen, assessed = _rules(method, features, rows, numbers, known, none, today), _half(known)
    elif kind in ("kmeans", "ward", "mixture"):
        chosen, assessed = _groups(kind, method, features, rows, numbers, known & ~none)
    else:
        chosen, assessed = scorers[kind](method, features, rows, numbers, known, none)
    return np.where(assessed, chosen, -1)


def _floats(texts: Any) -> Any:
    return [_floats(text) if isinstance(text, list) else float.fromhex(text) for text in texts]


def _half(known: Any) -> Any:
    return 2 * known.sum(axis=0) >= len(known)


def _values(features: Any, facts: Any, present: Any, today: int) -> Any:
    numbers, known, none = [], [], []
    slot = 0
    for feature in features:
        width = WIDTH.get(feature["measure"], 1)
        parts, there = facts[slot : slot + width], present[slot : slot + width].all(axis=0)
        slot += width
        if width == 2:
            empty = ~(parts[1] > 0)
            value = parts[0] / np.where(empty, 1.0, parts[1])
        else:
            empty = np.isnan(parts[0])
            value = today - parts[0] if feature["quantity"] == "days" else parts[0]
        numbers.append(np.where(there & ~empty, value, 0.0))
        known.append(there)
        none.append(empty & there)
    return np.array(numbers), np.array(known), np.array(none)


def _back(today: int, text: str, sign: int = 1) -> int:
    match = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", text)
    assert match is not None
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    day = date(1970, 1, 1) + timedelta(days=today)
    index = day.year * 12 + day.month - 1 - sign * (12 * years + months)
    last = calendar.monthrange(index // 12, index % 12 + 1)[1]
    moved = date(index // 12, index % 12 + 1, min(day.day, last))
    return (moved - date(1970, 1, 1)).days - sign * (7 * weeks + days)


def _rules(method: Any, features: Any, rows: Any, numbers: Any, known: Any, none: Any, today: int) -> Any:
    def truth(rule: Any) -> Any:
        """(surely, surely not)."""
        if "not" in rule:
            return truth(rule["not"])[::-1]
        if "all" in rule or "any" in rule:
            yes, no = zip(*map(truth, rule.get("all") or rule["any"]), strict=True)
            both, one = np.logical_and.reduce, np.logical_or.reduce
            return (both(yes), one(no)) if "all" in rule else (one(yes), both(no))
        row = rows[rule["feature"]]
        fits = _fits(rule, features[row], np.where(known[row] & ~none[row], numbers[row], np.nan), none[row], today)
        return fits, known[row] & ~fits

    chosen = np.full(numbers.shape[1], -1 if method["otherwise"] is None else method["otherwise"])
    for number in reversed(range(len(method["rules"]))):
        chosen[truth(method["rules"][number])[0]] = number
    return chosen


def _fits(rule: Any, feature: Any, x: Any, none: Any, today: int) -> Any:
    [(op, operand)] = [item for item in rule.items() if item[0] not in ("feature", "ignore_case")]
    if op == "missing":
        return none
    if op in ("from_day", "before_day"):
        age = today - (date.fromisoformat(operand) - date(1970, 1, 1)).days
        return x <= age if op == "from_day" else x > age
    if op in ("before", "within"):
        age = today - _back(today, operand)
        return x >= age if op == "before" else (x >= 0) & (x < age)
    if op == "coming":
        return (x <= 0) & (-x <= _back(today, operand, -1) - today)
    if op == "between":
        return (x >= operand[0]) & (x <= operand[1])
    if op in ("equals", "in"):
        wanted = operand if op == "in" else [operand]
        return np.isin(x, [feature["levels"].index(word) if isinstance(word, str) else float(word) for word in wanted])
    return {"at_least": x.__ge__, "at_most": x.__le__, "above": x.__gt__, "below": x.__lt__}[op](operand)


def _abc(method: Any, _: Any, rows: Any, numbers: Any, known: Any, none: Any) -> Any:
    own = [rows[key] for key in method["features"]]
    last = len(method["shares"])
    chosen = np.zeros(numbers.shape[1], int)
    for row, cuts in zip(own, _floats(method["cuts"]), strict=True):
        place = np.sum([numbers[row] < cut for cut in cuts], axis=0)
        place = np.where(known[row] & ~none[row] & (numbers[row] > 0), place, last)
        chosen = chosen * (last + 1) + place
    return chosen, _half(known) & known[own].all(axis=0)


def _rfm(method: Any, _: Any, rows: Any, numbers: Any, known: Any, none: Any) -> Any:
    own = [rows[key] for key in method["features"]]
    scores = []
    for axis, (row, cuts) in enumerate(zip(own, _floats(method["cuts"]), strict=True)):
        above = np.sum([numbers[row] > cut for cut in cuts], axis=0)
        scores.append(np.where(known[row] & ~none[row], len(cuts) + 1 - above if axis == 0 else above + 1, 0))
    chosen = np.full(numbers.shape[1], -1 if method["otherwise"] is None else method["otherwise"])
    for number in reversed(range(len(method["ranges"]))):
        pairs = zip(scores, method["ranges"][number], strict=True)
        chosen[np.logical_and.reduce([(s >= low) & (s <= high) for s, (low, high) in pairs])] = number
    return chosen, _half(known) & known[own].all(axis=0)


def _hypergeometric(a: float, b: float, c: Any, z: Any) -> Any:
    """Gauss's series; it converges because 0 ≤ z < 1."""
    total, term = np.ones(z.shape), np.ones(z.shape)
    for n in range(20_000):
        term = term * (a + n) * (b + n) / (c + n) / (n + 1) * z
        total = total + term
        if np.all(np.abs(term) <= 1e-17 * np.abs(total)):
            break
    return total


def _clv(method: Any, _: Any, rows: Any, numbers: Any, known: Any, none: Any) -> Any:
    own = [rows[key] for key in method["features"]]
    usable = known & ~none
    count, since, age, mean = numbers[own]
    ordered = known[own].all(axis=0) & usable[own[:3]].all(axis=0) & (count >= 1)
    count, since, age = np.where(ordered, count, 1), np.where(ordered, since, 0), np.maximum(age * ordered, 0)
    mean = np.where(ordered & usable[own[3]], mean, 0)
    (r, alpha, a, b), (p, q, v) = _floats(method["orders"]), _floats(method["amounts"])
    x, seen = count - 1, np.clip(age - since, 0, age)
    total = np.zeros(x.shape)
    for days, weight in zip(_floats(method["times"]), _floats(method["weights"]), strict=True):
        step = days / (alpha + age)
        series = _hypergeometric(a + b - 1 - r, a - 1, a + b + x - 1, step / (1 + step))
        total += weight * (a + b + x - 1) / (a - 1) * (1 - (1 + step) ** (1 - a) * series)
    odds = np.log(a / (b + np.maximum(x, 1) - 1)) + (r + x) * (np.log(alpha + age) - np.log(alpha + seen))
    alive = np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1)
    average = np.where(mean > 0, p * (v + count * mean) / (p * count + q - 1), 0)
    value = np.rint(total * alive * average)
    chosen = np.sum([value < cut for cut in method["cuts"]], axis=0)
    if method["alive"]:
        chosen = np.where(np.rint(alive * ONE) < method["alive"], len(method["cuts"]) + 1, chosen)
    otherwise = -1 if method["otherwise"] is None else method["otherwise"]
    return np.where(ordered, chosen, otherwise), _half(known) & known[own].all(axis=0)


def _groups(kind: str, method: Any, features: Any, rows: Any, numbers: Any, usable: Any) -> Any:
    own = [rows[key] for key in method["features"]]
    x, there = numbers[own], usable[own]
    for place, row in enumerate(own):
        if method["transform"] == "sqrt" and features[row]["quantity"] != "level":
            x[place] = np.sign(x[place]) * np.sqrt(np.abs(x[place]))
    if "reduction" in method:
        x, there = _components(method["reduction"], x, there)
    x = np.array([(v - m) / s for v, m, s in zip(x, _floats(method["means"]), _floats(method["scales"]), strict=True)])
    if kind == "mixture":
        return _likeliest(_mixture(method, x, there)), _half(there)
    far = [
        np.sum([there[j] * (x[j] - middle) ** 2 for j, middle in enumerate(centroid)], axis=0)
        / np.maximum(there.sum(axis=0), 1)
        for centroid in _floats(method["centroids"])
    ]
    distance = np.sqrt(far)
    return (distance.min(axis=0) >= distance * (1 - 1e-9)).argmax(axis=0), _half(there)


def _components(reduction: Any, x: Any, there: Any) -> Any:
    known, weights = there.copy(), np.array(_floats(reduction["weights"]))
    found = np.zeros((reduction["components"], x.shape[1]))
    for row, part in enumerate(reduction["parts"]):
        if "levels" in part:
            levels = [*part["levels"], None]
            place = np.minimum(x[row].astype(int), len(levels) - 1)
            known[row] &= np.array([level is not None for level in levels])[place]
            table = np.array([np.zeros(len(found)) if level is None else _floats(level) for level in levels])
            added = table[place].T
        else:
            plain = (x[row] - float.fromhex(part["mean"])) / float.fromhex(part["scale"])
            added = np.array([plain * loading for loading in _floats(part["loadings"])])
        found += np.where(known[row], added, 0)
    share = (weights[:, :, None] * known[:, None, :]).sum(axis=0)
    found = np.where(share > 0, found / np.where(share > 0, share, 1), 0)
    enough = np.broadcast_to(_half(known), found.shape)
    return np.where(enough, found, 0), enough


def _mixture(method: Any, x: Any, there: Any) -> Any:
    logs = np.zeros((len(method["weights"]), x.shape[1]))
    groups = list(
        zip(_floats(method["weights"]), _floats(method["middles"]), _floats(method["covariances"]), strict=True)
    )
    for person in range(x.shape[1]):
        rows = np.flatnonzero(there[:, person])
        for number, (weight, middle, triangle) in enumerate(groups):
            whole = np.array([[triangle[max(i, j)][min(i, j)] for j in rows] for i in rows])
            gap = x[rows, person] - np.array(middle)[rows]
            spread = np.linalg.slogdet(whole)[1] if len(rows) else 0
            far = gap @ np.linalg.solve(whole, gap) if len(rows) else 0
            logs[number, person] = np.log(weight) - 0.5 * (len(rows) * np.log(2 * np.pi) + spread + far)
    return logs


def _likeliest(logs: Any) -> Any:
    share = np.exp(logs - logs.max(axis=0))
    share = share / share.sum(axis=0)
    return (np.rint((share.max(axis=0) - share) * ONE) == 0).argmax(axis=0)


def _latent(method: Any, _: Any, rows: Any, numbers: Any, known: Any, none: Any) -> Any:
    logs = np.repeat(np.array(_floats(method["shares"]))[:, None], numbers.shape[1], axis=1)
    answered = np.zeros(numbers.shape[1], int)
    for place, item in enumerate(method["items"]):
        row, cuts = rows[item["feature"]], _floats(item["cuts"])
        plain = np.sum([numbers[row] > cut for cut in cuts], axis=0) if cuts else numbers[row]
        answers = [(known[row] & ~none[row] & (plain == code)) for code in _floats(item["codes"])]
        answers += [known[row] & none[row]] if item["none"] else []
        for answer, fits in enumerate(answers):
            answered += fits
            for group in range(len(logs)):
                logs[group] += np.where(fits, float.fromhex(method["logs"][group][place][answer]), 0)
    return _likeliest(logs), 2 * answered >= len(method["items"])


def _forecast(method: Any, features: Any, rows: Any, numbers: Any, known: Any, none: Any) -> Any:
    slope = float.fromhex(method["slope"])
    logs = np.full(numbers.shape[1], slope * float.fromhex(method["bias"]) + float.fromhex(method["offset"]))
    for term in method["terms"]:
        row, points = rows[term["feature"]], _floats(term["points"])
        there, x = known[row] & ~none[row], numbers[row]
        if points:
            there = there & (x < len(features[row]["levels"]))
            added = np.array([*points, 0.0])[np.minimum(x.astype(int), len(points))]
        else:
            plain = np.sign(x) * np.sqrt(np.abs(x)) if method["transform"] == "sqrt" else x
            mean, scale, weight = (float.fromhex(term[name]) for name in ("mean", "scale", "weight"))
            added = (plain - mean) / scale * weight
        logs += np.where(there, added, 0) * slope
    told = np.rint(ONE / (1 + np.exp(-logs)))
    chosen = np.sum([told >= cut for cut in method["cuts"]], axis=0)
    assessed = _half(known[[rows[term["feature"]] for term in method["terms"]]])
    if method["active"] is not None:
        active = rows[method["active"]]
        assessed = assessed & known[active]
        chosen = np.where(none[active], -1 if method["otherwise"] is None else method["otherwise"], chosen)
    return chosen, assessed
