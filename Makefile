# Two commands set everything up by themselves:
#   make demo   analyse the sample that comes with mien (no torch is installed for it)
#   make test   all checks: ruff, mypy, the whole test suite
# Others look closer:
#   make bench    frames per second beside other tools
#   make docs     the documentation site, in build/site; offline, a warning is an error
#   make soak     2,000 requests, 2,000 damaged media files, 40 killed runs, 12 killed workers, a million rows (about an hour and a half on two cores)
#   make browser  the page in a real Chromium (apt-get install chromium)
#   make coverage the share of the core that tests run; TESTS=... for some of them
#   make release-check  wheel and sdist in new environments; needs the package index
#   make sbom     packages and licences of an installation, as CycloneDX, in dist/
#   make mutate   whether tests notice small faults
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Training threads and test processes should not fight over two cores.
export OMP_NUM_THREADS ?= 2

TESTS ?= tests src/mien

.PHONY: demo test lint types pytest docs browser coverage release-check sbom bench soak mutate weights clean help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.core
	$(BIN)/mien demo

test: lint types pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# Two processes, each with whole files; more would fight over the memory of training tests.
pytest: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

browser: $(VENV)/.dev
	$(BIN)/python -m pytest tests/browser tests/js

# Internal links are checked by Sphinx and, page by page, by tests/test_site.py.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -E -d build/doctrees docs build/site
	@echo "build/site/index.html"

# Frames per second beside other tools, within five minutes; the table also goes to bench.json.
# VIDEOS: files (default: the demo's clip). MEDIAPIPE_PYTHON and MEDIAPIPE_MODEL: a Python that has
# MediaPipe, and its face_landmarker.task. Nothing else should run on the machine.
bench: $(VENV)/.core
	$(BIN)/python benchmarks/bench.py $(VIDEOS) --json bench.json

soak: $(VENV)/.dev
	MIEN_CASES=2000 $(BIN)/python -m pytest tests/serve/test_openapi.py
	$(BIN)/python tests/soak.py --count 2000
	$(BIN)/python tests/killed_runs.py --count 20
	$(BIN)/python tests/killed_workers.py
	$(BIN)/python tests/long_manifest.py

# How much of the core (pyproject.toml: what is left out) tests run, also in processes that they
# start; fails below 92 %. LEAST=0 to look at a part of the suite alone.
LEAST ?= 92
coverage: $(VENV)/.dev
	$(BIN)/coverage erase
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -q $(TESTS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --fail-under=$(LEAST)

release-check: $(VENV)/.dev
	$(BIN)/python tools/release_check.py

sbom: $(VENV)/.dev
	mkdir -p dist
	$(BIN)/python tools/sbom.py --json > dist/mien.cdx.json
	$(BIN)/python tools/sbom.py

# Are small faults in losses, metrics, masks and corpora noticed? 120 of them, in a copy of the tree.
mutate: $(VENV)/.dev
	$(BIN)/python tools/mutate.py --least 0.95

# What ships, from data to exported files in runs/weights (WEIGHTS=src/mien/weights replaces what
# ships). DATA is the folder that holds the corpora.
weights: $(VENV)/.dev
	@test -n "$(DATA)" || { echo "usage: make weights DATA=FOLDER"; exit 2; }
	PATH="$(abspath $(BIN)):$$PATH" sh recipes/weights.sh "$(DATA)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# torch first and by version: asked for by name alone, pip may fetch gigabytes of GPU libraries.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
