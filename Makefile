# make book   build the HTML book                       make test   run every check
# make lab    open the notebooks in JupyterLab          make help   list the rest
#
# Everything runs in .venv, which is made on first use and again when the two files it depends on change.

PYTHON ?= python3
BIN := .venv/bin
START := $(shell date +%s)
BOOK_TESTS := tests/test_book.py tests/test_browser.py

# Checks and committed outputs are the same on every machine: CPU, whatever accelerator is present.
test unit notebooks execute: export JAX_PLATFORMS = cpu
# A second run of a notebook need not compile what the first one did.
lab notebooks execute: export JAX_COMPILATION_CACHE_DIR = $(CURDIR)/.jax_cache

.PHONY: help setup book lab test lint unit notebooks check format execute bench clean clean-all
.NOTPARALLEL:

help:
	@echo "make book      build the HTML book with warnings as errors"
	@echo "make lab       open the notebooks in JupyterLab"
	@echo "make test      lint, unit tests, notebooks, book, book checks"
	@echo "make lint | unit | notebooks | check    one of those alone (check needs a built book)"
	@echo "make format    let ruff rewrite the sources and the notebooks"
	@echo "make execute NOTEBOOK=notebooks/NAME.ipynb    run a notebook from top to bottom and keep its outputs"
	@echo "make bench     time the package against PyTorch and diffusers, in an environment of its own"
	@echo "make clean     remove the built book; make clean-all removes .venv and .venv-bench too"

setup: .venv/.stamp

.venv/.stamp: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; '$(PYTHON)' is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# --all: an incremental build would not repeat the warnings of the pages it skips.
book: setup
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo "The book is built. Open _build/html/index.html in a browser."

lab: setup
	$(BIN)/jupyter lab notebooks

test: lint unit notebooks book check
	@echo "make test: lint, unit tests, notebooks, book and book checks passed in $$(( $$(date +%s) - $(START) )) s."

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: setup
	$(BIN)/python -m pytest tests $(addprefix --ignore=,$(BOOK_TESTS))

notebooks: setup
	$(BIN)/python -m pytest --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg notebooks

check: setup
	$(BIN)/python -m pytest $(BOOK_TESTS)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

execute: setup
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False $(NOTEBOOK)

# PyTorch is large, and only this needs it. Without a GPU, PIP_EXTRA_INDEX_URL can name the CPU wheels.
bench:
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -e . -r benchmarks/requirements.txt
	.venv-bench/bin/python -m benchmarks

clean:
	rm -rf _build

clean-all: clean
	rm -rf .venv .venv-bench
