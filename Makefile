# Everything runs in the project's own virtual environment; `make` alone says what there is.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The tests mostly wait for servers: three processes keep two cores busy.
PYTEST_PROCESSES := 3
PYTHONS := 3.11 3.12 3.13
SOURCES := $(wildcard voyager_ops tests dags plugins benchmarks)
LOCK := $(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml

# Programs below write caches under HOME: give them one where there is none, or none that can be written.
ifneq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.voyager-ops/home
$(shell mkdir -p "$(HOME)")
endif

.PHONY: help venv lint format typecheck test test-real demo up down bench soak lock clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

venv: $(STAMP) ## the virtual environment (.venv), with the locked requirements

$(STAMP): requirements.txt pyproject.toml scripts/venv.sh
	@PYTHON="$(PYTHON)" sh scripts/venv.sh $(VENV)
	@touch $@

lint: $(STAMP) ## ruff: rules and layout
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

format: $(STAMP) ## ruff: repair layout and what can be repaired by rule
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

typecheck: $(STAMP) ## mypy, strict
	$(BIN)/mypy $(SOURCES)

test: lint typecheck ## lint, typecheck and the whole test suite
	$(BIN)/python -m pytest -n $(PYTEST_PROCESSES) $(PYTEST_ARGS)

test-real: $(STAMP) ## the tests that can, on an Oracle and a YugabyteDB: those that variables name, or Docker's (docs/oracle.md)
	sh scripts/test_real.sh $(BIN)/python $(PYTEST_ARGS)

demo: $(STAMP) ## a whole live migration on embedded databases, there and back (SOURCE=oracle: from a simulated Oracle, forward)
	$(BIN)/voyager-ops-demo run $(if $(SOURCE),--source $(SOURCE))

up: $(STAMP) ## start what the demo runs on and leave the approvals to you
	$(BIN)/voyager-ops-demo up

down: $(STAMP) ## stop what `make up` started
	$(BIN)/voyager-ops-demo down

bench: $(STAMP) ## every benchmark next to its peer (BENCH_ARGS: --quick, --scale S, --rounds N, names of lines)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: $(STAMP) ## the long run of random failures
	$(BIN)/python -m pytest -m soak --timeout 0 $(PYTEST_ARGS)

lock: $(STAMP) ## write the lock files anew, with the newest versions pyproject.toml allows
	$(LOCK) --upgrade --universal --python-version 3.11 --output-file requirements.txt
	$(foreach python,$(PYTHONS),$(LOCK) --upgrade --constraint requirements.txt --python-version $(python) \
		--output-file requirements/lock-$(python).txt &&) true

clean: ## remove everything that was built, the virtual environment too
	rm -rf $(VENV) .voyager-ops build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
