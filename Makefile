# make demo: judge the bundled reference server. make test: run the tests.
# Both set up a virtual environment of their own; they need Python 3.10 or newer and pip.
PYTHON ?= python3
VENV ?= .venv
# Most of a test is waiting for a server, so more processes than cores pay. The slow tests stand together: a
# process that has nothing left to do takes some from the others.
JOBS ?= 4
BIN = $(VENV)/bin

.PHONY: demo test lint clean

demo: $(VENV)/.ready
	cd "$$(mktemp -d)" && "$(abspath $(BIN))/pytest" --mcp-reference stateful

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

lint: $(VENV)/.ready-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/type_examples.py

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group test
	touch $@

$(VENV)/.ready-lint: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
