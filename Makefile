# `make run` and `make test` create the environment first.

PYTHON ?= python3
RECIPE ?= recipes/char_gen.yaml
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
PLUGINS := $(dir $(wildcard plugins/*/pyproject.toml))

DATA ?=
BENCHMARKS := training.kernels training.encoders inference.generation startup.commands data.corpus
DATA_BENCHMARKS := training.characters training.reviews

# Where this is set, each of the hundreds of processes that the tests start would compile seqkit again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-lowest lint messages docs docs-serve docs-check notebooks bench setup clean

help:
	@echo "make run          train recipes/char_gen.yaml (or RECIPE=...)"
	@echo "make test         run ruff, mypy and the tests"
	@echo "make test-lowest  run the tests with the lowest versions that pyproject.toml allows"
	@echo "make lint         run ruff, its formatter and mypy"
	@echo "make messages     collect the texts to translate into seqkit/locale, and compile the translations"
	@echo "make docs         build the documentation site, build/docs/site/index.html"
	@echo "make docs-serve   build it and show it at http://127.0.0.1:8000"
	@echo "make docs-check   build the site, run every command of README and docs and compare its output"
	@echo "make notebooks    run the notebooks, and store their outputs in them"
	@echo "make bench        compare the speed with plain PyTorch, into benchmarks/results/ (DATA=folder of data sets)"
	@echo "make setup        create .venv with seqkit, its plugins and the development tools"
	@echo "make clean        remove the environments and the runs"

run: .venv/seqkit
	@$(BIN)/seqkit run $(RECIPE)

# mypy has one thread: it runs beside the tests, which otherwise wait for it on one core.
test: .venv/ready
	$(BIN)/ruff check .
	@$(BIN)/mypy & types=$$!; \
		$(BIN)/python -m pytest --numprocesses 2 --dist worksteal; tests=$$?; \
		wait $$types && exit $$tests

# A separate environment with the lowest allowed versions: each `>=` of pyproject.toml is read as `==`.
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python tests/lowest_versions.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check -c .venv-lowest/constraints.txt \
		-e '.[dev,arrow]' $(PLUGINS:%=-e %)
	.venv-lowest/bin/python -m pytest --numprocesses 2 --dist worksteal

messages: .venv/ready
	$(BIN)/python tests/catalogue.py
	$(BIN)/python tests/descriptions.py

docs: .venv/docs
	$(BIN)/python docs/build.py

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/docs/site 8000

docs-check: docs
	$(BIN)/python docs/check.py

notebooks: .venv/ready
	$(BIN)/python notebooks/run.py

docs/assets/architecture.svg: docs/assets/architecture.dot
	dot -Tsvg $< -o $@

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The benchmarks that need data sets are skipped without DATA. All of them take about an hour on two idle cores.
bench: .venv/ready
	set -e; for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name; done
	$(if $(DATA),set -e; for name in $(DATA_BENCHMARKS); do $(BIN)/python -m benchmarks.$$name --data "$(DATA)"; done)

setup: .venv/ready

# seqkit alone, which suffices for recipes/.
.venv/seqkit: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "seqkit requires Python 3.11 or later: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e .
	@touch $@

# With every plugin, and what the tests need.
.venv/ready: .venv/seqkit $(wildcard plugins/*/pyproject.toml)
	$(PIP) --no-build-isolation -e . $(PLUGINS:%=-e %)
	$(PIP) -e '.[dev]'
	@$(BIN)/seqkit schema --output seqkit.schema.json  # for editors: the recipes name it
	@touch $@

# With what builds the site.
.venv/docs: .venv/ready
	$(PIP) -e '.[docs]'
	@touch $@

clean:
	rm -rf .venv .venv-lowest runs build *.egg-info $(wildcard plugins/*/build plugins/*/*.egg-info)
