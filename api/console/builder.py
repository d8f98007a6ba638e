"""The builder: a scheme made in a form, its preview, and the way to activation (GOV-2).

One address takes every button of the form: rows come and go, counts are made anew, the preview shows what would happen,
and only the last step stores anything. Without a script each button is a plain form post; with one, a change swaps the
form for a newly counted one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.builder_document import Made, document_of
from api.console.builder_draft import Draft, act, from_form
from api.console.builder_read import NotShowable, Reader
from api.console.builder_rows import FAMILIES
from api.console.builder_start import TemplateNeeds, base_of, begin, named, starts
from api.console.builder_view import builder_page, first_refusal, words
from api.console.forms import Mistake, refused
from api.console.preview_view import preview_page
from api.deps import Visit, posting, visiting
from api.workflows import activations, previews, segments
from api.workflows.templates import listed
from audit.errors import LauterError
from segmentation import store
from segmentation.errors import DefinitionInvalid, SchemeUnknown

router = APIRouter()
CARRIED_NOT = frozenset({"do", "token"})
"""What a page that follows does not carry on."""

Writer = Annotated[Visit, Depends(visiting(Right.DEFINE))]
Poster = Annotated[Visit, Depends(posting(Right.DEFINE))]


@router.get("/segments/new")
def start(visit: Writer, begin_with: str = "", purpose: str = "") -> Response:
    """Choose what to begin with, or go on from a template, an existing scheme or nothing."""
    if not begin_with:
        return visit.page("builder_start.html", view=starts(visit), mistakes=[])
    try:
        return _begin(visit, begin_with, purpose, None)
    except TemplateNeeds as error:
        return visit.page("builder_start.html", 409, view=starts(visit), mistakes=refused(visit, error))


@router.get("/field-templates")
def field_templates(visit: Writer) -> Response:
    """Fields that a catalogue may take over, each with the entry to paste and the purposes it is fit for."""
    families = {family: visit.tongue.say(word) for family, word in FAMILIES.items() if family}
    purposes = {key: visit.tongue.pick(each.label) for key, each in visit.house.catalogue.purposes.items()}
    found = listed(visit.house.catalogue).fields
    return visit.page("field_templates.html", fields=found, families=families, purposes=purposes)


@router.get("/segments/{name}/edit")
def edit(visit: Writer, name: str, version: int | None = None) -> Response:
    """The form with a version of a scheme, the newest unless another is named."""
    with visit.house.work.reading() as connection:
        row = activations.version_row(connection, name, version)
    return _begin(visit, f"{row.scheme}:{row.version}", "", name)


@router.post("/segments/new")
def build(visit: Poster) -> Response:
    """A button of the form for a new scheme."""
    return _answer(visit, None)


@router.post("/segments/{name}/edit")
def rebuild(visit: Poster, name: str) -> Response:
    """A button of the form for a scheme that exists."""
    with visit.house.work.reading() as connection:
        if store.latest_definition(connection, name) is None:
            raise SchemeUnknown(name)
    return _answer(visit, name)


def _begin(visit: Visit, base: str, purpose: str, name: str | None) -> Response:
    base = named(visit, base)
    document = begin(visit, base, purpose)
    try:
        draft = Reader(document, visit.house.catalogue, visit.tongue.language).draft(base)
    except NotShowable:
        return _text(visit, name, json.dumps(document, ensure_ascii=False, indent=2), [], deep=True)
    if name is None:  # a template brings its name; what is like another scheme gets one of its own
        own = base.startswith("template:")
        draft = replace(draft, scheme="", de=draft.de if own else "", en=draft.en if own else "")
    return _form(visit, name, draft, [])


def _answer(visit: Visit, name: str | None) -> Response:
    order = visit.form.get("do", "count")
    if visit.form.get("mode") == "text":
        return _from_text(visit, name, order)
    draft = from_form(visit.form)
    if name is not None:
        draft = replace(draft, scheme=name)
    if order in {"preview", "draft", "activate", "text"}:
        base = base_of(visit, draft.base)
        made = document_of(draft, visit.house.catalogue, visit.tongue.language, base)
        if order == "text":
            return _text(visit, name, json.dumps(made.document, ensure_ascii=False, indent=2), [])
        mistakes = _not_permitted(visit, draft) or _mistakes(visit, made, name)
        if mistakes:
            return _form(visit, name, draft, mistakes, status=422)
        return _onwards(visit, name, order, made, draft)
    return _form(visit, name, act(draft, order), [], asked=order == "count")


def _mistakes(visit: Visit, made: Made, name: str | None) -> list[Mistake]:
    found = [Mistake(place, visit.tongue.say(message)) for place, message in made.mistakes]
    if name is None and _taken(visit, str(made.document.get("scheme", ""))):
        found.insert(
            0,
            Mistake(
                "de", visit.tongue.say("A scheme of this name exists already. Take another name, or edit that one.")
            ),
        )
    return found


def _not_permitted(visit: Visit, draft: Draft) -> list[Mistake]:
    """The first condition that looks at what the purpose may not see; nothing else matters before that."""
    row = first_refusal(builder_page(visit, draft, {}, new=False, asked=False, count_people=False))
    if row is None:
        return []
    text = visit.tongue.say("%(field)s may not be used for this purpose.", field=visit.tongue.formats.quote(row.label))
    return [Mistake(f"{row.at}-what", text)]


def _taken(visit: Visit, scheme: str) -> bool:
    with visit.house.work.reading() as connection:
        return store.latest_definition(connection, scheme) is not None


def _onwards(visit: Visit, name: str | None, order: str, made: Made, draft: Draft) -> Response:
    """Preview, or store and activate; a refusal leads back to the form with everything kept."""
    text = json.dumps(made.document, ensure_ascii=False)
    try:
        return _go(visit, name, order, text)
    except DefinitionInvalid as error:
        mistakes = [Mistake(made.place_of(each.path), f"{each.path}: {each.what}") for each in error.mistakes]
    except _Refusal as refusal:
        mistakes = [Mistake("", refusal.words)]
    except LauterError as error:
        mistakes = refused(visit, error)
    return _form(visit, name, draft, mistakes, status=422)


class _Refusal(Exception):
    """A field that the purpose may not see stands in the definition."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


