# The two commands a newcomer needs are `make run` and `make test`; both make the environment first.

PYTHON ?= python3
RECIPE ?= recipes/char_gen.yaml
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
PLUGINS := $(dir $(wildcard plugins/*/pyproject.toml))

DATA ?=
BENCHMARKS := paths encoders writing whole_process corpus

.PHONY: help run test lint bench setup clean

help:
	@echo "make run    set up, and train recipes/char_gen.yaml (or RECIPE=...)"
	@echo "make test   set up, and run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make bench  measure everything beside plain PyTorch, into benchmarks/RESULTS.md: DATA=the folder of data sets"
	@echo "make clean  remove the environment and what runs left"

run: .venv/seqkit
	$(BIN)/seqkit run $(RECIPE)

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses 2

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two need data sets, and are left out without DATA. All of it takes about an hour on two cores; nothing else should run.
bench: .venv/ready
	set -e; for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py; done
	$(if $(DATA),set -e; for name in characters reviews; do $(BIN)/python benchmarks/$$name.py --data "$(DATA)"; done)

setup: .venv/ready

# seqkit alone, which is all that a recipe of recipes/ needs.
.venv/seqkit: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "seqkit needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) setuptools
	$(PIP) --no-build-isolation -e .
	@touch $@

# And every plugin, and what the tests need.
.venv/ready: .venv/seqkit $(wildcard plugins/*/pyproject.toml)
	$(PIP) --no-build-isolation -e . $(PLUGINS:%=-e %)
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv runs build *.egg-info $(wildcard plugins/*/build plugins/*/*.egg-info)
