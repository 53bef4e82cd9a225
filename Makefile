# `make check` and `make test` set up everything by themselves; they need Python 3.11 or later and make.

SHELL = /bin/sh
VENV = .venv
PY = $(VENV)/bin/python
JOBS = 2

.PHONY: check test lint types wheel bench clean

check: $(VENV)/ready
	$(PY) -m specproof check

test: $(VENV)/ready-test
	$(PY) -m pytest -n $(JOBS) -q

lint: $(VENV)/ready-test
	$(PY) -m ruff check .

# What ships is what is checked: in the wheel the models and the proofs are modules of the package.
types: wheel
	rm -rf build/types && mkdir -p build/types
	$(PY) -m zipfile -e build/wheel/*.whl build/types
	MYPYPATH=build/types $(PY) -m mypy --strict --cache-dir .mypy_cache/wheel -p specproof

wheel: $(VENV)/ready-test
	rm -rf build/wheel
	$(PY) -m hatchling build -t wheel -d build/wheel

# Each part writes its own section of docs/performance.md.
bench: $(VENV)/ready-test
	$(PY) -m bench --write
	$(PY) -m bench.runs --write
	$(PY) -m bench.reviews --write
	$(PY) -m bench.scale --write
	$(PY) -m bench.farm --measure build/farm.json
	$(PY) -m bench.farm --write build/farm.json

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The first Python that is new enough. The stamps come last, so that a setup that was cut short is done again.
$(VENV)/python-found:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    rm -rf $(VENV) && "$$python" -m venv $(VENV) && touch $@ && exit 0; exit 1; fi; done; \
	echo "specproof needs Python 3.11 or later; name one with 'make PYTHON=/path/to/python'" >&2; exit 1

$(VENV)/ready: pyproject.toml $(VENV)/python-found
	$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/ready-test: pyproject.toml $(VENV)/python-found
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/ready
