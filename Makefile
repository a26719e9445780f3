# `make run` and `make test` need Python 3.11 or later and nothing else; everything they install goes into .venv.
PYTHON ?= python3
SHELL := /bin/sh
PIP := .venv/bin/pip --quiet --disable-pip-version-check
.DEFAULT_GOAL := help
.PHONY: help run test check lint types imports pytest gates deploy-test faults mutants fuzz instructions bench scale format release lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without the script, which loads more before it can answer Ctrl-C.
run: .venv/.runtime ## the API and its worker in this terminal; Ctrl-C stops both
	@exec .venv/bin/python -c 'from stockroom.command import main; main()' run

test: check pytest gates ## exactly what CI runs

check: lint types imports ## all of it but the tests

lint: .venv/.dev ## of code and contract
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/python -m tests.contract.gates.lint

types: .venv/.dev
	.venv/bin/mypy

imports: .venv/.dev
	.venv/bin/lint-imports --no-logo

# Where the tests leave each kind of request and answer they have seen.
FACTS := $(CURDIR)/.facts

# Much of what tests do is to wait, so there are more of them than cores at once.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(2 + (os.cpu_count() or 2))')

pytest: .venv/.dev ## the tests alone; ARGS="-k name" picks some
	@rm -rf $(FACTS)
	STOCKROOM_TEST_RECORD=$(FACTS) .venv/bin/pytest --numprocesses $(PROCESSES) --dist worksteal $(ARGS)

gates: .venv/.dev ## what the tests, all of them, have shown of the contract
	.venv/bin/python -m tests.contract.gates.reachability $(FACTS)
	.venv/bin/python -m tests.contract.gates.oracle $(FACTS)
	.venv/bin/python -m tests.contract.gates.mutants $(FACTS) --sample 100

# Takes minutes the first time; the images are kept in .images.
deploy-test: .venv/.dev ## build the image, start it as compose.yaml says, and the units; as root, with podman, crun and debootstrap
	.venv/bin/pytest --numprocesses 0 tests/deploy/trial_image.py tests/deploy/trial_systemd.py $(ARGS)

# What is stopped or frozen is always of its own; ARGS="-k rolling" picks some. docs/reliability.md has the figures.
faults: .venv/.dev ## break the service on purpose for minutes; needs PostgreSQL, Redis and nginx
	STOCKROOM_TEST_AMOUNTS=full .venv/bin/pytest -s --numprocesses 0 \
		tests/faults/trial_*.py tests/fuzz/trial_*.py tests/proofs/test_parallel_clients.py $(ARGS)

# A sample is part of the gates; this takes all operators in more places, and --each 0 takes every place there is.
mutants: .venv/.dev ## which gates see that the contract was changed; needs what the last run of all tests recorded
	.venv/bin/python -m tests.contract.gates.mutants $(FACTS) $(ARGS)

# Other requests each time; what fails says its seed. ARGS="--seed 7 --max-examples 50" repeats a run.
fuzz: .venv/.dev ## thousands of made-up requests, and the hostile ones with another seed
	STOCKROOM_TEST_FUZZ="$(or $(ARGS),--max-examples 300)" .venv/bin/pytest -s tests/fuzz

# The figures are those of one version of Python; the commit says why they have changed.
instructions: .venv/.dev ## write the figures of tests/test_instructions.py anew
	STOCKROOM_TEST_INSTRUCTIONS=write .venv/bin/pytest --numprocesses 0 tests/test_instructions.py

# Takes an hour with nothing else running; ARGS="--quick" shows that it works, ARGS="--help" what else there is.
bench: .venv/.dev ## compare the speed with other stacks; needs PostgreSQL and wrk, and Node for Fastify
	@.venv/bin/python -m bench $(ARGS)

scale: .venv/.dev ## measure with up to a million items; needs PostgreSQL and wrk
	@.venv/bin/python -m bench.scale $(ARGS)

format: .venv/.dev ## put the code into its form
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

VERSION = $(shell sed -n 's/^  version: //p' openapi/openapi.yaml)

release: ## keep the contract as released; later ones must not break its clients
	@! test -e openapi/released/$(VERSION).yaml || { \
		echo "$(VERSION) was released. Give info.version in openapi/openapi.yaml the next number." >&2; exit 1; }
	cp openapi/openapi.yaml openapi/released/$(VERSION).yaml

# Pins that still fit are kept; ARGS=--upgrade takes the newest versions. The other locks repeat the pins of the first.
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS) pyproject.toml

lock: .venv/.dev ## write requirements.lock, requirements-extras.lock and requirements-dev.lock anew
	$(COMPILE) --group build --output-file requirements.lock
	$(COMPILE) --group build --all-extras --constraint requirements.lock --output-file requirements-extras.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove .venv and caches; the data in var/ stays
	rm -rf .venv .facts .images .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis dist
	rm -rf bench/.environments bench/peers/fastify/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an environment is made once and brought up to date when what it is made from changes.
INSTALL := $(PIP) install --no-deps --no-build-isolation --editable .

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/pip
	@echo "Installing what tests need into .venv ..."
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(INSTALL)
	@touch .venv/.runtime $@

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/pip
	@echo "Installing Stockroom into .venv (the first time only) ..."
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(INSTALL)
	@touch $@

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Stockroom needs Python 3.11 or later, and there is no $(PYTHON) here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Stockroom needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
			"Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
