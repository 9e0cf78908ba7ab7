# Dure: everything is one command. `make demo` walks the loop, `make test` tests it, `make check` is what CI runs.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: help demo serve token test check bench evaluate verify-audit collect-garbage compose-demo install-demo install-dev lock format contracts clean

help:
	@echo "make demo          install what is needed and walk one request from the catalog to the published result"
	@echo "make serve         the same suite, kept running: prints the documentation's addresses and a token for each role"
	@echo "make token         ROLE=steward MINISTRY=nts [SUBJECT=lee]: a token for the running 'make serve'"
	@echo "make test          install what is needed and run the tests"
	@echo "make check         formatting, types, dependency rules, migrations, contracts, docs, tests: what CI runs"
	@echo "make bench         every performance promise as a ratio, measured now"
	@echo "make evaluate      [DATA=../shared/data ROWS=120000]: every method beside plain baselines, a report page a task"
	@echo "make compose-demo  the walk through the gateway of docker-compose.yml, every part a container"
	@echo "make verify-audit  [FOLDER=var/serve]: check the audit chains offline"
	@echo "make collect-garbage  [FOLDER=var/serve] [ARGS=--dry-run]: delete the stored files that nobody needs"

install-demo:
	@$(PYTHON) -m deploy.install embedded

install-dev:
	@$(PYTHON) -m deploy.install dev

demo: install-demo
	@$(BIN)/python -m deploy.demo

serve: install-demo
	@$(BIN)/python -m deploy.serve $(if $(PORT),--port $(PORT))

token: install-demo
	@$(BIN)/python -m deploy.tokens --role "$(ROLE)" --ministry "$(MINISTRY)" $(if $(SUBJECT),--subject "$(SUBJECT)")

verify-audit: install-demo
	@$(BIN)/python -m deploy.verify_audit --folder "$(or $(FOLDER),var/serve)" $(if $(CHECKPOINTS),--checkpoints "$(CHECKPOINTS)")

collect-garbage: install-demo
	@$(BIN)/python -m deploy.collect_garbage --folder "$(or $(FOLDER),var/serve)" $(ARGS)

test: install-dev
	@$(BIN)/python -m pytest $(if $(NOTHING_LEFT_OUT),--nothing-left-out) $(ARGS)

check: install-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy shared services deploy
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.contracts --check
	@$(BIN)/python -m deploy.topology --check
	@$(BIN)/python -m deploy.openapi --check
	@$(BIN)/python -m deploy.docs --check
	@$(BIN)/python -m deploy.locks --check
	@$(MAKE) --no-print-directory test

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

lock:
	@$(PYTHON) -m deploy.locks

clean:
	rm -rf var .venv
