"""Every page and form of the console leaves exactly its facts in the log (LOG-5, LOG-13)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.workflows import prices, segments
from api.workflows.home import note_catalogue
from governance.vocabulary import OPERATOR, Actor, Role
from tests.api.canaries import leaks
from tests.api.test_activations import priced
from tests.api.test_builder import EDIT, NEW, begun, filled
from tests.api.test_console_imports import MAPPING, send
from tests.api.test_prices import SCHEME as PRICED
from tests.api.test_prices import a_policy, answers
from tests.api.trace import Do, Step, Story, called, differences, routes, without_step
from tests.api.web import CONSOLE_ROLES, PASSWORD, serve
from tests.small_world import NOON, RULES, run_scheme

ROOT = "/console"
MARKETING, DPO, DESK, ADMIN, STEWARD = Role.MARKETING, Role.DPO, Role.DESK, Role.ADMIN, Role.STEWARD
REVIEW = "2027-03-01"
EXPORT: Any = {
    "scheme": "value", "segment-gold": "1", "contact-email": "1", "recipient": "Versandhaus Muster GmbH",
    "country": "DE", "role": "processor", "channel": "email", "mode": "contact_points", "valid": "P7D",
}  # fmt: skip


def opens(path: str, role: Role = DPO) -> Do:
    """A page; `{name}` in the path stands for what was kept."""
    return lambda story: story.as_(role).get((ROOT + path).format(**story.kept))


def posts(path: str, who: Role, /, *, keep: str = "", wait: bool = False, **fields: str) -> Do:
    """A form; *keep* keeps where it led, *wait* waits for the job it started, if any."""

    def do(story: Story) -> Any:
        client = story.as_(who)
        answer = client.post((ROOT + path).format(**story.kept), data=story.served.form(client, **fields))
        place = answer.headers.get("location", "").split("?")[0]
        if keep:
            story.kept[keep] = place.removeprefix(ROOT)
        if wait:
            story.kept["job"] = place.removeprefix(ROOT)
            job = story.served.app.state.web.jobs.find(place.rsplit("/", 1)[-1])
            while job is not None and not job.ended:
                time.sleep(0.01)
        return answer

    return do


def page(path: str, *kinds: str, role: Role = DPO, pattern: str = "") -> Step:
    """A page and what it leaves."""
    return Step(f"GET {ROOT}{pattern or path}", kinds, opens(path, role))


def form(pattern: str, kinds: tuple[str, ...], do: Do) -> Step:
    """A form and what it leaves."""
    return Step(f"POST {ROOT}{pattern}", kinds, do)


def builds(path: str, **changes: str) -> Do:
    """The builder's form, filled in."""

    def do(story: Story) -> Any:
        browser = story.as_(MARKETING)
        given = begun(browser) if path == NEW else filled(browser.get(path).text)
        return browser.post(path, data=given | changes)

    return do


def decides(story: Story) -> Any:
    """The officer's word on the request of the page."""
    officer, path = story.as_(DPO), f"{ROOT}/segments/waits/versions/1"
    request = re.search(r'name="request" value="(\d+)"', officer.get(path).text)
    assert request
    return officer.post(f"{path}/decide", data=story.served.form(officer, request=request[1], answer="yes"))


def comes_in(story: Story) -> Any:
    """The auditor signs in."""
    client = story.served.browser()
    return client.post(f"{ROOT}/sign-in", data=story.served.form(client, name="auditor", password=PASSWORD))


BUNDLE = ("assignment:explained", "assignment:explained", "assignment:proven", "assignment:proven",
          "authority:bundle_made", "authority:bundle_sealed", "subject:viewed")  # fmt: skip
