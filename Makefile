# Dure: everything is one command. `make demo` walks the loop, `make test` tests it, `make check` is what CI runs.
PYTHON ?= python3
BIN := .venv/bin
# How many processes run tests side by side: a number, or auto for one a core.
WORKERS ?= auto
# Compiled code is kept, or each of many processes would compile everything anew. Not reordered: long
# modules come first, whatever the number of their tests.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
NOT_FAST := slow or heavy or fit or engine or browser or postgres or rabbitmq
.PHONY: help demo serve token test test-fast test-all explore static check bench evaluate verify-audit collect-garbage backup restore verify-backup compose-demo install-demo install-dev sbom lock format contracts clean

help:
	@echo "make demo          install what is needed and walk one request from the catalog to the published result"
	@echo "make serve         [PORT=8100 FOLDER=var/second]: the same suite, kept running: prints a start page and a token for each role"
	@echo "make token         ROLE=steward MINISTRY=nts [SUBJECT=lee]: a token for the running 'make serve'"
	@echo "make test          install what is needed and run the tests; [WORKERS=2] [ARGS='tests/requests -k vote']"
	@echo "make test-fast     those that need no server, start no program and compute for no second"
	@echo "make test-all      every test, none left out, with the coverage of branches: what CI runs"
	@echo "make explore       [EXAMPLES=1000] [ARGS=...]: searches by chance with fresh seeds and more examples"
	@echo "make static        formatting, types, dependency rules, generated files: whatever needs no test"
	@echo "make check         make static and make test; EVERYTHING=1: make static and make test-all, what CI runs"
	@echo "make bench         every performance promise as a ratio, measured now"
	@echo "make evaluate      [DATA=../shared/data ROWS=120000]: every method beside plain baselines, a report page a task"
	@echo "make compose-demo  the walk through the gateway of docker-compose.yml, every part a container"
	@echo "make install-dev   install what tests and checks need, and nothing else"
	@echo "make format        format the code, and mend what can be mended"
	@echo "make contracts     write event schemas, topology, OpenAPI and the generated parts of documents"
	@echo "make lock          write requirements/ after pyproject.toml changed"
	@echo "make clean         remove .venv and var, with all that the suites kept there"
	@echo "make verify-audit  [FOLDER=var/serve] [CHECKPOINTS=var/serve/checkpoints]: check the audit chains offline"
	@echo "make sbom          the libraries that an installation runs, with their licences: var/sbom.cdx.json (CycloneDX)"
	@echo "make backup        TO=backups/monday [FOLDER=var/serve] [KEYS=1]: copy a whole installation while it works"
	@echo "make restore       FROM=backups/monday [FOLDER=var/restored]: put a backup into an empty installation"
	@echo "make verify-backup FROM=backups/monday [FOLDER=var/restored]: is it whole, and does that installation hold it"
	@echo "make collect-garbage  [FOLDER=var/serve] [ARGS=--dry-run]: delete the stored files that nobody needs"

install-demo:
	@$(PYTHON) -m deploy.install embedded

install-dev:
	@$(PYTHON) -m deploy.install dev

demo: install-demo
	@$(BIN)/python -m deploy.demo

serve: install-demo
	@$(BIN)/python -m deploy.serve $(if $(PORT),--port "$(PORT)") $(if $(FOLDER),--folder "$(FOLDER)")

token: install-demo
	@$(BIN)/python -m deploy.tokens --role "$(ROLE)" --ministry "$(MINISTRY)" $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(FOLDER),--folder "$(FOLDER)")

verify-audit: install-demo
	@$(BIN)/python -m deploy.verify_audit --folder "$(or $(FOLDER),var/serve)" $(if $(CHECKPOINTS),--checkpoints "$(CHECKPOINTS)")

collect-garbage: install-demo
	@$(BIN)/python -m deploy.collect_garbage --folder "$(or $(FOLDER),var/serve)" $(ARGS)

# Without FOLDER: the installation that the settings of the four services describe.
backup: install-demo
	@$(BIN)/python -m deploy.backups save $(if $(TO),--to "$(TO)") $(if $(FOLDER),--folder "$(FOLDER)") $(if $(KEYS),--keys)

restore: install-demo
	@$(BIN)/python -m deploy.backups restore $(if $(FROM),--from "$(FROM)") $(if $(FOLDER),--folder "$(FOLDER)")

verify-backup: install-demo
	@$(BIN)/python -m deploy.backups verify $(if $(FROM),--from "$(FROM)") $(if $(FOLDER),--folder "$(FOLDER)",--archive-only)

test: install-dev
	@$(PYTEST) -m "not slow" $(ARGS)

test-fast: install-dev
	@$(PYTEST) -m "not ($(NOT_FAST))" $(ARGS)

test-all: install-dev
	@$(PYTEST) --nothing-left-out --cov --cov-report=term $(ARGS)

explore: install-dev
	@EXAMPLES=$(or $(EXAMPLES),1000) $(PYTEST) -m hypothesis --timeout 0 $(ARGS)

# Side by side, each printing when it has ended; all are run even if one fails.
static: install-dev
	@$(MAKE) --no-print-directory --keep-going --jobs --output-sync=target $(STATIC)

STATIC := static-format static-lint static-types static-imports static-contracts static-topology static-openapi static-docs static-locks static-licences
.PHONY: $(STATIC)
static-format:
	@$(BIN)/ruff format --check .
static-lint:
	@$(BIN)/ruff check .
static-types:
	@$(BIN)/mypy shared services deploy tests
static-imports:
	@$(BIN)/lint-imports
static-contracts:
	@$(BIN)/python -m deploy.contracts --check
static-topology:
	@$(BIN)/python -m deploy.topology --check
static-openapi:
	@$(BIN)/python -m deploy.openapi --check
static-docs:
	@$(BIN)/python -m deploy.docs --check
static-locks:
	@$(BIN)/python -m deploy.locks --check

static-licences:
	@$(BIN)/python -m deploy.licences --check

# EVERYTHING=1: every test, none left out, and the coverage of branches.
check: static
	@$(MAKE) --no-print-directory $(if $(EVERYTHING),test-all,test)

# Needs Docker and docker-compose; see deploy/compose/README.md.
compose-demo: install-demo
	@$(BIN)/python -m deploy.compose_demo $(ARGS)

bench: install-dev
	@$(BIN)/python -m tests.bench

evaluate: install-dev
	@$(BIN)/python -m deploy.evaluate --data "$(or $(DATA),../shared/data)" $(if $(ROWS),--rows $(ROWS)) $(TASKS)

format: install-dev
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

contracts: install-dev
	@$(BIN)/python -m deploy.contracts
	@$(BIN)/python -m deploy.topology
	@$(BIN)/python -m deploy.openapi
	@$(BIN)/python -m deploy.docs

sbom: install-demo
	@$(PYTHON) -m deploy.install sbom .venv-sbom
	@$(BIN)/python -m deploy.sbom

lock:
	@$(PYTHON) -m deploy.locks

clean:
	rm -rf var .venv .venv-sbom
