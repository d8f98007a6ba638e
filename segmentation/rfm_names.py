"""The segments an RFM scheme has unless its definition names its own; pure.

Order is precedence. What the subject reads says what was seen, not what somebody is worth.
"""

from __future__ import annotations

Ranges = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

DEFAULT_RFM: tuple[tuple[str, tuple[str, str], tuple[str, str], Ranges], ...] = (
    (
        "no_orders",
        ("Ohne Bestellung im Zeitraum", "No order in the period"),
        ("Keine Bestellung im Zeitraum", "No order in the period"),
        ((0, 0), (0, 5), (0, 5)),
    ),
    (
        "best",
        ("Spitzenkundschaft", "Best customers"),
        ("Bestellt oft und zuletzt vor kurzem", "Orders often and recently"),
        ((4, 5), (4, 5), (4, 5)),
    ),
    (
        "regular",
        ("Stammkundschaft", "Regular customers"),
        ("Bestellt regelmäßig", "Orders regularly"),
        ((3, 5), (3, 5), (0, 5)),
    ),
    (
        "new",
        ("Neue", "New customers"),
        ("Erste Bestellungen vor kurzem", "First orders recently"),
        ((4, 5), (0, 2), (0, 5)),
    ),
    (
        "occasional",
        ("Gelegentliche", "Occasional customers"),
        ("Bestellt gelegentlich", "Orders now and then"),
        ((3, 3), (0, 2), (0, 5)),
    ),
    (
        "at_risk",
        ("Abwanderungsgefährdete", "At risk"),
        ("Bestellte oft, in letzter Zeit nicht mehr", "Used to order often, not lately"),
        ((1, 2), (3, 5), (0, 5)),
    ),
    (
        "dormant",
        ("Ruhende", "Dormant customers"),
        ("Länger keine Bestellung", "No order for some time"),
        ((1, 2), (0, 2), (0, 5)),
    ),
)