"""The papers hold an explanation and a proof for each of two schemes, and the declarations."""
STEPS = (
    Step(f"GET {ROOT}/sign-in", (), lambda story: story.served.browser().get(f"{ROOT}/sign-in")),
    form("/sign-in", ("session:began",), comes_in),
    page("/signed-out"),
    form("/language", (), posts("/language", DPO, language="en")),
    form("/theme", (), posts("/theme", DPO, theme="dark")),
    page(""),
    page("/help"),
    page("/contacts", role=STEWARD),
    page("/imports", role=STEWARD),
    form("/imports", ("contacts:imported", "import:began"), lambda story: send(story.served, story.as_(STEWARD))),
    page("/field-templates", role=MARKETING),
    page("/segments/new", role=MARKETING),
    form("/segments/new", ("scheme:activated", "scheme:defined"), builds(NEW, do="activate")),
    page("/segments/value/edit", role=MARKETING, pattern="/segments/{name}/edit"),
    form("/segments/{name}/edit", ("scheme:defined",), builds(EDIT, **{"s0-g0-c0-value": "2", "do": "draft"})),
    page("/segments/value/versions", pattern="/segments/{name}/versions"),
    page("/segments/value/versions/1", pattern="/segments/{name}/versions/{number:int}"),
    form("/segments/{name}/versions/deactivate", ("scheme:withdrawn",),
         posts("/segments/vielbesteller/versions/deactivate", MARKETING)),
    form("/segments/{name}/versions/{number:int}/activate", ("scheme:activated",),
         posts("/segments/vielbesteller/versions/1/activate", MARKETING)),
    form("/segments/{name}/versions/withdraw", ("scheme:withdrawn",),
         posts("/segments/third/versions/withdraw", MARKETING)),
    form("/segments/{name}/versions/{number:int}/decide", ("scheme:activated",), decides),
    form("/segments/{name}/schedule", ("schedule:set",), posts("/segments/value/schedule", MARKETING, every="P7D")),
    page("/segments", role=MARKETING),
    page("/segments/value", pattern="/segments/{name}"),
    form("/segments/{name}/run", ("run:published",), posts("/segments/value/run", MARKETING, wait=True)),
    page("{job}", pattern="/jobs/{job}", role=MARKETING),
    page("/segments/value/compare", pattern="/segments/{scheme}/compare"),
    page("/segments/value/migration", pattern="/segments/{scheme}/migration"),
    page("/segments/value/history", pattern="/segments/{scheme}/history"),
    page("/segments/value/gold", pattern="/segments/{scheme}/{key}"),
    form("/segments/{scheme}/{key}/notes", ("segment:noted",),
         posts("/segments/value/gold/notes", MARKETING, owner="Team", strategy="Thank them.")),
    page("/person", role=DESK),
    form("/person", ("subject:looked_up",),
         posts("/person", DESK, keep="person", unit="contact", reason="complaint", reference="K0003")),
    page("{person}", "assignment:read", pattern="/person/{handle}", role=DESK),
    page("{person}/-/state", "subject:viewed", pattern="/person/{handle}/-/state", role=DESK),
    form("/person/{handle}/letter", ("portal:letter_made",), posts("{person}/letter", DESK)),
    page("{person}/value", "assignment:explained", pattern="/person/{handle}/{scheme}", role=DESK),
    form("/person/{handle}/{scheme}/proof", ("assignment:proven",), posts("{person}/value/proof", DESK)),
    form("/person/{handle}/{scheme}/replay", ("assignment:explained", "assignment:replayed"),
         posts("{person}/value/replay", DESK)),
    form("/person/{handle}/{scheme}/correct", ("assignment:corrected",),
         posts("{person}/value/correct", DESK, kind="move", segment="others", reason="Told us so.", review_on=REVIEW)),
    page("/corrections", role=DESK),
    form("/person/{handle}/{scheme}/lift", ("correction:lifted",), posts("{person}/value/lift", DESK)),
    page("/letters", role=DESK),
    form("/find", (), posts("/find", DPO, q="value")),
    form("/person", ("subject:looked_up",),
         posts("/person", DPO, keep="person", unit="contact", reason="complaint", reference="K0005")),
    form("/person/{handle}/-/bundle", BUNDLE, posts("{person}/-/bundle", DPO)),
    page("/prices"),
    page("/prices/volume", pattern="/prices/{name}"),
    form("/prices/{name}/check", ("price:checked",), posts("/prices/volume/check", MARKETING, wait=True)),
    form("/prices/{name}/activate", ("price:activated",), posts("/prices/volume/activate", MARKETING)),
    page("/exports/new", role=MARKETING),
    form("/exports/new", ("export:requested",), posts("/exports/new", MARKETING, keep="export", **EXPORT)),
    page("/exports"),
    page("{export}", pattern="/exports/{number:int}"),
    form("/exports/{number:int}/approve", ("export:approved",), posts("{export}/approve", DPO)),
    form("/exports/{number:int}/build", ("export:built",), posts("{export}/build", MARKETING, wait=True)),
    form("/exports/{number:int}/fetch", ("export:released",), posts("{export}/fetch", MARKETING)),
    form("/exports/new", ("export:requested",), posts("/exports/new", MARKETING, keep="export", **EXPORT)),
    form("/exports/{number:int}/decline", ("export:declined",), posts("{export}/decline", DPO)),
    page("/compliance"),
    form("/compliance/seen", (), posts("/compliance/seen", DPO, size="5")),
    page("/log"),
    form("/log/views", (), posts("/log/views", DPO, kind="run:published", name="Runs")),
    form("/log/views/{number:int}/drop", (), posts("/log/views/1/drop", DPO)),
    page("/log/3", pattern="/log/{index:int}"),
    page("/checkpoint"),
    page("/verify"),
    form("/verify", (), posts("/verify", DPO, wait=True)),
    page("/records"),
    page("/records/processing", pattern="/records/{kind}"),
    page("/records/processing/file.json", pattern="/records/{kind}/file.{form}"),
    page("/records/evidence/value", pattern="/records/{kind}/{scheme}"),
    page("/records/evidence/value/file.json", pattern="/records/{kind}/{scheme}/file.{form}"),
    page("/staff", role=ADMIN),
    form("/sign-out", ("session:ended",), posts("/sign-out", STEWARD)),
)  # fmt: skip
"""A look-up opens one person to one member of staff for one hour: its fact stands for the pages of that hour, and what
shows assignments, explains, proves or leaves the house is a fact beside it. Lists of who waits (letters, corrections)
name nobody. A refused sign-in is a line of the operational log alone: who it was is not known, and anybody could fill
the log with it (decision 0016)."""
WITHOUT_STORY = {f"POST {ROOT}/compliance/acknowledge": "alarm:acknowledged in test_desk_of_the_officer.py"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two schemes that ran, two requests that wait for the officer, a price that passes its check, a mapping."""
    purposes = ("personalised_offers", "personalised_price")
    served = serve(tmp_path_factory.mktemp("trace"), people=100, gold=50, purposes=purposes)
    house = served.house
    (house.settings.home / "mappings").mkdir()
    (house.settings.home / "mappings" / "crm.toml").write_text(MAPPING, encoding="utf-8")
    run_scheme(house, PRICED)
    run_scheme(house, RULES, now=NOON + timedelta(minutes=30))
    answers(house, lambda n: "f" if n % 2 else "m")
    note_catalogue(house, actor=OPERATOR, now=NOON)
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    for scheme in ("third", "waits"):
        segments.define(house, priced().replace('"value"', f'"{scheme}"', 1), actor=Actor(MARKETING, "m1"), now=NOON)
    made = Story(served, served.browser)
    made.meet(*CONSOLE_ROLES)
    yield made
    served.app.state.web.jobs.close()
    house.close()


def test_every_page_and_form_of_the_console_leaves_exactly_its_facts(story: Story) -> None:
    """Looking at pages leaves nothing, looking at somebody does, and so does every act (LOG-5, LOG-13)."""
    found = differences(story.house, STEPS, called(story))
    assert not found, "\n".join(found)
    assert leaks(story, 100) == []


def test_no_page_or_form_of_the_console_is_without_a_step(story: Story) -> None:
    """A new one says here what it leaves."""
    of_the_console = (each for each in routes(story.served.app) if f" {ROOT}" in each and each not in WITHOUT_STORY)
    assert not (missing := without_step(of_the_console, STEPS)), "\n".join(missing)
