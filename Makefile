# Every target first makes .venv if it is missing. Targets and variables: make help. Example: make ablations PROFILE=smoke JOBS=2
.DEFAULT_GOAL := help
SHELL := /bin/sh

PROFILE ?= quick
PYTHON ?=
CHROMIUM ?=

BIN := .venv/bin
LEO_BENCH := $(BIN)/leo-bench
# Options that are passed on only if they are set.
RUN_OPTIONS = --profile "$(PROFILE)" $(if $(filter-out 0,$(PUBLISHED)),--use-published) $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(JOBS),--jobs "$(JOBS)") \
	$(if $(MAX_SEEDS),--until-decided --max-seeds "$(MAX_SEEDS)") $(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)") $(if $(PRECISION),--precision "$(PRECISION)") $(if $(DEVICE),--device "$(DEVICE)") \
	$(RAY_OPTIONS)
RAY_OPTIONS = $(if $(RAY),--ray "$(RAY)") $(if $(GPUS_PER_RUN),--gpus-per-run "$(GPUS_PER_RUN)")

# Variables that a target takes. Others on its command line would be ignored, so they are refused.
STUDIES := PROFILE SEEDS JOBS MAX_SEEDS DATASET DATA PRECISION DEVICE PUBLISHED GPUS_PER_RUN
TAKES_ablations := $(STUDIES)
TAKES_study := $(STUDIES) STUDY
TAKES_compare := $(STUDIES)
TAKES_claims := $(STUDIES)
TAKES_search := PROFILE JOBS DATASET DATA GPUS_PER_RUN SEARCH TRIALS STORAGE
TAKES_dashboard := PORT
TAKES_reproduce := MINUTES JOBS DATA GPUS_PER_RUN
TAKES_soak := MINUTES
TAKES_bench := ONLY
TAKES_data := DATASET DATA
TAKES_publish := STUDY PROFILE PARTIAL REPLACE
TAKES_check-pages := CHROMIUM REPORTS
TAKES_check-dashboard := CHROMIUM SCREENSHOT
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
TAKEN := PYTHON RAY $(foreach target,$(MAKECMDGOALS),$(TAKES_$(target)))
IGNORED := $(filter-out $(TAKEN),$(GIVEN))
ifneq ($(IGNORED),)
$(error make $(MAKECMDGOALS) takes no variable $(firstword $(IGNORED)); it takes $(TAKEN); see: make help)
endif

.PHONY: help venv ablations study compare claims search dashboard report reproduce soak bench data status publish test test-long test-postgres test-ray check-pages check-dashboard docs lint format clean clean-venv

help:  ## show this list
	@echo "make ablations        run the ablation study and write reports/ablations-PROFILE/report.html"
	@echo "make study            run the study in studies/NAME.toml and write its report: make study STUDY=NAME"
	@echo "make compare          compare LEO with MAML, Meta-SGD and other methods, PROFILE=cpu: reports/compare-cpu/report.html"
	@echo "make claims           judge the statements of the source document, PROFILE=cpu: reports/claims-PROFILE/report.html"
	@echo "make search           search hyperparameters and measure the best on test: make search SEARCH=pareto PROFILE=cpu (default: search)"
	@echo "make dashboard        show searches and studies in a browser on this machine, until Ctrl-C: PORT=8080 (docs/dashboard.md)"
	@echo "make status           print what is done, missing or not counted in each study"
	@echo "make report           write every report again from results/, without training"
	@echo "make reproduce        check records, make reports again, do runs again and compare bit for bit: MINUTES=10 in all"
	@echo "make soak             kill runs at random moments for MINUTES=10, and compare the results with an undisturbed study"
	@echo "make bench            time training steps and write reports/bench (20 minutes): ONLY=GROUP for one group"
	@echo "make data             print where the data set was found, and draw contact sheets in reports/data"
	@echo "make publish          copy a study with its report to results/official and reports/official:"
	@echo "                      make publish STUDY=NAME PROFILE=cpu (STUDY=\"A B\": both; PARTIAL=1: even if runs are missing;"
	@echo "                      REPLACE=1: even if published runs are dropped or other studies become stale)"
	@echo "make venv             make .venv from the lock files; targets that need it do this first"
	@echo "make lint             check style and types"
	@echo "make test             check style and types, and run the tests"
	@echo "make test-long        the same with the slow tests: kills, whole reports, simulations"
	@echo "make test-postgres    test a search on a PostgreSQL server (which must be installed)"
	@echo "make test-ray         test studies and searches on a Ray cluster of several nodes on this machine (10 minutes)"
	@echo "make check-pages      check every report page in Chromium: links, contrast, alternative text, phone, print (docs/pages.md)"
	@echo "make check-dashboard  check the dashboard in Chromium: plots, parameters, notes (docs/dashboard.md)"
	@echo "make docs             write the tables of settings in docs/leo.md again"
	@echo "make format           format the source code"
	@echo "make clean            remove caches; results and reports stay"
	@echo "make clean-venv       remove .venv"
	@echo
	@echo "Variables of ablations, study, compare, claims and search (example: make ablations PROFILE=cpu JOBS=2):"
	@echo "  PROFILE=smoke|quick|cpu|official   budget (default: quick; most studies have smoke and cpu)"
	@echo "  JOBS=N                             runs or trials at the same time (default: one per core)"
	@echo "  DATASET=auto|omniglot|glyphs       data set (default: auto, which is Omniglot if it can be found)"
	@echo "  DATA=FOLDER                        folder of Omniglot"
	@echo "  RAY=local|auto|HOST:PORT           run on a Ray cluster (installs Ray into .venv; docs/cluster.md)"
	@echo "  GPUS_PER_RUN=0.25                  with RAY: share of a GPU for each run"
	@echo "Only ablations, study, compare and claims:"
	@echo "  SEEDS=0-4                          seeds in place of those of the profile"
	@echo "  MAX_SEEDS=10                       add seeds for open comparisons, up to this number"
	@echo "  PRECISION=bfloat16                 precision of the convolutions (default: float32)"
	@echo "  DEVICE=cuda                        train and test on a GPU (default: cpu)"
	@echo "  PUBLISHED=1                        copy published runs instead of running them"
	@echo "Only search:"
	@echo "  TRIALS=N                           number of trials in place of that of the profile"
	@echo "  STORAGE=postgresql://...           database (default: SQLite in the folder of the search)"
	@echo "reproduce: JOBS, DATA and GPUS_PER_RUN too.  data: DATASET, DATA.  check-pages: REPORTS=FOLDER.  check-dashboard: SCREENSHOT=FILE"
	@echo "Every target: PYTHON=INTERPRETER of .venv.  check-pages, check-dashboard: CHROMIUM=BROWSER"

