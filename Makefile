# One command for each thing. `make test PYTHON=python3.12 VENV=.venv312` uses another interpreter.

# The first of these that really starts, is 3.11 or newer, and can make an environment.
CANDIDATES = python3.13 python3.12 python3.11 python3
STARTS = -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p $(STARTS) && echo $$p && break; done)
VENV ?= .venv
JOBS ?= 2
# A folder of old programs that the tests run too, if there is one.
PROGRAMS ?= $(wildcard ../shared/programs)
RUN = $(VENV)/bin
# What an installed package is made from, beside Python that is read in place.
BUILD = pyproject.toml CMakeLists.txt $(wildcard native/*)

.PHONY: demo test check bench docs clean
.PRECIOUS: %/bin/python
.DELETE_ON_ERROR:

demo: $(VENV)/.examples  ## train on real digits, draw the curve, save, load elsewhere
	$(RUN)/python examples/digits.py

test: check $(VENV)/packages  ## everything CI runs
	KERAUNOS_TEST_PACKAGES=$(VENV)/packages KERAUNOS_PROGRAMS=$(PROGRAMS) $(RUN)/pytest -n $(JOBS)

check: $(VENV)/.dev  ## style, types, and who may import whom
	$(RUN)/ruff check .
	$(RUN)/basedpyright --pythonpath $(RUN)/python
	$(RUN)/lint-imports

bench: $(VENV)-bench/.bench  ## the table of the README: keraunos beside Keras and PyTorch
	$(VENV)-bench/bin/python -m benchmarks

docs: $(VENV)/.docs  ## the site, in docs/_build
	$(RUN)/sphinx-build -W --keep-going -q docs docs/_build
	@echo "open docs/_build/index.html"

clean:  ## all that make made, environments too
	rm -rf $(VENV) $(VENV)-bench docs/_build build dist examples/output src/keraunos/_kernels/lib
	rm -rf .cmake .ninja_* .skbuild-info.json CMakeCache.txt CMakeFiles CMakeInit.txt build.ninja cmake_install.cmake
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# An environment holds a stamp for each extra installed in it, so a second run is quick.
$(VENV)/.%: $(BUILD) | $(VENV)/bin/python
	$(RUN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@

# Beside the environment, and without what they declare: some declare TensorFlow.
$(VENV)/packages: tests/compat/packages/requirements.txt | $(VENV)/bin/python
	rm -rf $@
	$(RUN)/python -m pip install --quiet --no-deps --target $@ --requirement $<
	@touch $@

$(VENV)-bench/.%: $(BUILD) | $(VENV)-bench/bin/python
	$(VENV)-bench/bin/python -m pip install --quiet --editable ".[$*]"
	@touch $@

%/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found: name one, make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $*
