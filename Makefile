# honeyguide: everything that is done with this repository. `make` alone lists it.
#
# Needs make and Python 3.11 or newer with venv. All else goes into .venv/ by the hash-pinned locks in requirements/.
# What has been done is remembered in .venv/.done/, so that a second call does only what changed.

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
INSTALL := $(BIN)/python -m uv pip install --quiet --python $(BIN)/python
VENDOR := src/honeyguide/static/vendor/vendor.json

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
# Tests and a demo start hundreds of processes: each would compile all that it imports again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup demo cluster serve test lint bench docs lock build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(DONE)/package $(VENDOR) ## create .venv with the locked dependencies and the front-end files

demo: setup ## make a small shop, train, serve it with live traffic (ARGS="--help" lists its options)
	$(BIN)/honeyguide demo $(ARGS)

cluster: setup ## the same on two nodes with PostgreSQL and Redis (ARGS="--drill" breaks each in turn)
	scripts/system-packages initdb=postgresql redis-server=redis-server
	$(BIN)/honeyguide demo --cluster $(ARGS)

serve: setup ## serve the project in this folder (ARGS="--port 9000")
	$(BIN)/honeyguide serve $(ARGS)

test: lint $(VENDOR) ## lint, types, then all tests (ARGS="-k store" picks some)
	scripts/system-packages promtool=prometheus chromium=chromium curl=curl initdb=postgresql redis-server=redis-server faketime=faketime
	$(BIN)/python -m pytest -q -n 2 $(ARGS)

lint: $(DONE)/checks ## ruff, formatting, mypy strict
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy

bench: setup ## measure, and write benchmarks/results/
	scripts/system-packages wrk=wrk taskset=util-linux initdb=postgresql redis-server=redis-server
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(DONE)/checks ## build the documentation into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

build: $(DONE)/package $(VENDOR) ## build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build

lock: $(DONE)/tools ## resolve the locks again (ARGS="--upgrade" takes newer versions)
	scripts/lock $(ARGS)

clean: ## remove all that make has made
	rm -rf $(VENV) node_modules site dist src/honeyguide/static/vendor

$(DONE)/tools: requirements/build.txt scripts/find-python
	python=$$(scripts/find-python) && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@mkdir -p $(DONE) && touch $@

$(DONE)/package: requirements/runtime.txt pyproject.toml $(DONE)/tools
	$(INSTALL) --require-hashes -r requirements/runtime.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DONE)/checks: requirements/test.txt requirements/sequential.txt requirements/docs.txt requirements/dev.txt $(DONE)/package
	$(INSTALL) --require-hashes -r requirements/test.txt -r requirements/sequential.txt -r requirements/docs.txt -r requirements/dev.txt
	@touch $@

$(VENDOR): package.json package-lock.json .npmrc scripts/vendor scripts/vendor.mjs $(DONE)/tools
	scripts/vendor
