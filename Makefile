# `make` shows what there is. Everything runs from .venv, which is made when it is missing or the requirements changed.

PYTHON ?= python3
PORT ?= 8000
BIND ?= 127.0.0.1
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --no-compile -q

.DEFAULT_GOAL := help
.PHONY: help demo up test lint style types bench chaos clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed ## Run EngageX with a demo agency (PORT=8000, BIND=127.0.0.1)
	@exec $(BIN)/python manage.py up --demo --port $(PORT) --bind $(BIND)

up: $(VENV)/.installed ## Run EngageX without demo data
	@exec $(BIN)/python manage.py up --port $(PORT) --bind $(BIND)

test: ARGS = -n 2 --dist loadfile
test: $(VENV)/.installed-dev ## Run the tests on two cores (ARGS="tests/common -x" for some, on one)
	@exec $(BIN)/python -m pytest $(ARGS)

lint: style types ## Check style, imports, types and migrations

style: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python manage.py services -- $(BIN)/python manage.py makemigrations --check --dry-run

types: $(VENV)/.installed-dev
	$(BIN)/mypy core dashboards

bench: $(VENV)/.installed-dev ## Measure against ceilings of the same run (ARGS="send --json")
	@exec $(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(VENV)/.installed-dev ## Send 10,000 mails through kills, restarts and a faulty provider (ARGS="--seed 3")
	@exec $(BIN)/python -m tests.concurrency.storm $(ARGS)

clean: ## Remove the virtual environment and caches; the data in .engagex stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -not -path './.engagex/*' -prune -exec rm -rf {} +

# The stamps say which requirements were installed last. The development set contains the other one.
$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing requirements.txt (about a minute the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(BIN)/python
	@echo "Installing requirements-dev.txt (about a minute the first time)"
	@$(PIP) -r requirements-dev.txt
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or later, or name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "EngageX needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing: install it (Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making the virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
