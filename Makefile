# Each target is the only set-up step it needs: it makes .venv, installs what is missing, and runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check slow linted lowest format clean

demo: $(VENV)/installed
	$(BIN)/cortexc demo

test: $(VENV)/installed-dev
	$(MAKE) --no-print-directory check

# One file of tests stays in one process, and the files with trainings come first.
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder --durations 10

check: $(VENV)/installed-dev
	$(MAKE) --no-print-directory linted
	$(PYTEST) -m 'not slow'

slow: $(VENV)/installed-dev
	$(PYTEST) -m slow

linted: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The rooms that depend most on other libraries, and the exports for other programs, with the lowest versions that
# pyproject.toml declares. Old releases warn of newer ones below them.
LOWEST := $(subst $(BIN),$(VENV)-lowest/bin,$(PYTEST)) -W ignore::DeprecationWarning
lowest: $(VENV)-lowest/installed
	$(LOWEST) -m 'not slow and not trains' tests/anatomy tests/connectome tests/compiler tests/figures tests/runtime
	$(LOWEST) -m 'slow and not trains' tests/runtime/test_exporting.py

$(VENV)-lowest/installed: pyproject.toml constraints.txt .ci/lowest $(wildcard runtime/kernels/*)
	$(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) .ci/lowest > $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check --requirement $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/installed: pyproject.toml constraints.txt $(wildcard runtime/kernels/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cortexc needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest build dist *.egg-info runtime/*.so .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
