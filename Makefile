# Every target sets up what it needs. `make help` lists them.
# Another place for the virtual environments: make test VENV=/somewhere/else

PYTHON ?= python3
VENV ?= .venv
VENV_SDK_NEXT ?= $(VENV)-sdk-next
VENV_MELTANO ?= $(VENV)-meltano
VENV_LOCK ?= $(VENV)-lock
PYTEST_ARGS ?=
CHAOS_ARGS ?=
# How many tests run at once: three for each processor, for most of them wait, be it for
# a process of their own or for the time that a server asks for.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(3 * (os.cpu_count() or 1))')

# Nothing from the developer's own configuration may reach a test, and no proxy may stand
# between it and the loopback address. pip keeps the proxy; the demo sees to this itself.
SETTINGS := $(filter-out OCTANIST_TEST_ARTEFACTS, \
  $(filter TARGET_OCTANIST_% OCTANIST_% MELTANO_% TAP_%,$(shell env | sed -n 's/=.*//p')))
PROXIES := HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
CLEAN_ENV := env $(foreach name,$(SETTINGS) $(PROXIES) PYTHONPATH,-u $(name)) \
	NO_PROXY='*' PYTHONDONTWRITEBYTECODE=1
PIP_INSTALL = bin/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types suite suite-sdk-next chaos format docs screenshots \
	bench bench-transport bench-faults lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed $(VENV_MELTANO)/.installed ## Deliver the sample leads with Meltano to a local sandbox, twice
	@$(VENV)/bin/python scripts/demo.py --meltano $(VENV_MELTANO)/bin/meltano

test: ## Run linter, type checker and all tests; a failure does not keep the rest from running
	@failed=; for part in lint types suite-sdk-next suite; do \
	  $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
	done; \
	test -z "$$failed" || { echo "Failed:$$failed" >&2; exit 1; }

lint: $(VENV)/.installed ## Check style and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.installed ## Check types
	$(VENV)/bin/mypy

suite: $(VENV)/.installed ## Run all tests (PYTEST_ARGS="-k name" for some of them)
	$(CLEAN_ENV) $(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

suite-sdk-next: $(VENV_SDK_NEXT)/.installed ## Run the framework's standard tests on its next version
	$(CLEAN_ENV) $(VENV_SDK_NEXT)/bin/python -m pytest tests/singer/test_sdk_suite.py

chaos: $(VENV)/.installed ## Test with a thousand faults and kills (CHAOS_ARGS="--seed 1 --faults 100")
	@$(CLEAN_ENV) $(VENV)/bin/python -m tests.chaos $(CHAOS_ARGS)

format: $(VENV)/.installed ## Rewrite the code in the project's style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.installed ## Build the documentation: docs/_build/html/index.html
	@$(CLEAN_ENV) $(VENV)/bin/python -m sphinx -EWq --keep-going docs docs/_build/html
	@echo "docs/_build/html/index.html"

screenshots: $(VENV)/.installed ## Update the pictures of the documentation (PICTURES="check status" for some of them)
	@$(CLEAN_ENV) $(VENV)/bin/python -m scripts.screenshots $(PICTURES)

bench: $(VENV)/.installed ## Measure speed and memory, compared with floors, limits and peers (half an hour; see benchmarks/README.md)
	@$(CLEAN_ENV) $(VENV)/bin/python -m benchmarks $(BENCH_ARGS)

bench-transport: $(VENV)/.installed ## Measure what one request costs, by each way of sending it
	@$(CLEAN_ENV) $(VENV)/bin/python -m benchmarks.transport $(BENCH_ARGS)

bench-faults: $(VENV)/.installed ## Compare with other ways of sending when the server fails (half an hour)
	@$(CLEAN_ENV) $(VENV)/bin/python -m benchmarks.faults $(BENCH_ARGS)

lock: $(VENV_LOCK)/.installed ## Write the locks anew, with the newest versions allowed
	@for job in \
	  "dev --all-extras --group dev --group docs pyproject.toml" \
	  "sdk-next --extra sandbox --extra postgres --group dev --constraint requirements/sdk-next.in pyproject.toml" \
	  "meltano requirements/meltano.in"; do \
	  set -- $$job; name=$$1; shift; \
	  $(VENV_LOCK)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	    --fork-strategy requires-python --no-annotate --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file "requirements/$$name.lock" "$$@" || exit 1; \
	  echo "requirements/$$name.lock"; \
	done

clean: ## Remove everything that these targets made
	rm -rf $(VENV) $(VENV_SDK_NEXT) $(VENV_MELTANO) $(VENV_LOCK) .bench .demo .meltano
	rm -rf build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find target_octanist tests scripts sample_data benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment is filled from its lock, and filled again when the lock changes. The
# package itself is installed from this folder, so that its source is what runs.

$(VENV)/.installed: requirements/dev.lock pyproject.toml
	@echo "Setting up $(VENV) ..."
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/$(PIP_INSTALL) -r requirements/dev.lock
	@$(VENV)/$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV_SDK_NEXT)/.installed: requirements/sdk-next.lock pyproject.toml
	@echo "Setting up $(VENV_SDK_NEXT) ..."
	@test -x $(VENV_SDK_NEXT)/bin/python || $(PYTHON) -m venv $(VENV_SDK_NEXT)
	@$(VENV_SDK_NEXT)/$(PIP_INSTALL) -r requirements/sdk-next.lock
	@$(VENV_SDK_NEXT)/$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV_MELTANO)/.installed: requirements/meltano.lock
	@echo "Setting up $(VENV_MELTANO) ..."
	@test -x $(VENV_MELTANO)/bin/python || $(PYTHON) -m venv $(VENV_MELTANO)
	@$(VENV_MELTANO)/$(PIP_INSTALL) -r requirements/meltano.lock
	@touch $@

$(VENV_LOCK)/.installed: requirements/uv.in
	@test -x $(VENV_LOCK)/bin/python || $(PYTHON) -m venv $(VENV_LOCK)
	@$(VENV_LOCK)/$(PIP_INSTALL) -r requirements/uv.in
	@touch $@
