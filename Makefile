# `make` lists the targets.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# Most tests wait for servers and processes: two jobs a core keep two cores busy.
JOBS ?= 4
PLUGINS := ./plugins/meeting ./plugins/people ./plugins/weather ./plugins/news ./plugins/email

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(addprefix --no-emit-package ,wlm wlm-meeting wlm-people wlm-weather wlm-news wlm-email)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs serve lock clean ldap

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(BIN)/wlm: pyproject.toml requirements.lock $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . $(addprefix -e ,$(PLUGINS))
	$(BIN)/python -m compileall -q wlm plugins bench
	@touch $@

$(VENV)/.dev: $(BIN)/wlm requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# A C extension, built here; so it is no part of what everybody installs.
$(VENV)/.ldap: $(VENV)/.dev requirements-ldap.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ldap.lock
	@touch $@

ldap: $(VENV)/.ldap ## add the library for directories (needs libldap-dev and libsasl2-dev)

demo: $(BIN)/wlm ## answer a recorded spoken request, offline, through the whole path
	@$(BIN)/python -m bench.demo

test: $(VENV)/.dev ## run the tests; servers they need are started and stopped
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not alone" --durations 30 --durations-min 3
	$(BIN)/python -m pytest -m alone

lint: $(VENV)/.dev ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure start-up, routing, slots, dates and transcription
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.events
	$(BIN)/python -m bench.route ../shared/data/nlu/dev.jsonl
	$(BIN)/python -m bench.dates
	$(BIN)/python -m bench.slots ../shared/data/nlu/dev.jsonl
	$(BIN)/python -m bench.transcribe ../shared/data/audio
	$(BIN)/python -m bench.listen

docs: $(BIN)/wlm ## write the generated reference
	$(BIN)/python -m docs.generate

serve: $(BIN)/wlm ## start the gateway
	$(BIN)/wlm serve

lock: ## pin what is installed, with hashes and without addresses
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-dev.in -o requirements-dev.lock
	$(COMPILE) requirements-ldap.in -o requirements-ldap.lock

clean: ## remove the virtual environment and what the benches wrote
	rm -rf $(VENV) bench/out .wlm-demo
