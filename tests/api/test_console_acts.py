"""What people do in the console, and what it says afterwards."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from api.app import create_app
from api.logs import new_log
from api.workflows import prices
from api.workflows.home import note_catalogue
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Role
from tests.api.test_explanations import without
from tests.api.test_prices import SCHEME as PRICED
from tests.api.test_prices import a_policy, answers, in_force
from tests.api.web import PASSWORD, serve
from tests.small_world import run_scheme


def test_a_correction_takes_effect_and_says_so(tmp_path: Path) -> None:
    """The desk moves a person; the page says since when, and the reason stands in no page (Article 16 GDPR)."""
    served = serve(tmp_path)
    desk = served.browser(Role.DESK)
    place = desk.post(
        "/console/person", data=served.form(desk, unit="contact", reason="complaint", reference="K0003")
    ).headers["location"]
    wanted = {"kind": "move", "segment": "others", "reason": "Told us so.", "review_on": "2027-03-01"}

    wrong = desk.post(f"{place}/value/correct", data=served.form(desk, **{**wanted, "segment": ""}))
    assert wrong.status_code == 422
    assert "autofocus" in wrong.text
    assert "Told us so." not in wrong.text
    done = desk.post(f"{place}/value/correct", data=served.form(desk, **wanted))
    page = desk.get(done.headers["location"]).text
    assert "Corrected, in effect since" in page
    assert "Others" in page
    assert "Told us so." not in page
    lifted = desk.post(f"{place}/value/lift", data=served.form(desk))
    assert lifted.status_code == 303
    served.house.close()


def test_a_run_shows_its_progress_without_a_script_and_ends_at_its_scheme(tmp_path: Path) -> None:
    """The page looks again by the Refresh header until there is something to show."""
    served = serve(tmp_path)
    browser = served.browser(Role.MARKETING)
    started = browser.post("/console/segments/value/run", data=served.form(browser))
    path = started.headers["location"]
    for _ in range(400):
        page = browser.get(path)
        if page.status_code == 303:
            break
        assert page.headers["refresh"] == "2"
        time.sleep(0.02)
    assert page.headers["location"] == "/console/segments/value"
    assert served.browser(Role.STEWARD).get(path).status_code == 404
    served.app.state.web.jobs.close()
    served.house.close()


def test_the_sixth_wrong_password_within_a_quarter_of_an_hour_is_not_even_looked_at(tmp_path: Path) -> None:
    """Five per name (SEC-11); the right password does not help then, and later it does."""
    served = serve(tmp_path)
    browser = served.browser()

    def attempt(password: str) -> int:
        return browser.post("/console/sign-in", data=served.form(browser, name="dpo", password=password)).status_code

    assert [attempt("wrong wrong wrong") for _ in range(5)] == [401] * 5
    assert attempt(PASSWORD) == 429
    served.now += timedelta(minutes=15)
    assert attempt(PASSWORD) == 303
    served.house.close()


def test_a_price_whose_check_fits_no_more_wants_somebody(tmp_path: Path) -> None:
    """The first page says so, and so does the price's own (FAIR-5)."""
    served = serve(tmp_path, people=100, gold=50, purposes=("personalised_price",), channel=None)
    run_scheme(served.house, PRICED)
    in_force(served.house)
    officer = served.browser(Role.DPO)
    assert "on hold" not in officer.get("/console").text

    answers(served.house, lambda n: "f" if n > 50 else "m")

    assert "Price on hold, needs a new check: volume" in officer.get("/console").text
    page = officer.get("/console/prices/volume").text
    assert "on hold: needs a new check" in page
    assert "Gate closed: the price is on hold" in page
    served.house.close()


def test_a_page_calls_an_attribute_by_a_word(tmp_path: Path) -> None:
    """Nobody reads age_group on a page (BITV; UX)."""
    served = serve(tmp_path, people=100, gold=50, purposes=("personalised_price",), channel=None)
    run_scheme(served.house, PRICED)
    limits = {"price_ratio": 1.02, "minimum_group": 20}
    text = a_policy(check={"attributes": ["age_group", "house_rule"], "limits": limits})
    prices.define(served.house, text, actor=OPERATOR, now=served.now)
    prices.check(served.house, "volume", actor=OPERATOR, now=served.now)

    page = served.browser(Role.DPO, "de").get("/console/prices/volume").text

    assert "Altersgruppe" in page
    assert "house rule" in page
    assert "age_group" not in page
    served.house.close()


def test_a_field_taken_from_the_catalogue_takes_no_page_away(tmp_path: Path) -> None:
    """What was decided stays visible, and the scheme says that the present catalogue does not carry it (PRI-1)."""
    served = serve(tmp_path)
    note_catalogue(served.house, actor=OPERATOR, now=served.now)
    text = without(served.house.catalogue.document, "a field")
    served.house = replace(served.house, catalogue=parse_catalogue(text))
    served.app = create_app(served.house, clock=lambda: served.now, log=new_log(served.lines))
    desk = served.browser(Role.DESK)

    assert desk.get("/console").status_code == 200
    assert "not carried by the present catalogue" in desk.get("/console/segments/value").text
    place = desk.post(
        "/console/person", data=served.form(desk, unit="contact", reason="complaint", reference="K0003")
    ).headers["location"]
    assert desk.get(place).status_code == 200
    assert "does not hold under the present one" in desk.get(f"{place}/value").text
    served.house.close()
