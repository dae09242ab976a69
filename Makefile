# Two commands for a newcomer: `make run` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS := $(VENV)/.runs

.PHONY: install run test check site wheel bundle clean

# For those who change the code: everything. The hub itself needs `requirements.lock` only.
install: $(STAMP)

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

$(STAMP): pyproject.toml requirements-dev.lock | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@ $(RUNS)

$(RUNS): pyproject.toml requirements.lock | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

run: $(RUNS)
	$(BIN)/skolnav demo

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Most tests wait for real peers: six at a time keep two processors busy. A module's tests stay together.
# Compiled first, since many tests start processes that import the hub, and some environments let Python write no bytecode.
test: check
	$(BIN)/python -m compileall -q -j 0 schemas plugins connectors hub skolnav
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder

# The documentation as pages for a browser, in build/site/site. A link that leads nowhere fails it.
site: $(STAMP)
	$(BIN)/python scripts/site.py "$$(scripts/peers/python.sh)/bin/zensical" build/site

wheel: $(STAMP)
	$(BIN)/python scripts/bundle.py wheel build/dist

# What a server without a network installs: docs/operations.md.
bundle: $(STAMP)
	$(BIN)/python scripts/bundle.py bundle build/dist

clean:
	rm -rf $(VENV) build *.egg-info
