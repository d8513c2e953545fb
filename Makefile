# One word per duty. `make demo` and `make test` need nothing but Python 3.11 or newer and make.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# The newest Python that runs, can make a virtual environment, and is one the locks were made for.
define FIND_PYTHON
for name in python3.14 python3.13 python3.12 python3.11 python3; do \
  if "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; \
  then command -v "$$name"; exit 0; fi; done
endef
PYTHON ?= $(shell $(FIND_PYTHON))

VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED := --require-hashes --only-binary :all:
SITE ?= build/site
FIELD ?= ../shared/data
FUZZ_SECONDS ?= 60
UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help demo test lint format docs docs-check pytest bench field fuzz lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.14 with venv found. Install one, or say make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What the program needs to run, and the program itself.
$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(PIP) $(LOCKED) -r requirements/run.txt -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What those who work on it need on top.
$(VENV)/.installed: $(VENV)/.run requirements/dev.txt
	$(PIP) $(LOCKED) -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## make a synthetic ministry, investigate it, write the report
	$(BIN)/dwell demo

test: lint docs-check pytest ## every check there is

lint: $(VENV)/.installed ## style, types, layers, dependencies, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry src
	$(BIN)/codespell

format: $(VENV)/.installed ## put the code in the house's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed ## write the reference pages from the code and build the manual
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir $(SITE)

docs-check: $(VENV)/.installed ## are the reference pages fresh, and does the manual build without a warning
	$(BIN)/python docs/generate.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir $(SITE)

pytest: $(VENV)/.installed ## the tests: random order, in parallel, no network, warnings are errors
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

bench: $(VENV)/.installed ## time and peak memory, against the stored baselines
	$(BIN)/python benchmarks/run.py

field: $(VENV)/.installed ## real evidence against what was counted in it: make field FIELD=/evidence
	$(BIN)/python field/run.py $(FIELD)

fuzz: $(VENV)/.installed ## throw bytes at every source for FUZZ_SECONDS each
	$(BIN)/python fuzz/run.py --seconds $(FUZZ_SECONDS)

lock: ## resolve the dependencies anew (needs the network and uv)
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements/run.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) $(UPGRADE) requirements/build.in -c requirements/dev.txt -o requirements/build.txt

clean: ## remove what was built, the environment included
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info
