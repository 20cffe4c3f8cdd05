# Every target installs what it needs first. `make raise` is the way in.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: install raise test check matrix drawings peers clean

install: .venv/installed
raise: .venv/installed
	$(BIN)/upbringing raise

test: .venv/installed-test
	bash tests/install-chromium.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

matrix: .venv/installed-test
	OMP_NUM_THREADS=1 $(BIN)/python tests/matrix.py --write docs/matrix.md

drawings: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/drawings.sh

# Other people's libraries, each in an environment of its own outside the repository.
peers:
	$(PYTHON) tests/peers/run.py $(PEERS)

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/installed-%: .venv/installed
	$(PIP) -e '.[$*]'
	@touch $@

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
