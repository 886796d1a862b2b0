# Every target makes .venv first where it is missing. Commands: make help. Settings: make ablations PROFILE=smoke JOBS=2
.DEFAULT_GOAL := help
SHELL := /bin/sh

PROFILE ?= quick
PYTHON ?=
CHROMIUM ?=

BIN := .venv/bin
LEO_BENCH := $(BIN)/leo-bench
# Options that are passed on only where they are set.
RUN_OPTIONS = --profile "$(PROFILE)" $(if $(PUBLISHED),--use-published) $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(JOBS),--jobs "$(JOBS)") \
	$(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)") $(if $(PRECISION),--precision "$(PRECISION)")

.PHONY: help venv ablations study search dashboard report reproduce bench data status publish test test-long test-postgres check-pages check-dashboard docs lint format clean clean-venv

help:  ## show this list
	@echo "make ablations   run the ablation study, write reports/ablations-PROFILE/report.html"
	@echo "make study       the same for studies/NAME.toml: make study STUDY=NAME"
	@echo "make search      search the documented ranges with Optuna, measure the best on test: SEARCH=pareto for another file"
	@echo "make dashboard   watch searches and studies in a browser, on this machine alone, until Ctrl-C: PORT=8080 (docs/dashboard.md)"
	@echo "make status      what is done, running, failed or missing"
	@echo "make report      rebuild every report from results/, without training"
	@echo "make reproduce   run recorded runs again with their seeds and compare bit for bit"
	@echo "make bench       time training steps against the bare CNN and the literal algorithm, write reports/bench (15 min)"
	@echo "make data        say which data set was found and draw contact sheets of it in reports/data"
	@echo "make publish     copy a study to results/official and reports/official: STUDY=NAME PROFILE=P [PARTIAL=1]"
	@echo "make test        lint, types and tests;  make test-long: the slow tests too;"
	@echo "                 make test-postgres: a search on a PostgreSQL server (installs nothing, says what it needs)"
	@echo "make check-pages look at every report page in Chromium: links, contrast, alternative text, phone, print (docs/pages.md)"
	@echo "make check-dashboard  look at the dashboard in Chromium: plots, parameters, notes (docs/dashboard.md)"
	@echo "make docs        write the tables of settings into docs/leo.md, from their definitions"
	@echo "make format      put the source into its standard form"
	@echo "make clean       remove caches (results and reports stay);  make clean-venv: remove .venv"
	@echo
	@echo "Settings: PROFILE=smoke|quick|cpu|official (default quick)  SEEDS=0-4  JOBS=2  DATASET=auto|omniglot|glyphs"
	@echo "          DATA=folder that holds Omniglot  PUBLISHED=1 (take published runs)  PRECISION=bfloat16"
	@echo "          PYTHON=interpreter for .venv"
	@echo "          make search: TRIALS=N  STORAGE=postgresql://...  JOBS=1 (the same trials each time)"

venv:
	@PYTHON="$(PYTHON)" sh tools/venv.sh

ablations: venv
	$(LEO_BENCH) study ablations $(RUN_OPTIONS)

study: venv
	@if [ -z "$(STUDY)" ]; then echo "error: say which study, for example: make study STUDY=ablations (the files in studies/ are the choices)" >&2; exit 2; fi
	$(LEO_BENCH) study "$(STUDY)" $(RUN_OPTIONS)

search: venv
	@$(if $(STORAGE),LEO_BENCH_STORAGE="$(STORAGE)") $(LEO_BENCH) search "$(if $(SEARCH),$(SEARCH),search)" --profile "$(PROFILE)" \
		$(if $(JOBS),--jobs "$(JOBS)") $(if $(TRIALS),--trials "$(TRIALS)") \
		$(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)")

dashboard: venv
	@$(LEO_BENCH) dashboard $(if $(PORT),--port "$(PORT)")

report: venv
	$(LEO_BENCH) report

reproduce: venv
	$(LEO_BENCH) reproduce

bench: venv
	$(LEO_BENCH) bench $(if $(ONLY),--only "$(ONLY)")

data: venv
	$(LEO_BENCH) data --sheets reports/data $(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)")

status: venv
	$(LEO_BENCH) status

publish: venv
	@if [ -z "$(STUDY)" ]; then echo "error: say which study, for example: make publish STUDY=ablations PROFILE=cpu" >&2; exit 2; fi
	$(LEO_BENCH) publish "$(STUDY)" --profile "$(PROFILE)" $(if $(PARTIAL),--partial)

test: lint
	$(BIN)/python -m pytest -n auto --dist loadfile

test-long: lint
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not postgres"

test-postgres: venv
	$(BIN)/python -m pytest -m postgres

check-pages: venv
	@CHROMIUM="$(CHROMIUM)" sh tools/check_pages.sh $(REPORTS)

check-dashboard: venv
	@CHROMIUM="$(CHROMIUM)" sh tools/check_dashboard.sh $(if $(SCREENSHOT),"$(SCREENSHOT)")

docs: venv
	$(BIN)/python -m tools.settings_tables

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy leo_bench examples benchmarks tools

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build
	find leo_bench tests examples benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

clean-venv:
	rm -rf .venv .venv.lock .venv-pages
