# `make demo` and `make test` install what they need into .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := uv==0.13.9

.PHONY: demo test check bench serve worker lock schema clean
.DEFAULT_GOAL := demo

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } \
		|| { rm -rf $(VENV); echo "Python lacks its venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (first run only, about 1.3 GB of disk) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

demo: $(READY)
	@$(BIN)/python starter.py demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

bench: $(READY)
	@for b in accuracy calibration analysis verification demo reasoning; do $(BIN)/python -m benchmarks.$$b || exit 1; done
	@for b in gullible fabricating; do $(BIN)/python -m benchmarks.reasoning --behaviour $$b || exit 1; done

serve: $(READY)
	@$(BIN)/python starter.py serve

worker: $(READY)
	@$(BIN)/python worker.py

lock: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --all-extras pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements-runtime.lock

schema: $(READY)
	@$(BIN)/python -m autopilot.settings_schema > docs/autopilot.schema.json
	@$(BIN)/python -m autopilot.playbooks.schema > docs/playbook.schema.json
	@$(BIN)/python -m autopilot.permissions.documents docs

clean:
	@rm -rf $(VENV) .autopilot
