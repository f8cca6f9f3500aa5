# The one task list, for people and for CI. `make` alone prints it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
export OMP_WAIT_POLICY ?= PASSIVE
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports check lock clean notebook $(shell grep -oE '^bench-[a-z0-9-]+' $(firstword $(MAKEFILE_LIST)))

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-21s %s\n", $$1, $$2}'

# --- set-up: a virtual environment with exactly the locked versions, checked by hash ----------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "leadtime needs Python 3.11 or newer, got $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@echo "==> creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Could not create $(VENV). On Debian or Ubuntu: apt install python3-venv"; exit 1; }

# uv installs in seconds what takes pip a minute; pip remains the way where uv cannot reach the package index. The lock is
# complete, so pip need not look for more: what extras ask for has other names there.
define install
	@echo "==> installing the locked packages of $(1)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		&& $(BIN)/uv pip install --python $(BIN)/python --require-hashes -r $(1) \
		|| $(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r $(1)
	@touch $(2)
endef

$(VENV)/.runtime: requirements/runtime.lock | $(BIN)/python
	$(call install,requirements/runtime.lock,$@)

$(VENV)/.dev: requirements/dev.lock | $(BIN)/python
	$(call install,requirements/dev.lock,$@)

# the peers of the benchmark, beside the packages that are tested
$(VENV)/.bench: requirements/bench.lock $(VENV)/.dev
	$(call install,requirements/bench.lock,$@)

lock: | $(BIN)/python  ## resolve pyproject.toml anew into requirements/*.lock
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --upgrade \
		-c requirements/held-back.txt pyproject.toml -o requirements/runtime.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
		-c requirements/runtime.lock pyproject.toml --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
		-c requirements/dev.lock --group bench -o requirements/bench.lock

notebook: $(VENV)/.dev  ## run docs/explore-a-model.ipynb anew, on simulated leads
	MLFLOW_TRACKING_URI=sqlite:///var/no-model.db \
		$(BIN)/jupyter execute --inplace --NotebookClient.record_timing=False docs/explore-a-model.ipynb

# --- the two commands --------------------------------------------------------------------------------------------

demo: $(VENV)/.runtime  ## a new machine to a running service with sample data, at 127.0.0.1:8000
	@$(BIN)/python -m training.demo

test: $(VENV)/.dev  ## a new machine to passed tests
	@echo "==> running the tests"
	@$(BIN)/python -m pytest
	@echo
	@echo "All tests passed. Next:"
	@echo "  make demo          sample data, a trained model and the service at http://127.0.0.1:8000"
	@echo "  make check         lint, types and the direction of imports"
	@echo "  make               every other task"

# --- checks ------------------------------------------------------------------------------------------------------

lint: $(VENV)/.dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/.dev  ## the direction of imports between the rooms
	$(BIN)/lint-imports

check: lint types imports  ## lint, types, imports

# --- measurements (../shared/data or LEADTIME_DATA holds the real data) --------------------------------------------

bench-backtest: $(VENV)/.runtime  ## when to call, rule by rule, over worlds and real histories; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.backtest --document

bench-bpic2012: $(VENV)/.runtime  ## load, train and score BPI Challenge 2012; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.bpic2012

bench-features: $(VENV)/.runtime  ## rows of features a second
	$(BIN)/python -m benchmarks.features

bench-gate: $(VENV)/.runtime  ## nights of training with the same, better and worse models; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.gate

bench-intake: $(VENV)/.runtime  ## events taken a second, beside executemany; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.intake --document

bench-learning-curve: $(VENV)/.runtime  ## 30 to 100,000 leads beside Aalen-Johansen; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.learning_curve

bench-negative-control: $(VENV)/.runtime  ## data without a signal must be called so; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.negative_control

bench-prediction: $(VENV)/.bench  ## every peer on every dataset, a few hours; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.prediction

bench-mlflow-ui: $(VENV)/.dev  ## how fast MLflow's pages open with 1,000 runs; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.mlflow_ui --document

bench-ranking: $(VENV)/.runtime  ## whom to call under capacity, beside simple rules; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.ranking --document

bench-service: $(VENV)/.dev  ## scored GETs and ten minutes of mixed load, by wrk; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.service --soak 10 --document

bench-store: $(VENV)/.runtime  ## events appended and read a second
	$(BIN)/python -m benchmarks.store

bench-speed: $(VENV)/.runtime  ## full curves a second, beside LightGBM's plain way; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.speed

bench-tuning: $(VENV)/.runtime  ## default settings against tuned ones on unseen data; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.tuning --document

bench-simulator: $(VENV)/.runtime  ## seconds and memory of simulating 5,000 to 1,000,000 leads
	$(BIN)/python -m benchmarks.simulator

bench-watching: $(VENV)/.runtime  ## how soon a change of the market is noticed; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.watching --document

clean:  ## remove the environment and everything that was made at run time
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
