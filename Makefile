# Set-up and the commands of the README. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= 8
ANNOTATIONS ?= ../shared/annotations
RUNS ?= 20000
SEED ?= 1
# Tables of `make rehearse`; empty: all that config/rehearsal.yaml names and of which the annotation files are there.
BENCHMARKS ?=
REHEARSED = $(if $(BENCHMARKS),$(BENCHMARKS:%=results/scale=rehearsal/table_%.html),rehearsal)
# The backbone of `make rehearse_large`, of config/rehearsal_large.yaml; the other one is ViT-bigG-14-random.
LARGE ?= ViT-H-14-random
# Relative: make cannot quote the folder that it runs in.
BIN = $(VENV)/bin
READY = $(VENV)/.ready
# Tools that rules call by name (python, snakemake) are the environment's.
export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: help environment table_cirr rehearse rehearse_large test fuzz lint format bench lock clean

help: ## list what can be made
	@grep -hE '^[a-z_]+:.*## ' Makefile | sed -E 's/^([a-z_]+):.*## (.*)/  make \1\t\2/' | expand -t 24

environment: $(READY) ## install everything into .venv, from the lock file

$(READY): requirements.lock envs/uv.lock pyproject.toml
	@echo "setting up $(VENV) from requirements.lock (about 6 GB with CUDA's libraries; a minute or two)"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m ensurepip --upgrade > /dev/null
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/uv.lock
	$(VENV)/bin/uv pip sync --quiet --python $(VENV)/bin/python --compile-bytecode requirements.lock
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

table_cirr: $(READY) ## the first table, on the generated mini world: results/table_cirr.parquet
	$(BIN)/snakemake -c$(CORES) results/table_cirr.parquet
	@$(BIN)/python -m cirque show --table results/table_cirr.parquet

rehearse: $(READY) ## the paper's benchmarks (all, or BENCHMARKS="cirr circo") at true size, with drawn pictures and random weights
	$(BIN)/snakemake -c$(CORES) --configfile config/paper.yaml config/rehearsal.yaml \
	  --config "annotations=$$(cd "$(ANNOTATIONS)" && pwd)" -- $(REHEARSED)
	@$(BIN)/python -m cirque costs results/scale=rehearsal data/rehearsal

rehearse_large: $(READY) ## LARGE=ViT-H-14-random (8 GB) or ViT-bigG-14-random (24 GB) at true size, on a few generated pictures and queries
	$(BIN)/snakemake -c$(CORES) --configfile config/config.yaml config/rehearsal_large.yaml \
	  --config 'run={backbones: [$(LARGE)]}' -- results/scale=large/table_cirr.html
	@$(BIN)/python -m cirque costs results/scale=large data/large

test: $(READY) ## the whole test suite
	$(BIN)/python -m pytest

fuzz: $(READY) ## RUNS changed files for each reader of bytes; what makes a fault is kept in logs/fuzz
	$(BIN)/python -m tests.fuzz --runs $(RUNS) --seed $(SEED) --keep logs/fuzz

lint: $(READY) ## ruff, mypy, snakefmt, codespell, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=src:benchmarks $(BIN)/mypy --config-file /dev/null --ignore-missing-imports --follow-imports=silent --disable-error-code misc --disable-error-code union-attr benchmarks/*.py
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/codespell
	$(BIN)/snakemake --lint

format: $(READY) ## put all code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

bench: $(READY) ## the figures of docs/performance.md, side by side on this machine
	for script in $(filter-out benchmarks/side_by_side.py benchmarks/drawn_files.py,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script; done

lock: $(READY) ## resolve pyproject.toml anew into requirements.lock (hashes, no index address)
	$(BIN)/uv pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --quiet --output-file requirements.lock

clean: ## remove everything that was computed, but for the environment
	rm -rf results/scale=* results/table_* results/plot_* results/cirque.duckdb data/mini data/rehearsal data/large logs .snakemake
