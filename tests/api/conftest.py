"""One served house for the tests that only look, made once per process: signing in costs a tenth of a second each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.web import Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house that is served, shared by the tests of one file."""
    made = serve(tmp_path_factory.mktemp("house"))
    yield made
    made.app.state.web.jobs.close()
    made.house.close()
