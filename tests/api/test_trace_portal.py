"""Every page and form of the portal, of mail links and of the public log leaves exactly its facts (LOG-5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.workflows import portal
from api.workflows.log import sign_checkpoint
from api.workflows.unsubscribing import unsubscribe_url
from audit import log
from governance.identity import Identity
from governance.vocabulary import OPERATOR, Channel, Role, Unit
from tests.api.canaries import leaks
from tests.api.test_confirming import address_of, asked_link
from tests.api.test_portal import LINK, mails, post, token
from tests.api.trace import Do, Step, Story, called, differences, routes, without_step
from tests.api.web import Served, serve
from tests.small_world import identity_of

PERSON, OTHER = 3, 4


def opens(path: str, who: str = "guest") -> Do:
    """A page; `{name}` in the path stands for what was kept."""
    return lambda story: story.kept[who].get(path.format(**story.kept))


def posts(path: str, who: str = "guest", /, **fields: str) -> Do:
    """A form of the portal's."""

    def do(story: Story) -> Any:
        browser = story.kept[who]
        sent = {name: value.format(**story.kept) for name, value in fields.items()}
        answer = browser.post(path.format(**story.kept), data={"token": token(browser), **sent})
        saved = re.search(r"saved=(\d+-\d+)", answer.headers.get("location", ""))
        story.kept["seqs"] = saved[1] if saved else ""
        return answer

    return do


def page(path: str, *kinds: str, who: str = "guest", pattern: str = "") -> Step:
    """A page and what it leaves."""
    return Step(f"GET {pattern or path}", kinds, opens(path, who))


def form(path: str, *kinds: str, by: str = "guest", pattern: str = "", **fields: str) -> Step:
    """A form and what it leaves."""
    return Step(f"POST {pattern or path}", kinds, posts(path, by, **fields))


def gets_the_mail(story: Story) -> Any:
    """The worker sends the link that was asked for; it is no act of the person's."""
    found = LINK.search(mails(story.served, address_of(PERSON))[0])
    assert found
    story.kept["secret"] = found[1]
    return story.kept["guest"].get("/portal/help")


def gets_a_letter(story: Story) -> Any:
    """The desk printed the code of a letter."""
    letter = portal.letter_for(story.house, f"K{OTHER:04d}", actor=OPERATOR, now=story.served.now)
    story.kept["code"] = letter.code
    return story.kept["guest"].get("/portal/help")


def newest_receipt(story: Story) -> Any:
    """The list of receipts, of which the first is opened."""
    answer = story.kept["guest"].get("/portal/receipts")
    found = re.search(r"/portal/receipts/(\d+)", answer.text)
    assert found
    story.kept["seq"] = found[1]
    return answer


def is_asked(story: Story) -> Any:
    """Somebody new asked for the newsletter, and the mail with the link arrived."""
    story.kept["way"] = asked_link(story.served)
    return story.kept["stranger"].get(story.kept["way"])


def confirms(story: Story) -> Any:
    """The button below the link."""
    browser, way = story.kept["stranger"], story.kept["way"]
    return browser.post(way, data={"choice": "agree", "read": "en"})


def gets_a_shared_link(story: Story) -> Any:
    """Two people hold one mailbox, and somebody there opens the link."""
    served = story.served
    for number in (10, 11):
        details = dict(identity_of(number).details) | {"email": "info@example.org"}
        served.house.vault.update([(number.to_bytes(16, "big"), Identity(Unit.CONTACT, f"K{number:04d}", details))])
    browser = story.kept["shared"]
    post(browser, "/portal/link", address="info@example.org")
    found = LINK.search(mails(served, "info@example.org")[0])
    assert found
    return browser.post(found[0], data={"token": token(browser)})


def reads_a_notice(form: str) -> Do:
    """The words that stood above the choice, by their digest."""

    def do(story: Story) -> Any:
        browser = story.kept["guest"]
        text = browser.get(f"/portal/receipts/{story.kept['seq']}").text
        found = re.search(r"/portal/notices/([0-9a-f]{64})", text)
        assert found
        return browser.get(f"/portal/notices/{found[1]}{form}")

    return do


def served_browser(served: Served) -> Any:
    """Somebody whom nobody knows yet."""
    return served.browser(language="en")


