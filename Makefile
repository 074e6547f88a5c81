# The two commands a newcomer needs are `make run` and `make test`; both make the environment first.

PYTHON ?= python3
RECIPE ?= recipes/char_gen.yaml
BIN := .venv/bin
PLUGINS := $(dir $(wildcard plugins/*/pyproject.toml))

.PHONY: help run test lint setup clean

help:
	@echo "make run    set up, and train recipes/char_gen.yaml (or RECIPE=...)"
	@echo "make test   set up, and run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make clean  remove the environment and what runs left"

run: .venv/ready
	$(BIN)/seqkit run $(RECIPE)

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses 2

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "seqkit needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' $(PLUGINS:%=-e %)
	@touch $@

clean:
	rm -rf .venv runs build *.egg-info $(wildcard plugins/*/build plugins/*/*.egg-info)
