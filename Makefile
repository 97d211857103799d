# `make run` opens the program, `make test` tests it; both set up what they need, once.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# Relative, because pip splits this variable at spaces and a clone may stand in "My Projects".
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup run test lint bench shots readme clean

setup: $(STAMP)

run: $(STAMP)
	@$(PY) -m latentstudio $(FILES)

test: $(STAMP)
	$(PY) -m pytest $(ARGS)

lint: $(STAMP)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

bench: $(STAMP)
	$(PY) -m benchmarks $(ARGS)

shots: $(STAMP)
	$(PY) tools/shots.py $(ARGS)

# The table of formats in README.md, after an architecture was added.
readme: $(STAMP)
	$(PY) tools/readme_formats.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(STAMP): pyproject.toml constraints.txt setup.py
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  python=; \
	  for name in $(PYTHON) python3.11 python3 python; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "LatentStudio needs Python 3.11 or later; found: $$(python3 --version 2>&1 || echo none)." >&2; \
	    echo "Install it (Debian 12: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	  fi; \
	  $$python -m venv --clear $(VENV) || { \
	    echo "Python can't make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	}
	@echo "Installing what LatentStudio needs into $(VENV) (a few minutes, once) ..."
	@$(PY) -m pip install --quiet --editable ".[test,lint,cluster,clay]"
	@touch $@
