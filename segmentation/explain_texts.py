"""The fixed sentences of an explanation, each in German and English; pure. Plain words first, the article after."""

from __future__ import annotations

from collections.abc import Iterator

from governance.vocabulary import REASON_TEXT, EffectClass, Reason, Text
from segmentation.definitions import Kind
from segmentation.record import Flag
from segmentation.wording import percent

NO_SEGMENT_NAME = Text("keine Gruppe", "no group")
PROCEDURES: dict[Kind, Text] = {
    Kind.RULES: Text(
        "Feste Regeln werden der Reihe nach geprüft. Die erste, die zutrifft, entscheidet. Was nicht bekannt ist, "
        "trifft nie zu.",
        "Fixed rules are checked in order. The first one that applies decides. What is not known never applies.",
    ),
    Kind.ABC: Text(
        "Wer zusammen den ersten Teil der Gesamtsumme trägt, ist in Klasse A, wer den nächsten trägt, in B, und so "
        "fort. Die Grenzen zwischen den Klassen sind feste Beträge.",
        "Those who together carry the first part of the total are in class A, those who carry the next part in B, and "
        "so on. The limits between the classes are fixed amounts.",
    ),
    Kind.RFM: Text(
        "Wie kurz die letzte Bestellung zurückliegt, wie oft und für wie viel bestellt wurde: Jede der drei Angaben "
        "bekommt eine Stufe nach festen Grenzen. Die drei Stufen zusammen ergeben die Gruppe.",
        "How recent the last order is, how often and for how much was ordered: each of the three gets a level by fixed "
        "limits. The three levels together give the group.",
    ),
    Kind.KMEANS: Text(
        "Jede Gruppe hat typische Werte. Ihre Werte werden mit denen jeder Gruppe verglichen, alle Angaben im gleichen "
        "Maßstab. Die Gruppe mit dem kleinsten Abstand wird zugeordnet.",
        "Each group has typical values. Yours are compared with those of each group, all details on the same scale. "
        "The group at the smallest distance is assigned.",
    ),
    Kind.CLV: Text(
        "Aus Zahl, Zeitpunkten und Höhe der Bestellungen wird geschätzt, was in der kommenden Zeit bestellt wird. Die "
        "Gruppe ergibt sich aus dem geschätzten Wert nach festen Grenzen.",
        "From the number, times and amounts of the orders it is estimated what will be ordered in the time to come. "
        "The group follows from the estimated value by fixed limits.",
    ),
    Kind.MIXTURE: Text(
        "Jede Gruppe hat typische Werte und eine typische Streuung. Berechnet wird, wie wahrscheinlich Ihre Werte in "
        "jeder Gruppe sind. Die wahrscheinlichste Gruppe wird zugeordnet.",
        "Each group has typical values and a typical spread. It is calculated how likely your values are in each "
        "group. The most likely group is assigned.",
    ),
    Kind.LATENT_CLASS: Text(
        "In jeder Gruppe kommen bestimmte Angaben häufiger vor. Berechnet wird, wie wahrscheinlich Ihre Angaben "
        "zusammen in jeder Gruppe sind. Die wahrscheinlichste Gruppe wird zugeordnet.",
        "In each group certain details are more frequent. It is calculated how likely your details together are in "
        "each group. The most likely group is assigned.",
    ),
    Kind.WARD: Text(
        "Die Gruppen entstanden, indem immer die zwei ähnlichsten zusammengelegt wurden. Jede hat typische Werte. Ihre "
        "Werte werden mit denen jeder Gruppe verglichen; die Gruppe mit dem kleinsten Abstand wird zugeordnet.",
        "The groups came about by always merging the two most alike. Each has typical values. Yours are compared with "
        "those of each group; the group at the smallest distance is assigned.",
    ),
    Kind.FORECAST: Text(
        "Geschätzt wird, wie wahrscheinlich etwas in der kommenden Zeit geschieht: Jede Angabe hebt oder senkt die "
        "Wahrscheinlichkeit gegenüber dem Durchschnitt. Wie stark, wurde an dem gelernt, was früher geschah. Die "
        "Gruppe ergibt sich aus der Wahrscheinlichkeit nach festen Grenzen. Was nicht bekannt ist, zählt wie der "
        "Durchschnitt.",
        "It is estimated how likely something is to happen in the time to come: each detail raises or lowers the "
        "probability against the average. By how much was learned from what happened before. The group follows from "
        "the probability by fixed limits. What is not known counts as the average.",
    ),
    Kind.MANUAL: Text(
        "Menschen ordnen hier zu, die Maschine nicht.",
        "People assign here, the machine does not.",
    ),
}
NOT_WEIGHED = Text("Es wurde nichts abgewogen.", "Nothing was weighed.")
NO_CHANGE = Text(
    "Wir haben keine Änderung an einer oder zwei Ihrer Angaben gefunden, die zu einer anderen Gruppe geführt hätte.",
    "We found no change of one or two of your details that would have led to another group.",
)
NO_CHANGE_CORRECTED = Text(
    "Ein Mensch hat entschieden. Andere Angaben ändern daran nichts, bis ein Mensch es aufhebt.",
    "A human decided. Other details change nothing until a human lifts it.",
)
EFFECTS: dict[EffectClass, Text] = {
    EffectClass.NONE: Text(
        "Von der Gruppe hängen weder Angebote noch Preise ab.", "Neither offers nor prices depend on the group."
    ),
    EffectClass.MARKETING: Text(
        "Von der Gruppe hängt ab, welche Angebote Sie bekommen. Preise und Verträge hängen nicht davon ab.",
        "The group decides which offers you get. Prices and contracts do not depend on it.",
    ),
    EffectClass.PRICE: Text(
        "Von der Gruppe hängt ab, welchen Nachlass Sie bekommen. Sie können verlangen, dass ein Mensch entscheidet "
        "(Art. 22 DSGVO).",
        "The group decides which discount you get. You can ask that a human decides (Art. 22 GDPR).",
    ),
    EffectClass.CONTRACT: Text(
        "Von der Gruppe hängen Vertragsbedingungen ab. Sie können verlangen, dass ein Mensch entscheidet "
        "(Art. 22 DSGVO).",
        "Terms of contract depend on the group. You can ask that a human decides (Art. 22 GDPR).",
    ),
}
NO_PRICE = Text("Derzeit hängt kein Preis davon ab.", "At present no price depends on it.")
WHO_CAN_CHANGE: tuple[Text, ...] = (
    Text(
        "Sie können die Zuordnung anfechten. Ein Mensch in der Beschwerdestelle prüft sie, kann Sie in eine andere "
        "Gruppe setzen oder ganz herausnehmen, und jeder spätere Lauf hält sich daran (Art. 16 und 22 Abs. 3 DSGVO).",
        "You can contest the assignment. A human at the complaint desk reviews it, can put you into another group or "
        "take you out, and every later run respects that (Art. 16 and 22(3) GDPR).",
    ),
    Text(
        "Ist eine Angabe falsch, berichtigen wir sie und rechnen neu (Art. 16 DSGVO).",
        "If a detail is wrong, we correct it and calculate again (Art. 16 GDPR).",
    ),
    Text(
        "Sie können der Zuordnung widersprechen, Ihre Einwilligung widerrufen oder einzelne Angaben ausnehmen. Das "
        "wirkt sofort (Art. 7 Abs. 3 und 21 DSGVO).",
        "You can object to the assignment, withdraw your consent, or exempt single details. That takes effect at once "
        "(Art. 7(3) and 21 GDPR).",
    ),
)
ROLES: dict[str, Text] = {
    "desk": Text("die Beschwerdestelle", "the complaint desk"),
    "dpo": Text("der Datenschutz", "the data protection officer"),
    "operator": Text("die Betriebsleitung", "the operator"),
}
SOMEBODY = Text("ein Mensch", "a human")
CORRECTIONS: dict[str, Text] = {
    "move": Text("hat Sie in „{}“ gesetzt", "put you into “{}”"),
    "pin": Text("hat festgelegt, dass Sie in „{}“ bleiben", "decided that you stay in “{}”"),
    "out": Text("hat Sie aus der Zuordnung herausgenommen", "took you out of the assignment"),
}


