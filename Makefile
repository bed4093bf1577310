# Everything starts here: `make run` and `make test` build the environment they need in .venv.
.DEFAULT_GOAL := help
CONTRACTS := $(wildcard tests/*/*/test_contract.py) tests/agents/broker/auctions/test_every_auction.py \
	tests/agents/owner/strategies/test_strategies.py tests/agents/owner/strategies/test_memory.py \
	tests/agents/broker/auctions/test_memory.py tests/analysis/incentives/attackers/test_every_attacker.py

.PHONY: help run app test test-all contract test-browser lint bench gallery docs docs-links clean

# PYTHON=python3.13 chooses the interpreter, TORCH_INDEX=ADDRESS where torch alone is taken from (PyTorch's CPU builds).
PYTHON ?=
TORCH_INDEX ?=
SYSTEM_PYTHON := $(shell command -v "$(or $(PYTHON),python3.11)" $(if $(PYTHON),,|| command -v python3))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
READY := $(VENV)/.ready
READY_APP := $(VENV)/.ready-app
READY_DEV := $(VENV)/.ready-dev
READY_BROWSER := $(VENV)/.ready-browser
READY_DOCS := $(VENV)/.ready-docs
JOBS ?= 2
BENCHES ?= tests/benchmarks

help:
	@echo "make run    the scenario 'quickstart': prints its answers, writes runs/quickstart-seed0"
	@echo "make app    the interactive app at http://127.0.0.1:8765 (needs no internet once installed)"
	@echo "make test   lint, types, import contracts, tests"
	@echo "make contract   only the tests that every auction, strategy, perturbation, task, model and attacker has to pass"
	@echo "make test-all   the same with coverage, all long checks, commands killed at many random moments, the whole browser"
	@echo "make test-browser   the app and the report in a real browser (Debian: apt install chromium)"
	@echo "make bench  the figures and timings of docs/benchmarks.md, beside those of the last time (kept in .benchmarks)"
	@echo "make gallery   the pictures of docs/gallery.md and docs/how_it_works.md"
	@echo "make docs   the documentation as a site, docs/_build/html; make docs-links tries its links to elsewhere"
	@echo "make clean  removes the environment and the caches, never your runs"

run: $(READY)
	@$(BIN)/market-sim run quickstart

app: $(READY_APP)
	@$(BIN)/market-sim app

test: lint
	@$(BIN)/python -m pytest -W error -n $(JOBS) --quiet

test-all: lint $(READY_BROWSER)
	@$(BIN)/python -m pytest -W error -n $(JOBS) --quiet -m "slow_kills or thorough"
	@$(BIN)/python -m pytest -W error -n $(JOBS) --quiet --cov --cov-report=term:skip-covered
	@$(BIN)/python -m pytest -W error --quiet -rs -m whole tests/browser

test-browser: $(READY_BROWSER)
	@$(BIN)/python -m pytest -W error --quiet -rs -m "not whole" tests/browser

contract: $(READY_DEV)
	@$(BIN)/python -m pytest -W error -n $(JOBS) --quiet $(CONTRACTS)

lint: $(READY_DEV)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(READY_DEV)
	@$(BIN)/python -m pytest --override-ini python_files=bench_*.py --benchmark-autosave \
		$(if $(wildcard .benchmarks/*/*.json),--benchmark-compare --benchmark-sort=fullname) $(BENCHES)

gallery: $(READY)
	@$(BIN)/market-sim run gallery --out docs/gallery
	@$(BIN)/market-sim run one-round --out docs/phases

docs: $(READY_DOCS)
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html
	@echo "The site: docs/_build/html/index.html"

docs-links: $(READY_DOCS)
	@$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/links

clean:
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks .coverage

$(BIN)/python:
	@test -n "$(SYSTEM_PYTHON)" || { echo "No $(or $(PYTHON),python3.11 or python3) was found: install Python 3.11, 3.12 or 3.13." >&2; exit 2; }
	@$(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(SYSTEM_PYTHON) is older than 3.11: install Python 3.11, 3.12 or 3.13, or name one, make PYTHON=..." >&2; exit 2; }
	@echo "Creating the environment in $(VENV)"
	@$(SYSTEM_PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(SYSTEM_PYTHON) cannot make an environment: install its venv module (Debian: python3-venv)." >&2; exit 2; }

# torch goes first: a machine's own build of it, where one is offered, then decides what the rest resolves to.
$(READY): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the market (once, some minutes)"
	@test -n "$(TORCH_INDEX)" || command -v nvidia-smi > /dev/null || \
		echo "No GPU was seen: if torch comes with gigabytes of CUDA here, stop, and run 'make TORCH_INDEX=...' with the address of PyTorch's CPU builds (pytorch.org, Get Started)"
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	@$(PIP) --editable .
	@touch $@

$(READY_APP): $(READY)
	@echo "Installing the app (once)"
	@$(PIP) --editable '.[viz]'
	@touch $@

$(READY_DEV): $(READY)
	@echo "Installing the tools for tests (once)"
	@$(PIP) --editable '.[dev,viz]'
	@touch $@

$(READY_BROWSER): $(READY_DEV)
	@echo "Installing what drives a browser (once)"
	@$(PIP) --editable '.[dev,viz,browser]'
	@touch $@

$(READY_DOCS): $(READY_DEV)
	@echo "Installing what makes the site (once)"
	@$(PIP) --editable '.[dev,viz,docs]'
	@touch $@