venv:
	@PYTHON="$(PYTHON)" RAY="$(RAY)" sh tools/venv.sh

ablations: venv
	$(LEO_BENCH) study ablations $(RUN_OPTIONS)

study: venv
	@if [ -z "$(STUDY)" ]; then echo "error: STUDY is not set; name a file in studies/, for example: make study STUDY=ablations" >&2; exit 2; fi
	$(LEO_BENCH) study "$(STUDY)" $(RUN_OPTIONS)

compare: venv
	$(LEO_BENCH) study compare $(RUN_OPTIONS)

claims: venv
	$(LEO_BENCH) study claims $(RUN_OPTIONS)

search: venv
	@$(if $(STORAGE),LEO_BENCH_STORAGE="$(STORAGE)") $(LEO_BENCH) search "$(if $(SEARCH),$(SEARCH),search)" --profile "$(PROFILE)" \
		$(if $(JOBS),--jobs "$(JOBS)") $(if $(TRIALS),--trials "$(TRIALS)") \
		$(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)") $(RAY_OPTIONS)

dashboard: venv
	@$(LEO_BENCH) dashboard $(if $(PORT),--port "$(PORT)")

report: venv
	$(LEO_BENCH) report

reproduce: venv
	$(LEO_BENCH) reproduce $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(JOBS),--jobs "$(JOBS)") $(if $(DATA),--data "$(DATA)") $(RAY_OPTIONS)

soak: venv
	$(BIN)/python -m tools.soak $(if $(MINUTES),--minutes "$(MINUTES)")

bench: venv
	$(LEO_BENCH) bench $(if $(ONLY),--only "$(ONLY)")

data: venv
	$(LEO_BENCH) data --sheets reports/data $(if $(DATASET),--dataset "$(DATASET)") $(if $(DATA),--data "$(DATA)")

status: venv
	$(LEO_BENCH) status

publish: venv
	@if [ -z "$(STUDY)" ]; then echo "error: STUDY is not set; name a study, for example: make publish STUDY=ablations PROFILE=cpu" >&2; exit 2; fi
	$(LEO_BENCH) publish $(foreach name,$(STUDY),"$(name)") --profile "$(PROFILE)" $(if $(filter-out 0,$(PARTIAL)),--partial) $(if $(filter-out 0,$(REPLACE)),--replace)

test: lint
	$(BIN)/python -m pytest -n auto --dist loadfile

test-long: lint
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not postgres and not ray"

test-postgres: venv
	$(BIN)/python -m pytest -m "postgres and not ray"

test-ray: RAY = local
test-ray: venv
	$(BIN)/python -m pytest -m "ray and not postgres"
	@if command -v initdb >/dev/null && $(BIN)/python -c "import psycopg" 2>/dev/null; \
		then $(BIN)/python -m pytest -m "ray and postgres"; \
		else echo "left out: a search over Ray, since PostgreSQL or its driver is not installed (docs/cluster.md)"; fi

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
