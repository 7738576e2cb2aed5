# The two commands are `make up` and `make test`; both set up first.
# The first that runs: a version manager may have one on the PATH that it does not let run.
PYTHON ?= $(firstword $(foreach each,python3.11 python3.12,$(shell $(each) -c '' 2>/dev/null && echo $(each))) python3)
BIN := .venv/bin
STAMP := .venv/.ready
GOAL = $(or $(MAKECMDGOALS),setup)
# Tests wait more than they compute: processes of pytest, each with servers of its own.
JOBS ?= 4
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# Tests start hundreds of processes: without bytecode each would compile the whole engine anew.
unexport PYTHONDONTWRITEBYTECODE
# What pyproject.toml measures is told by whole paths.
export PWD := $(CURDIR)

.PHONY: setup up test again covered lint types bench bench-peers chaos simulate lock clean

setup: $(STAMP)

$(STAMP): requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
		{ echo "SARK needs Python 3.11 or 3.12; name one: make PYTHON=/path/to/python3.12 $(GOAL)" >&2; exit 1; }
# Debian's Python cannot give a venv its pip unless python3-venv is there; its own pip does as well.
	@set -e; pip="$(BIN)/python -m pip"; \
	if ! $$pip --version >/dev/null 2>&1 && ! $(PYTHON) -m venv --clear .venv >/dev/null 2>&1; then \
		$(PYTHON) -m venv --clear --without-pip .venv; \
		pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	fi; \
	pip="$$pip install -q --disable-pip-version-check --no-deps"; \
	$$pip --require-hashes -r requirements.lock -r requirements-dev.lock; \
	$$pip --no-build-isolation -e .
	@touch $@

up: setup
	@exec $(BIN)/sark up $(ARGS)

test: setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(MAKE) --no-print-directory covered

# What has failed, once more and alone: what passes now depends on how busy the machine is.
again: setup
	$(BIN)/coverage run -m pytest --last-failed --last-failed-no-failures none
	@$(MAKE) --no-print-directory covered

# An empty program with all of our files in sight: what no test has imported is counted too.
covered:
	@$(BIN)/coverage run --source=engine,adapters,webhooks,policies /dev/null
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --fail-under=80
	$(BIN)/coverage report --skip-covered --fail-under=100 \
		--include='engine/core/*,webhooks/signature.py'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit -q -c pyproject.toml -r engine adapters webhooks policies
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

# All of it, or ARGS="--repeats 3 flow40 latency"; docs/explanation/performance.md names the shapes.
bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

# Other engines beside SARK, each in an environment of its own under build/: ARGS="dbos restate".
bench-peers: setup
	@$(BIN)/python -m benchmarks.peers $(ARGS)

chaos: setup
	$(BIN)/python -m tests.chaos $(ARGS)

simulate: setup
	$(BIN)/python -m tests.simulation $(ARGS)
	$(BIN)/python -m tests.simulation --protocol --schedules 1000000

# Needs uv. What is pinned stays, as far as it can; newer versions: make lock ARGS=--upgrade.
lock:
	$(LOCK) $(ARGS) pyproject.toml -o requirements.lock
	$(LOCK) $(ARGS) --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv .sark .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
