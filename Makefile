# Every target sets up what it needs. `make repro` is the main job; `make test` proves the code.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
# Compiled modules are what keeps each stage's start-up short.
unexport PYTHONDONTWRITEBYTECODE
PACK = $(if $(RELEASE),--release "$(RELEASE)") $(if $(BASE_IMAGE),--base-image "$(BASE_IMAGE)")
# What the lock does not name is not installed, whatever the machine's own configuration offers.
unexport PIP_FIND_LINKS

ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help env repro test check e2e story act bench bento image dashboards lock mlflow clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

env: $(STAMP)  ## set up .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Weighlock runs on Python 3.11 to 3.13; this is {v[0]}.{v[1]}. Try make PYTHON=python3.11")'
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.8"
	uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

repro: env  ## the main job: data to evaluated model, tracked, with a summary
	dvc repro
	weighlock track
	weighlock summary

test: env  ## unit tests; on tables this small, threads cost more than they give
	$(ONE_THREAD) python -m pytest -n 2 --dist worksteal -m "not processes"

check: env  ## format, lint, types, import contracts
	pre-commit run --all-files --show-diff-on-failure

e2e: env  ## the real components: clones, PostgreSQL, S3, three public tables
	$(ONE_THREAD) python -m pytest -n 2 --dist worksteal -m processes
	python -m pytest tests/e2e

story: env  ## a model's life as it happens: weighed, released, a canary, drift, retrained, rolled back, audited
	@$(ONE_THREAD) python -m pytest tests/e2e/test_story.py --quiet --no-header --capture=no

act: env  ## run a workflow here, as GitHub would: WORKFLOW=check.yml EVENT=push|pull_request
	@PYTHONPATH=tests:tests/e2e python -m github "$(or $(WORKFLOW),check.yml)" --event "$(or $(EVENT),push)" $(if $(JOB),--job "$(JOB)")

BENCHMARKS := pipeline gate serving batch routing audit judge site rollback workflows
bench: env  ## the measured figures, as tables and as JSON
	@short=0; for name in $(BENCHMARKS); do python -m benchmarks.$$name || short=1; done; exit $$short

bento: env  ## pack the served model with its service; RELEASE=v3 packs a release
	weighlock bento $(PACK)

image: env  ## a container image of it; BASE_IMAGE=… TOOL=docker|podman|buildah TAG=name:version
	weighlock image $(PACK) $(if $(TOOL),--tool "$(TOOL)") $(if $(TAG),--tag "$(TAG)")

dashboards: env  ## Prometheus, Alertmanager and Grafana on this machine, to look at: docs/dashboards.md
	@python -m weighlock.monitoring.dashboard_look

lock: env  ## resolve the locks and libraries.yaml anew
	uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --upgrade -o requirements.lock
	uv pip compile pyproject.toml --quiet --extra serve --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --constraints requirements.lock -o serving/requirements.lock
	weighlock libraries --write

mlflow: env  ## open MLflow's pages on the tracked runs
	@case "$$MLFLOW_TRACKING_URI" in http*) echo "MLFLOW_TRACKING_URI names a server: open its own pages."; exit 2;; esac; \
	MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false PYTHONWARNINGS=ignore \
		mlflow server --workers 1 --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"

clean:  ## remove the environment and caches, never data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
