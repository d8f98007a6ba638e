"""A steward takes in a file in a real browser, without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from governance.vocabulary import Role
from tests.journeys.conftest import Site
from tests.journeys.test_console import PHONE, _sideways, serious, sign_in, visiting

pytestmark = pytest.mark.xdist_group("browser")
ROWS = "Kundennr;Nachname;E-Mail\nN-1;Größe;groesse@example.org\n;Ohne;ohne@example.org\n"


def test_a_steward_proposes_tries_and_takes_in(browser: Browser, site: Site, tmp_path: Path) -> None:
    """From a file nobody has seen to contacts without permission, on a phone, by keyboard and screen reader too."""
    file = tmp_path / "kunden.csv"
    file.write_text(ROWS, encoding="utf-8")
    with visiting(browser, PHONE, locale="de-DE", java_script_enabled=False) as page:
        sign_in(page, site, Role.STEWARD)
        page.goto(f"{site.url}/console/imports")
        page.check("#f-act-suggest")
        page.set_input_files("#f-file", file)
        page.click("main button")
        assert "Kundennr" in page.input_value("#f-text")
        assert page.input_value("#f-mapping") == "-"

        page.set_input_files("#f-file", file)
        page.click("main button")
        assert page.locator("h1").inner_text() == "Kontakte: was geschähe"

        assert page.is_checked("#f-act-import")
        page.set_input_files("#f-file", file)
        page.click("main button")
        assert page.locator("h1").inner_text() == "Kontakte: eingelesen"
        assert page.locator("main table tbody tr").count() == 1


def test_the_import_pages_are_readable_for_everybody(browser: Browser, site: Site, tmp_path: Path) -> None:
    """axe finds nothing serious on form, refusal and report (WCAG 2.2 AA)."""
    file = tmp_path / "leer.csv"
    file.write_text("", encoding="utf-8")
    with visiting(browser, PHONE, locale="de-DE", color_scheme="dark") as page:
        sign_in(page, site, Role.STEWARD)
        page.goto(f"{site.url}/console/imports")
        assert serious(page) + _sideways(page, PHONE) == []
        page.set_input_files("#f-file", file)
        page.click("main button")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        assert serious(page) + _sideways(page, PHONE) == []
        file.write_text(ROWS, encoding="utf-8")
        page.fill("#f-text", 'kind = "contacts"\n[columns]\nreference = "Kundennr"')
        page.select_option("#f-mapping", "-")
        page.set_input_files("#f-file", file)
        page.click("main button")
        assert page.locator("h1").inner_text() == "Kontakte: was geschähe"
        assert serious(page) + _sideways(page, PHONE) == []
