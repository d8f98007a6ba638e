"""The officer's walk: find a complaint's assignment, read and recompute it, take the papers away, check them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from governance.vocabulary import Role
from tests.journeys.conftest import Site
from tests.journeys.test_console import DESKTOP, PHONE, serious, sign_in, visiting

pytestmark = pytest.mark.xdist_group("browser")

PAGES = ("/console/compliance", "/console/records", "/console/records/processing", "/console/records/impact/value",
         "/console/log?kind=run%3Apublished&scheme=value")  # fmt: skip


def find(page: Page, site: Site, reference: str) -> None:
    """By reference and with a reason, from the person's page on."""
    page.goto(f"{site.url}/console/person")
    page.fill("#f-reference", reference)
    page.select_option("#f-reason", "complaint")
    page.click("main form button")
    page.wait_for_url("**/console/person/*")


def test_from_a_complaint_to_papers_that_prove_themselves_elsewhere(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    """Without trusting the operator: the key in the file is all that is needed (LOG-8; Article 58(1)(e) GDPR)."""
    with visiting(browser, locale="en-GB", accept_downloads=True) as page:
        sign_in(page, site, Role.DPO)
        find(page, site, "K0003")
        person = page.url
        page.click("main table a")
        story = page.inner_text("main")
        assert "What happened" in story
        assert "Details used" in story
        page.click("text=Compute again")
        assert "Computed again: the same" in page.inner_text("main")
        assert serious(page) == []
        page.goto(person)
        page.click("text=Entries of the log about this person")
        assert "Assignment computed again" in page.inner_text("main table")
        page.goto(person)
        with page.expect_download() as waiting:
            page.click("text=Make the bundle")
        target = tmp_path / "bundle.zip"
        waiting.value.save_as(target)
    checked_elsewhere(target, tmp_path / "elsewhere")


def checked_elsewhere(bundle: Path, folder: Path) -> None:
    """Every proof, by the command line, in a process that has no home and no database."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    key = (folder / "key.txt").read_text(encoding="utf-8").strip()
    proofs = sorted(folder.rglob("*.lauter-proof"))
    assert proofs
    program = "from api.cli import main; main()"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "LAUTER_HOME": str(folder / "no-home")}
    for proof in (proofs[0], proofs[-1]):
        command = [sys.executable, "-c", program, "--json", "audit", "verify", str(proof), "--key", key]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["ok"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_desk_is_for_everybody_to_read(browser: Browser, site: Site, path: str, width: int, scheme: str) -> None:
    """Nothing serious for axe, nothing sideways, at the desk and on the phone, by day and by night (BITV, WCAG 2.2)."""
    with visiting(browser, width, locale="de-DE", color_scheme=scheme) as page:
        sign_in(page, site, Role.DPO)
        page.goto(f"{site.url}{path}")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_happened_since_the_last_look_ends_with_a_mark(browser: Browser, site: Site) -> None:
    """The officer says what they know, and the next look begins there (Article 39(1)(b) GDPR)."""
    with visiting(browser, locale="en-GB") as page:
        sign_in(page, site, Role.DPO)
        page.goto(f"{site.url}/console/compliance")
        assert "You never said up to where you have read" in page.inner_text("main")
        page.click("text=I know this")
        assert "You never said" not in page.inner_text("main")
