# make book   build the HTML book                       make test   run every check
# make serve  open it with everything alive              make lab    open the notebooks in JupyterLab
# make help   list the rest
#
# Everything runs in .venv, which is made on first use and again when the files it depends on change.

PYTHON ?= python3
VENV := .venv
REQUIREMENTS := requirements.txt
BIN := $(VENV)/bin
START := $(shell date +%s)
BOOK_TESTS := tests/test_book.py tests/test_browser.py tests/test_live_book.py
# A worker for each core, four at most. A file stays with one worker, so that what its tests share
# is compiled once.
PYTEST := $(BIN)/python3 -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

# Checks and committed outputs are the same on every machine: CPU, whatever accelerator is present.
test unit notebooks execute reproduce: export JAX_PLATFORMS = cpu
# Unit tests compile much and run it once: the compiler's costly passes are left to the notebooks.
unit: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
# A second run of a notebook, or of its panels, need not compile what the first one did.
lab notebooks check execute reproduce: export JAX_COMPILATION_CACHE_DIR = $(CURDIR)/.jax_cache

.PHONY: help setup book serve lab test lint unit notebooks check links stack-tree stack-modes stack-sphinx sphinx format execute bench reproduce clean clean-all
.NOTPARALLEL:

help:
	@echo "make book      build the HTML book with warnings as errors"
	@echo "make serve     open the built book with its demos alive; PORT=8000"
	@echo "make lab       open the notebooks in JupyterLab"
	@echo "make test      lint, unit tests, notebooks, book, book checks"
	@echo "make lint | unit | notebooks | check    one of those alone (check needs a built book)"
	@echo "make stack-py311 | stack-newest | stack-colab | stack-tree    unit tests and notebooks on other versions"
	@echo "make stack-modes    the public functions in double precision, without jit, on eight devices, and so on"
	@echo "make stack-sphinx    the book by plain Sphinx 9, without jupyter-book, and its checks"
	@echo "make links     look up every address on another host that the book names"
	@echo "make format    let ruff rewrite the sources and the notebooks"
	@echo "make execute NOTEBOOK=notebooks/NAME.ipynb    run a notebook from top to bottom and keep its outputs"
	@echo "make bench     time the package against PyTorch and diffusers, in an environment of its own"
	@echo "make reproduce measure a few rows of each result file again, and say whether they still hold"
	@echo "make clean     remove the built book; make clean-all removes the environments too"

setup: $(VENV)/.stamp

$(VENV)/.stamp: $(REQUIREMENTS) tests/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is none. Name one: make PYTHON=/path/to/python3.13 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS) -e .
	@touch $@

# --all: an incremental build would not repeat the warnings of the pages it skips.
book: setup
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo "The book is built. make serve opens it with everything alive; as a file, _build/html/index.html, its demos are pictures."

# Scripts of a page that was opened as a file may load nothing; from a server, though it is this machine, they may.
PORT ?= 8000
serve:
	@test -f _build/html/index.html || $(MAKE) book
	@echo "The book is at http://localhost:$(PORT) until Ctrl-C."
	@(sleep 1; $(PYTHON) -m webbrowser -t http://localhost:$(PORT) >/dev/null 2>&1) &
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: setup
	$(BIN)/jupyter lab notebooks

test: lint unit notebooks book check
	@echo "make test: lint, unit tests, notebooks, book and book checks passed in $$(( $$(date +%s) - $(START) )) s."

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

unit: setup
	$(PYTEST) tests $(addprefix --ignore=,$(BOOK_TESTS))

notebooks: setup
	$(PYTEST) --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg notebooks

# Pages share nothing that is compiled, so here a worker takes the next test, of any file.
check: setup
	$(PYTEST) --dist load $(BOOK_TESTS)

# Needs the network, unlike all else, and is no part of test: other hosts come and go.
links: setup
	$(BIN)/jupyter-book build . --builder linkcheck

# Versions that people have, each in an environment of its own, .venv-NAME, with what stacks/NAME.txt asks for.
stack-py311: PYTHON = python3.11
stack-newest stack-colab: PYTHON = python3.13
stack-%: stacks/%.txt
	$(MAKE) VENV=.venv-$* REQUIREMENTS=$< PYTHON=$(PYTHON) unit notebooks

# NNX without its graph: modules are plain trees.
stack-tree:
	NNX_GRAPH_MODE=false $(MAKE) stack-py311

# Double precision, NaNs that stop, no jit, leaked tracers, eight devices: the public functions in each.
stack-modes: export JAX_PLATFORMS = cpu
stack-modes: export XLA_FLAGS = --xla_force_host_platform_device_count=8
stack-modes: setup
	$(BIN)/python3 -m pytest tests/modes.py

# The same book without jupyter-book, on the next Sphinx; the book's checks read it from a folder of its own.
# JupyterLab is not in this environment, and does not depend on how the pages are made.
stack-sphinx: PYTHON = python3.13
stack-sphinx:
	$(MAKE) VENV=.venv-sphinx REQUIREMENTS=stacks/sphinx.txt PYTHON=$(PYTHON) sphinx

sphinx: export BOOK_HTML = $(CURDIR)/_build/sphinx/html
sphinx: setup
	$(BIN)/python3 -m sphinx -c stacks/sphinx -d _build/sphinx/doctrees -a -E -W -n --keep-going -q . $(BOOK_HTML)
	$(PYTEST) --dist load $(BOOK_TESTS) -k "not redraw"

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

# Up to 20 minutes on two cores; bars go to stderr, and what was found is a line each.
reproduce: setup
	$(BIN)/python -m measurements --quick

clean:
	rm -rf _build

clean-all: clean
	rm -rf .venv .venv-*
