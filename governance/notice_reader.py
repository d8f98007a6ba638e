"""The tables `[common]` and `[purpose.notice]` as values: what people are told, complete in both languages; pure.

A notice is written item by item under `[purpose.notice.items]`; what all notices share stands once under
`[common.items]`. An item that the law asks for and nobody wrote is a mistake with its path, so that no incomplete
notice is ever put into force (INF-1). A free text (`de`, `en`) is taken as it is, but nothing vouches for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from governance.controller import Controller
from governance.notice_items import ASKED_BY, Item, assembled, needs_logic, required
from governance.purposes import NoticeText
from governance.toml_tables import TomlTable
from governance.vocabulary import EffectClass, LegalBasis, Text

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_CONTROLLER_WORDS = frozenset({"controller", "officer", "authority"})


@dataclass(frozen=True)
class Common:
    """What every notice shares: items by key, and a paragraph for free texts."""

    items: dict[Item, Text] = field(default_factory=dict)
    paragraph: Text = field(default_factory=lambda: Text("", ""))


@dataclass(frozen=True)
class Told:
    """What a notice is about, as far as it decides which items are needed."""

    label: Text
    basis: LegalBasis
    marketing: bool
    effect: EffectClass


def read_common(root: TomlTable, controller: Controller) -> Common:
    """The table `[common]`, which may be missing."""
    if not root.has("common"):
        return Common()
    table = root.table("common")
    items = _read_items(table.table("items"), controller) if table.has("items") else {}
    paragraph = Text("", "")
    if table.has("de") or table.has("en"):
        paragraph = _read_texts(table, _CONTROLLER_WORDS)
    table.finish()
    return Common(items, paragraph)


def read_notice(table: TomlTable, told: Told, controller: Controller, common: Common) -> NoticeText:
    """The table `[purpose.notice]`."""
    version = table.text("version")
    material = table.flag("material", False)
    changed = table.both("changed") if table.has("changed") else None
    if material and changed is None:
        table.mistake("changed", "missing: a material change says in both languages what changed")
    if table.has("items"):
        items = _complete(table, told, controller, common)
        text = assembled(told.label, version, items)
        notice = NoticeText(version, text, tuple(items.items()), material, changed)
    else:
        notice = NoticeText(version, _free_text(table, controller, common.paragraph), (), material, changed)
    table.finish()
    return notice


def _complete(table: TomlTable, told: Told, controller: Controller, common: Common) -> dict[Item, Text]:
    part = table.table("items")
    written = part.keys()
    own = _read_items(part, controller)
    needed = required(told.basis, marketing=told.marketing)
    found = {item: common.items[item] for item in needed if item in common.items} | own
    for item in needed:
        if item not in found and item.value not in written:
            part.mistake(item.value, f"missing: {ASKED_BY[item]}; write it here or in [common.items]")
    if needs_logic(told.effect) and Item.DECISIONS.value not in written and Item.DECISIONS in common.items:
        part.mistake(Item.DECISIONS.value, "missing: a decision needs its own logic and consequences told here")
    return {item: found[item] for item in Item if item in found}


def _read_items(table: TomlTable, controller: Controller) -> dict[Item, Text]:
    items: dict[Item, Text] = {}
    for item in Item:
        if table.has(item.value):
            part = table.table(item.value)
            text = _read_texts(part, _CONTROLLER_WORDS)
            part.finish()
            items[item] = _named(part, text, controller)
    table.finish()
    return items


def _free_text(table: TomlTable, controller: Controller, paragraph: Text) -> Text:
    own = _read_texts(table, _CONTROLLER_WORDS | {"common"})
    whole = Text(own.de.replace("{common}", paragraph.de), own.en.replace("{common}", paragraph.en))
    return _named(table, whole, controller)


def _named(table: TomlTable, text: Text, controller: Controller) -> Text:
    """The text with the controller's own words filled in."""
    for language, part in (("de", text.de), ("en", text.en)):
        for key in controller.missing_in(part):
            table.mistake(language, f"names what [controller] does not give: fill in controller.{key}")
    return Text(controller.named_in(text.de), controller.named_in(text.en))


def _read_texts(table: TomlTable, words: frozenset[str]) -> Text:
    """German and English, with no other placeholders than the words given."""
    text = Text(table.text("de"), table.text("en"))
    for language, part in (("de", text.de), ("en", text.en)):
        for name in sorted(set(_PLACEHOLDER.findall(part)) - words):
            table.mistake(language, f"unknown placeholder {{{name}}}; known are {', '.join(sorted(words))}")
    return text