def _go(visit: Visit, name: str | None, order: str, text: str) -> Response:
    found = previews.preview(visit.house, text, actor=visit.who.actor, now=visit.now)
    if found.refused:
        labels = ", ".join(visit.tongue.pick(each.label) for each in found.refused)
        raise _Refusal(visit.tongue.say("Not permitted for this purpose: %(fields)s", fields=labels))
    if order == "preview":
        carried = tuple((key, value) for key, value in visit.form.items() if key not in CARRIED_NOT)
        shown = preview_page(visit, found)
        return visit.page("builder_preview.html", view=shown, carried=carried, name=name, builder_path=_path(name))
    made = segments.define(visit.house, text, actor=visit.who.actor, now=visit.now, activate=False)
    if order == "activate":
        told = json.dumps(found.rounded(), ensure_ascii=False)
        activations.request(visit.house, made.scheme, actor=visit.who.actor, now=visit.now, preview=told)
    return visit.go(f"/console/segments/{made.scheme}/versions")


def _from_text(visit: Visit, name: str | None, order: str) -> Response:
    text = visit.form.get("document", "")
    try:
        document = json.loads(text)
        wrong = [] if isinstance(document, dict) else [Mistake("document", "$")]
    except (ValueError, RecursionError):
        document, wrong = {}, []
    if not wrong and name is not None and document.get("scheme", name) != name:
        wrong = [Mistake("document", visit.tongue.say("The key of a scheme stays: another key is another scheme."))]
    if not wrong and name is None and _taken(visit, str(document.get("scheme", ""))):
        wrong = [
            Mistake(
                "document",
                visit.tongue.say("A scheme of this name exists already. Take another name, or edit that one."),
            )
        ]
    if order == "form" and document and not wrong:
        return _begin_from(visit, name, document, text)
    if wrong or order not in {"preview", "draft", "activate"}:
        return _text(visit, name, text, wrong, status=422 if wrong else 200)
    try:
        return _go(visit, name, order, text)
    except DefinitionInvalid as error:
        wrong = [Mistake("document", f"{each.path}: {each.what}") for each in error.mistakes]
    except _Refusal as refusal:
        wrong = [Mistake("document", refusal.words)]
    except LauterError as error:
        wrong = refused(visit, error)
    return _text(visit, name, text, wrong, status=422)


def _begin_from(visit: Visit, name: str | None, document: dict[str, Any], text: str) -> Response:
    """Back from the text to the form."""
    try:
        draft = Reader(document, visit.house.catalogue, visit.tongue.language).draft(visit.form.get("base", ""))
    except NotShowable:
        return _text(visit, name, text, [], deep=True)
    except (KeyError, TypeError, AttributeError, ValueError):
        words = visit.tongue.say("The form cannot read this yet. The preview tells what is wrong.")
        return _text(visit, name, text, [Mistake("document", words)], status=422)
    return _form(visit, name, draft, [])


def _form(
    visit: Visit, name: str | None, draft: Draft, mistakes: list[Mistake], *, status: int = 200, asked: bool = False
) -> Response:
    base = base_of(visit, draft.base)
    view = builder_page(visit, draft, base, new=name is None, asked=asked)
    shown: dict[str, Any] = {
        "view": view,
        "mistakes": mistakes,
        "name": name,
        "first": first_refusal(view),
        **words(visit),
    }
    return visit.page("builder.html", status, builder_path=_path(name), **shown)


def _text(
    visit: Visit, name: str | None, text: str, mistakes: list[Mistake], *, status: int = 200, deep: bool = False
) -> Response:
    base = visit.form.get("base", "")
    shown: dict[str, Any] = {"text": text, "mistakes": mistakes, "name": name, "deep": deep, "base": base}
    return visit.page("builder_text.html", status, builder_path=_path(name), **shown)


def _path(name: str | None) -> str:
    return f"/console/segments/{name}/edit" if name else "/console/segments/new"