def one_click(story: Story) -> Any:
    """What a mail provider posts (RFC 8058)."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return story.kept["stranger"].post(
        story.kept["unsubscribe"], content=b"List-Unsubscribe=One-Click", headers=headers
    )


def asks_whether_ready(story: Story) -> Any:
    """This house was made without migrations, so that the true answer is 503; what counts is that it writes nothing."""
    answer = story.kept["guest"].get("/health/ready")
    assert answer.json().keys() == {"ready", "stores"}
    return story.kept["guest"].get("/health/live")


STOPPED = ("address:stopped", *["consent:withdrawn"] * 4, *["objection:raised"] * 2)
"""Both holders object to advertising, and their two consents each end with it."""
STEPS = (
    page("/"),
    page("/portal"),
    *(page(f"/portal/{name}") for name in ("help", "privacy", "accessibility", "sent", "letter-asked", "signed-out")),
    form("/portal/language", language="en"),
    form("/portal/theme", theme="dark"),
    form("/portal/link", address=address_of(PERSON)),
    Step("mail", (), gets_the_mail),
    page("/portal/enter/{secret}", pattern="/portal/enter/{secret}"),
    form("/portal/enter/{secret}", "portal:entered", pattern="/portal/enter/{secret}"),
    page("/portal/preferences"),
    form("/portal/preferences", "consent:refused", **{"c:newsletter/email": "refuse", "was": ""}),
    form("/portal/undo", "objection:lifted", seqs="{seqs}"),
    form("/portal/objections", "objection:raised", scope="marketing", answer="refuse"),
    form("/portal/objections", "objection:lifted", scope="marketing", answer="lift"),
    page("/portal/history"),
    Step("GET /portal/receipts", (), newest_receipt),
    page("/portal/receipts/{seq}", pattern="/portal/receipts/{seq:int}"),
    *(page(f"/portal/receipts/{{seq}}.{kind}", pattern=f"/portal/receipts/{{seq:int}}.{kind}")
      for kind in ("json", "pdf", "lauter-proof")),
    Step("GET /portal/notices/{digest}", (), reads_a_notice("")),
    Step("GET /portal/notices/{digest}.txt", (), reads_a_notice(".txt")),
    form("/portal/sign-out", "portal:left"),
    Step("shared mailbox", ("portal:entered",), gets_a_shared_link),
    page("/portal/address", who="shared"),
    form("/portal/address/stop", *STOPPED, by="shared"),
    form("/portal/address/who", "portal:entered", by="shared", who="K0010"),
    form("/portal/letter", reference=f"K{OTHER:04d}"),
    Step("letter", ("portal:letter_made",), gets_a_letter),
    form("/portal/code", "portal:entered", code="{code}"),
    Step("GET /u/{token}", (), opens("{unsubscribe}", "stranger")),
    Step("POST /u/{token}", ("consent:withdrawn",), one_click),
    Step("GET /confirm/{secret}", (), is_asked),
    Step("POST /confirm/{secret}", ("consent:given", "contact:signed_up"), confirms),
    page("/.well-known/gpc.json"),
    Step("GET /static", (), opens("/static/lauter.css")),
    page("/health/live"),
    Step("GET /health/ready", (), asks_whether_ready),
    Step("GET /metrics", (), lambda story: story.as_(Role.AUDITOR).get("/metrics")),
    page("/log/checkpoint"),
    page("/log/tile/0/000.p/{width}", pattern="/log/tile/{path:path}"),
)  # fmt: skip
"""The person's own pages and copies are covered by `portal:entered`: nobody else reads there. Asking for a link or a
letter is no fact, for nobody knows yet who asked; what comes of it is one. The public log shows hashes only."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Somebody with a mailbox, somebody with a letter, and a stranger."""
    served = serve(tmp_path_factory.mktemp("trace"))
    made = Story(served, served.caller)
    made.meet(Role.AUDITOR)
    sign_checkpoint(served.house, now=served.now)
    with served.house.work.reading() as connection:
        width = log.size(connection)
    made.kept |= {who: served_browser(served) for who in ("guest", "stranger", "shared")} | {"width": width}
    made.kept["unsubscribe"] = unsubscribe_url(
        served.house, PERSON.to_bytes(16, "big"), "personalised_offers", Channel.EMAIL
    )
    yield made
    served.app.state.web.jobs.close()
    served.house.close()


def test_every_page_and_form_of_the_portal_leaves_exactly_its_facts(story: Story) -> None:
    """Coming in, deciding and leaving are facts, looking is none (LOG-5, Article 7(1) GDPR)."""

    found = differences(story.house, STEPS, called(story))
    assert not found, "\n".join(found)
    assert leaks(story, 60) == []


def test_no_public_page_or_form_is_without_a_step(story: Story) -> None:
    """A new one says here what it leaves."""
    public = (each for each in routes(story.served.app) if "/console" not in each and "/api/v1" not in each)
    assert not (missing := without_step(public, STEPS)), "\n".join(missing)