def flag_texts(flags: Flag, scored: Text, previous: Text, reason: Reason | None) -> Iterator[Text]:
    """What happened to the calculated result on its way, step by step."""
    if flags & Flag.LEFT:
        why = REASON_TEXT[reason] if reason is not None else Text("ohne Angabe", "not stated")
        yield Text(f"Sie gehören keiner Gruppe mehr an: {why.de}.", f"You no longer belong to a group: {why.en}.")
    if flags & Flag.NOT_ASSESSED:
        yield Text(
            "Weniger als die Hälfte der Angaben ist bekannt. Deshalb wurde nichts zugeordnet.",
            "Fewer than half of the details are known. Therefore nothing was assigned.",
        )
    if flags & Flag.NO_RULE:
        yield Text("Keine Regel traf zu.", "No rule applied.")
    if flags & Flag.HELD:
        yield Text(
            f"Berechnet war „{scored.de}“, aber nur knapp. Deshalb blieb es bei „{previous.de}“ aus dem letzten Lauf.",
            f"The result was “{scored.en}”, but narrowly. Therefore it stayed at “{previous.en}” from the last run.",
        )
    if flags & Flag.SECOND_TIME:
        yield Text(
            f"Das Ergebnis „{scored.de}“ ist knapp, aber schon das zweite Mal dasselbe. Deshalb gilt es jetzt.",
            f"The result “{scored.en}” is narrow, but the same for the second time. Therefore it applies now.",
        )
    if flags & Flag.QUEUED:
        yield Text(
            f"Berechnet war „{scored.de}“. In einem Lauf wechseln nur wenige; bis zum nächsten bleibt es bei "
            f"„{previous.de}“.",
            f"The result was “{scored.en}”. Only a few change in one run; until the next it stays at “{previous.en}”.",
        )
    if flags & Flag.MODEL_CHANGED:
        yield Text(
            "An Ihren Angaben hat sich nichts geändert, was den Wechsel begründet: Die Gruppen wurden neu berechnet.",
            "Nothing about your details explains the change: the groups were calculated anew.",
        )
    if flags & Flag.CORRECTED:
        yield Text(
            f"Berechnet war „{scored.de}“. Die Entscheidung eines Menschen geht vor.",
            f"The result was “{scored.en}”. The decision of a human comes first.",
        )
    if flags & Flag.SUPPRESSED:
        yield Text(
            f"Berechnet war „{scored.de}“. Diese Gruppe hatte zu wenige Mitglieder und wurde deshalb nicht gebildet.",
            f"The result was “{scored.en}”. That group had too few members and was therefore not formed.",
        )


