# The verbs, the same for hand, hook and CI. `make setup` is what the others share; it is idempotent.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Every verb starts several interpreters: they share one cache of bytecode, kept out of the sources.
export PYTHONPYCACHEPREFIX ?= $(abspath $(VENV))/bytecode
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup setup-dev quickstart test lint format check bench docs services services-stop clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## environment and package (nothing but Python 3.11+ needed)
	@scripts/setup.sh "$(PYTHON)" "$(VENV)" run

setup-dev: ## environment with every extra
	@scripts/setup.sh "$(PYTHON)" "$(VENV)" dev

quickstart: setup ## environment, install, and the whole chain on the generated market
	@$(BIN)/tallystick quickstart --workspace quickstart $(ARGS)

test: setup-dev ## environment with every extra, and the whole suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: setup-dev ## ruff, mypy in strict mode, and the walls of the house
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

format: setup-dev ## let ruff write the layout
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: setup-dev ## regenerate schemas/ and docs/contracts/ from the registry and a run of the suite
	@$(BIN)/python scripts/generate_documents.py --suite -- -n $(WORKERS) -q

check: lint test ## everything CI checks

bench: setup-dev ## benchmarks, side by side in one run, JSON out
	@for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

services: setup-dev ## servers for the three stores on loopback (GCS, S3, Firestore), for tests by hand
	@$(BIN)/python scripts/store_services.py start

services-stop: ## end them
	@$(BIN)/python scripts/store_services.py stop

clean: ## remove the environment and what quickstart made
	@rm -rf $(VENV) .services quickstart .mypy_cache .ruff_cache .pytest_cache
