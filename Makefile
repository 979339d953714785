# Needs Python 3.11 or newer with venv, git and make. Everything that is fetched stays in this folder: the environment
# in .venv, uv (when the machine has none) in .uv, downloads in .cache.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
export UV_PYTHON_DOWNLOADS ?= never
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
# The tests start the program some hundred times: what is compiled once is kept, whatever the machine is used to.
unexport PYTHONDONTWRITEBYTECODE

# Asked, not only looked for: uv has to run, and to be new enough for this project.
UV := $(shell uv python find >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
OWN_UV := $(filter .uv/bin/uv,$(UV))
RUN := $(UV) run --locked
PACKAGES := $(sort $(wildcard packages/*))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-real torture figures check ci

help: ## what can be done
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

setup: $(OWN_UV) ## make the environment, uv included if it is missing
	$(UV) sync --locked

demo: $(OWN_UV) ## a cluster in this program, something breaks, Operator finds out what (ARGS="--seed 7" goes on to it)
	@$(RUN) --no-dev operator demo $(ARGS)

test: $(OWN_UV) ## the tests that need nothing (ARGS="packages/operator-core -k decide" goes on to pytest)
	$(RUN) pytest -n 3 --dist worksteal $(ARGS)

test-real: $(OWN_UV) ## also the tests on a real Docker engine, Prometheus and PostgreSQL, which must then be there
	OPERATOR_REQUIRE_REAL=1 $(RUN) pytest -n 3 $(ARGS)

torture: $(OWN_UV) ## kills, full disks, cut connections and crowds, in full counts (most of an hour)
	$(RUN) pytest -m slow tests/torture -rP $(ARGS)

figures: $(OWN_UV) ## how fast and how rightly faults are told, how quiet health is, what watching many costs (an hour)
	$(RUN) python benchmarks/detection.py $(ARGS)
	$(RUN) python benchmarks/startup.py
	$(RUN) python benchmarks/scale.py
	$(RUN) python benchmarks/ledger.py

check: $(OWN_UV) ## format, lint, types, import contracts, dependencies
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) pyright
	$(RUN) lint-imports
	@for package in $(PACKAGES); do \
		echo "deptry in $$package"; \
		( cd $$package && $(abspath .venv)/bin/deptry --no-ansi src ) || exit 1; \
	done

ci: ## everything, as CI runs it (root; installs what the real parts need)
	.ci/run

.uv/bin/uv:
	@[ -n "$(PYTHON)" ] || { echo "Operator needs Python 3.11 or newer, and there is none; say where: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check 'uv>=0.9'
