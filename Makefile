# The only entry points anyone must know. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

STUDY   ?= phantoms
CONFIG  ?= config/$(STUDY).yaml
PROFILE ?= local
DATA    ?=
STUDIES ?=
WEIGHTS ?=
FIG     ?=
RECEIPT ?=
DEEP    ?=
RUN     ?=
IMAGES  ?=
OTHER   ?= phantoms_elsewhere
OUT     ?= grades.csv
BOOK    ?=

UV := $(shell command -v uv || echo .tools/bin/uv)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export TF_CPP_MIN_LOG_LEVEL ?= 3
export UV_PROJECT_ENVIRONMENT := .venv
# Compiled once, as Python may be told not to: each notebook then starts in a third of the time.
SYNC = $(UV) sync --locked --inexact --compile-bytecode --extra book

# A path stays a path, be it 2024 or 1e3: see press/studies/given.py.
AS_ITEM = "$(1)=['$(subst ','',$(2))']"
SNAKEMAKE = snakemake --profile profiles/$(PROFILE) --config study=$(1) \
            $(if $(DATA),$(call AS_ITEM,data,$(DATA))) \
            $(if $(WEIGHTS),$(call AS_ITEM,weights,$(WEIGHTS)))

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

book: .venv/$(if $(filter slurm,$(PROFILE)),slurm,ready) ## run a study and render its book: STUDY=name or CONFIG=my.yaml, DATA=folder; BOOK=mini: also one page for a lecture
	@python -m press.execution.preflight "$(CONFIG)" "$(DATA)" "$(WEIGHTS)"
	@rm -f results/problem.txt
	@$(call SNAKEMAKE,"$(CONFIG)") || { echo; python -m press.execution.execute; exit 1; }
	@python -m press.book "$(CONFIG)" "$(BOOK)"

pdf: .venv/ready ## print a study's book as a PDF, by Chromium or Chrome: STUDY=name or CONFIG=my.yaml; BOOK=mini
	@python -m press.rendering.pdf "$(CONFIG)" "$(BOOK)"

inspect: .venv/ready ## before any training, one page of what was understood of the images: DATA=folder, CONFIG=my.yaml
	@python -m press.execution.inspect "$(CONFIG)" "$(DATA)"

predict: .venv/ready ## grade images by a trained run: RUN=results/<study>/runs/<run>/<protocol> IMAGES=folder OUT=grades.csv
	@python -m birads_lib.predict.command_line predict "$(RUN)" "$(IMAGES)" --out "$(OUT)"

# A name is data: the shell takes it from the environment.
verify: .venv/ready ## check the hashes of all that is rendered; FIG=<name>: make one figure again and compare; FIG=all: all
	@$(if $(RECEIPT),$(if $(filter all,$(FIG)),,$(error RECEIPT=<name> needs FIG=all)))
	@$(if $(filter all,$(FIG)),python -m press.verification.receipt "$(CONFIG)" "$(DATA)" "$(WEIGHTS)" "$$RECEIPT",\
	  $(if $(FIG),python -m press.execution.remake "$(CONFIG)" "$(FIG)" "$(DATA)" "$(WEIGHTS)",\
	  python -m press.verification.verify "$(CONFIG)" "$(DATA)" "$(DEEP)"))

compare: .venv/ready ## the metrics of two studies that were run, and their difference: STUDIES=a,b
	@python -m press.execution.compare "$(STUDIES)"

external: .venv/ready ## a study's models on another study's images: STUDY=name or CONFIG=my.yaml, OTHER=name or yaml
	@python -m press.execution.external "$(CONFIG)" "$(OTHER)"

crate: .venv/ready ## pack an executed study as a Provenance Run Crate: STUDY=name or CONFIG=my.yaml
	@python -m press.sharing.crate "$(CONFIG)"

extra: .venv/ready ## install an optional part: EXTRA=gpu, jax or openvino
	$(SYNC) --extra $(EXTRA)

lab: .venv/ready ## open the notebooks in JupyterLab
	jupyter lab notebooks

weights: .venv/ready ## make the small ResNet's weights anew, from phantoms of other seeds
	python -m birads_lib.phantoms.pretraining

bench: .venv/bench ## measure this project against what does the same work, for its chapter (an hour)
	$(MAKE) book STUDY=smoke
	python -m bench
	$(MAKE) book STUDY=speed

lint: .venv/dev ## check style, what imports what, and that source notebooks carry no outputs
	ruff check . && ruff format --check .
	lint-imports --no-cache
	pytest -q tests/notebooks/test_source_notebooks.py

test: .venv/dev ## everything that guards the project
	PYTHONPATH="$$PWD:$$PWD/tests" python -m helpers.forking.start bash tests/run.sh

stress: .venv/dev ## what CI adds to it: whole studies, killed, without room, on Slurm (as root), two side by side; the benches
	pytest -q -n 2 tests/stress tests/bench

# A file says what of the lock is installed.
ALSO_dev = --group dev
ALSO_bench = --group bench
ALSO_slurm = --extra slurm
.venv/ready .venv/dev .venv/bench .venv/slurm: uv.lock pyproject.toml | $(UV)
	$(SYNC) $(ALSO_$(@F))
	@touch $@ .venv/ready

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/pip install --quiet uv

.PHONY: help bench extra book inspect predict verify compare external crate lab pdf weights lint test stress
