# The two commands of a newcomer are `make demo` and `make test`; `make` alone lists all.
SHELL := bash
BIN := .venv/bin
STAMP := .venv/.made-from-pyproject

.PHONY: help venv check format test demo demo-down docs benchmark clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

venv: $(STAMP) ## make the virtual environment .venv (Python 3.11+)

$(STAMP): pyproject.toml setup.py
	@scripts/venv.sh .venv
	@touch $@

check: venv ## lint, format, types, layers of imports, paths of a machine
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/check-tree.sh

format: venv ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: venv ## run everything: unit, contract, compatibility, real engines (ARGS="tests/unit -k name" for less)
	@scripts/test.sh $(ARGS)

demo: venv ## run WordPress from a local registry on a Docker Engine and show its address (PORT=8080)
	@PORT="$(PORT)" scripts/demo.sh up

demo-down: ## remove what `make demo` made
	@scripts/demo.sh down

docs: venv ## write docs/compose.md from the providers' tables of Compose keys
	$(BIN)/python -m tests.compose.table > docs/compose.md.new && mv docs/compose.md.new docs/compose.md

benchmark: venv ## measure start-up, render, validate and runs on a cluster side by side with helm
	@scripts/benchmark.sh $(ARGS)

clean: ## remove what was made in this folder (not the caches outside it)
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
