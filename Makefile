# Everything a contributor types. Needs make and Python 3.11 or newer; the rest is installed
# into .venv from locks/dev.txt, each file checked against its hash.

PYTHON ?= python3
ARGS ?=
# Most tests wait for processes, so two at a time halve the run; a file's tests stay together.
WORKERS ?= --numprocesses 2 --dist loadfile
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types rooms tests rows bench lock clean

help:
	@echo "make demo               the product in the browser, with a sandbox Slack and Azure"
	@echo "make demo ARGS=--script the same, played by a script"
	@echo "make test               checks and tests (ARGS= goes to pytest)"
	@echo "make check              the checks alone: ruff, mypy, import-linter"
	@echo "make rows               which features, faults and field cases a passing test proves"
	@echo "make bench              measurements (ARGS=--check ends with 1 when one misses its target)"
	@echo "make lock               writes locks/ anew from pyproject.toml (needs uv)"

demo: $(READY)
	$(BIN)/sekisho demo $(ARGS)

# All four run even when one fails; make ends non-zero if any did.
test: $(READY)
	@$(MAKE) --no-print-directory --keep-going lint types rooms tests

check: $(READY)
	@$(MAKE) --no-print-directory --keep-going lint types rooms

lint: $(READY)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: $(READY)
	$(BIN)/mypy

rooms: $(READY)
	$(BIN)/lint-imports

tests: $(READY)
	$(BIN)/pytest $(WORKERS) $(ARGS)

rows: $(READY)
	@$(BIN)/python -m tests.rows

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

# The stamp is newer than the lock and pyproject.toml: nothing to install.
$(READY): locks/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Sekisho needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo \
	  "Python could not make .venv; on Debian and Ubuntu install python3-venv, then try again." >&2; exit 1; }
	@echo "Installing the locked packages into .venv (once, about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --only-binary :all: -r locks/dev.txt || { echo \
	  "The locked packages could not be installed; the line above says which. There are wheels for" \
	  "Linux with glibc (x86_64, aarch64) and macOS (arm64)." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --editable .
	@touch $(READY)

UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate

# No option here names an index, so that the locks hold none. UPGRADE=--upgrade takes newer versions.
lock:
	$(COMPILE) $(UPGRADE) pyproject.toml --output-file locks/runtime.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev --constraints locks/runtime.txt \
	  --output-file locks/dev.txt
	$(COMPILE) --group build --constraints locks/dev.txt --output-file locks/build.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
