# Two commands: `make demo` shows the main job, `make test` proves it. Both set themselves up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo test lint types contracts tests setup setup-dev browser lock clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make demo [ARGS=--no-serve]   import, segment, check, correct, export, prove, then serve the console"
	@echo "make test                     lint, types, import contracts, all tests (SQLite, PostgreSQL, browser)"

# The stamps make a second run quick: they are newer than the lock file only after a complete installation.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Lauter into $(VENV) (first time: about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock 2>$(VENV)/pip.log || { cat $(VENV)/pip.log; exit 1; }
	@$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'lauter-checkout.pth').write_text(str(pathlib.Path.cwd()) + '\n')"
	@printf '#!%s\nfrom api.cli import main\nmain()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/lauter && chmod +x $(BIN)/lauter
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock 2>$(VENV)/pip.log || { cat $(VENV)/pip.log; exit 1; }
	@touch $@

setup: $(VENV)/run.stamp
setup-dev: $(VENV)/dev.stamp

demo: setup
	@$(BIN)/lauter demo $(ARGS)

test: lint types contracts tests

lint: setup-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

types: setup-dev
	@$(BIN)/mypy --no-error-summary

contracts: setup-dev
	@$(BIN)/lint-imports --no-cache >$(VENV)/contracts.log || { cat $(VENV)/contracts.log; exit 1; }

browser: setup-dev
	@$(BIN)/python -m tests.browser

tests: browser
	@$(BIN)/python -m pytest -n auto --dist loadgroup

# Hashed lock files without addresses; needs uv on the path.
lock:
	uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-dev.lock

clean:
	rm -rf $(VENV) demo-home .mypy_cache .ruff_cache .hypothesis .import_linter_cache