def correction_text(kind: str, segment: Text | None, role: str, at: Text) -> Text:
    """Who decided in which role, and when; never a name."""
    who = ROLES.get(role, SOMEBODY)
    what = CORRECTIONS.get(kind, CORRECTIONS["out"])
    name = segment or NO_SEGMENT_NAME
    return Text(
        f"Am {at.de} {_verb_second(what.de.format(name.de), who.de)}.",
        f"On {at.en} {who.en} {what.en.format(name.en)}.",
    )


def price_text(policy: str, discount: int, price: Text, base: Text) -> Text:
    """What a price in force makes of the group."""
    share = percent(discount / 1_000, 1)
    return Text(
        f"Preis „{policy}“: Nachlass {share.de}, also {price.de} statt {base.de}. Dieser Preis wurde auf Grundlage "
        "einer automatisierten Entscheidung personalisiert.",
        f"Price “{policy}”: discount {share.en}, that is {price.en} instead of {base.en}. This price was personalised "
        "on the basis of automated decision-making.",
    )


def held_price_text(policy: str) -> Text:
    """What a price in force makes of the group while no check of it fits: nothing."""
    return Text(
        f"Preis „{policy}“: ausgesetzt, bis er neu auf Benachteiligung geprüft ist. Bis dahin gilt er für niemanden.",
        f"Price “{policy}”: on hold until it is checked for disadvantage again. Until then it applies to nobody.",
    )


def _verb_second(clause: str, who: str) -> str:
    """German word order after a date: the verb, then who did it."""
    verb, _, rest = clause.partition(" ")
    return f"{verb} {who} {rest}"
