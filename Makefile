# Plaza: `make run` shows it, `make test` proves it.
PYTHON ?= python3
VENV := .venv
PLAZA := $(VENV)/bin/plaza
RUN_READY := $(VENV)/.ready-run
TEST_READY := $(VENV)/.ready-test
DEBIAN := deploy/debian.sh
BABEL := $(VENV)/bin/pybabel
CHECKS := $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

.PHONY: run test packages soak bench-apply bench-gateway bench-metrics bench-poll bench-portal lint translations clean

run: $(RUN_READY)
	@$(PLAZA) demo

# Beside the checks one process compiles all tests, so that not every worker has to.
test: export PYTHONDONTWRITEBYTECODE =
test: packages $(TEST_READY)
	@$(VENV)/bin/python -m pytest --collect-only -qq -m "not soak" >/dev/null 2>&1 & \
		$(CHECKS); passed=$$?; wait; exit $$passed
	@$(VENV)/bin/python -m pytest -m "not soak" -n 8 --dist loadfile --no-loadscope-reorder

packages:
	@sh $(DEBIAN) test

soak: packages $(TEST_READY)
	@$(VENV)/bin/python -m pytest -m soak --timeout 0 -n 4 --dist loadfile

# What polling costs, us and our peers; BENCH=--quick takes minutes instead of an hour, BENCH=--help says more.
bench-packages:
	@sh $(DEBIAN) bench

bench-poll: bench-packages $(RUN_READY)
	@$(VENV)/bin/python -m bench.metered
	@$(VENV)/bin/python -m bench.platforms
	@$(VENV)/bin/python -m bench.poll $(BENCH)

# What changing devices costs, us and our peers; as root, for its devices live in chroots. BENCH as above.
bench-apply: bench-packages $(RUN_READY)
	@$(VENV)/bin/python -m bench.apply $(BENCH)

# What the portal costs a phone and a server, ours and our peers'; as root, for openNDS and slow links are in namespaces.
bench-portal: bench-packages $(RUN_READY)
	@$(VENV)/bin/python -m bench.portal $(BENCH)

# What the gateway at a site costs, ours and openNDS; as root, for both are in namespaces. BENCH as above.
bench-gateway: bench-packages $(RUN_READY)
	@$(VENV)/bin/python -m bench.gateway $(BENCH)

# What metrics cost, ours and influxdb-client's, and that nothing is lost while everything is killed. BENCH as above.
bench-metrics: bench-packages $(RUN_READY)
	@$(VENV)/bin/python -m bench.metrics $(BENCH)

lint: $(TEST_READY)
	@$(CHECKS)

translations: $(TEST_READY)
	@$(VENV)/bin/python -m captive_portal.translating
	@cd controller/translations && ../../$(BABEL) -q extract -F babel.cfg -o console.pot \
		--no-location --no-wrap --sort-output ..
	@cd controller/translations && ../../$(BABEL) -q update -i console.pot -d . -D console \
		--no-wrap --no-fuzzy-matching --ignore-obsolete
	@cd controller/translations && ../../$(BABEL) -q compile -d . -D console
	@echo "Translate what is empty in the .po files, then run make translations again."

$(VENV)/bin/python:
	@sh $(DEBIAN) run
	@echo "Making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(RUN_READY): setup.cfg setup.py drivers/snmp/_hot.c constraints.txt $(VENV)/bin/python
	@echo "Installing Plaza and its libraries …"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[analytics]'
	@touch $@

$(TEST_READY): setup.cfg setup.py drivers/snmp/_hot.c constraints.txt $(VENV)/bin/python
	@echo "Installing Plaza, its libraries and what its tests need …"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[analytics,test]'
	@touch $@ $(RUN_READY)

clean:
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
