# Commands of this repository. Each sets up .venv by itself; Python 3.11 or later, pip and make
# are all that the machine must have. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Exactly this build, on a line of its own and before the rest: a looser range may pull gigabytes
# of GPU libraries. It is named again with the rest, so that nothing can replace it.
TORCH := torch==2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PROMPT ?= a person walks forward and waves
OUT ?= out

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check format lint types docs wheel-smoke clean

help:
	@echo "make demo         generate a motion from a sentence into $(OUT)/"
	@echo "make test         run the tests"
	@echo "make check        all that CI runs: lint, types, docs, wheel, tests"
	@echo "make format       format the code and apply safe lint fixes"
	@echo "make lint | types | docs | wheel-smoke    single steps of make check"
	@echo "make clean        remove built files and caches; keeps $(VENV), $(OUT)/ and runs"

# --- environment: a stamp per set of extras; a second run does nothing -------------------------

$(VENV)/.stamp-torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "marey needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one, for example: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) could not create $(VENV); on Debian and Ubuntu: apt install python3-venv"; \
	  exit 1; }
	@echo "Installing $(TORCH) into $(VENV) (once) ..."
	@$(PIP) "$(TORCH)"
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-torch pyproject.toml
	@echo "Installing marey into $(VENV) (once) ..."
	@$(PIP) "$(TORCH)" -e .
	@touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-torch pyproject.toml
	@echo "Installing marey and what its tests need into $(VENV) (once) ..."
	@$(PIP) "$(TORCH)" -e ".[test]"
	@touch $@ $(VENV)/.stamp-run

$(VENV)/.stamp-dev: $(VENV)/.stamp-torch pyproject.toml
	@echo "Installing marey and its developer tools into $(VENV) (once) ..."
	@$(PIP) "$(TORCH)" -e ".[dev]"
	@touch $@ $(VENV)/.stamp-run $(VENV)/.stamp-test

# --- commands ----------------------------------------------------------------------------------

demo: $(VENV)/.stamp-run
	@mkdir -p $(OUT)
	$(BIN)/marey generate "$(PROMPT)" --seconds 5 --seed 7 --force \
	  -o $(OUT)/demo.bvh -o $(OUT)/demo.glb -o $(OUT)/demo.npz -o $(OUT)/demo.webp
	@echo "Written:"
	@for file in bvh glb npz webp; do echo "  $(abspath $(OUT))/demo.$$file"; done

test: $(VENV)/.stamp-test
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.stamp-dev
	$(BIN)/pyright

docs: $(VENV)/.stamp-dev
	$(BIN)/zensical build --clean --strict

wheel-smoke: $(VENV)/.stamp-dev
	.ci/wheel_smoke.sh $(BIN)/python "$(TORCH)"

# The tests come last, so that their summary closes the output.
check: $(VENV)/.stamp-dev lint types docs wheel-smoke test

format: $(VENV)/.stamp-dev
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

clean:
	rm -rf .wheel-venv dist build site .cache .pytest_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
