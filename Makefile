# SPDX-License-Identifier: GPL-2.0-or-later
# make demo   set-up, then the whole job end to end on simulated services
# make test   set-up, then all tests
# README.md lists the others.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo sandbox run test lint bench interchange stage zip install screenshots translations clean

# The Python that PyQGIS belongs to; another python3 may come first on PATH.
QGIS_PYTHON ?= /usr/bin/python3
DEMO ?= build/demo
PRODUCTS ?=
OPTIONS ?=
PROFILE ?= default
UMM ?=
PORT ?= 8090
ROWS ?=

export QGIS_PYTHON

QGIS_ENV := .venv/qgis
ENGINE_ENV := .venv/engine
GATES_ENV := .venv/gates
VERSION := $(shell sed -n 's/^version=//p' metadata.txt)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## QGIS, the QGIS-side environment and the engine environment; seconds when they are there
	@tools/install_qgis.sh
	@tools/make_environments.sh qgis engine

demo: setup stage ## search to exports on simulated services; PRODUCTS=DIR [OPTIONS=FILE] begins at real products, DEMO=DIR for another place, NOISE=off
	@$(QGIS_PYTHON) tools/demo.py --demo "$(DEMO)" $(if $(PRODUCTS),--products "$(PRODUCTS)") $(if $(OPTIONS),--options "$(OPTIONS)") $(if $(filter off,$(NOISE)),--no-noise)

sandbox: setup ## simulated ASF search, Earthdata Login and HyP3 on 127.0.0.1, until Ctrl+C; UMM=FILE for an answer of CMR, PORT=N
	@$(ENGINE_ENV)/bin/python tools/sandbox.py --port "$(PORT)" $(if $(UMM),--umm "$(UMM)")

run: setup stage ## open QGIS with the plugin and the last demo project
	@$(QGIS_PYTHON) tools/run_qgis.py --project "$(DEMO)/demo.qgz"

test: setup stage ## all tests: engine side, QGIS side, windows under a virtual display
	@tools/run_tests.sh

lint: ## formatting, types, import contracts, QGIS rules and the plugin repository's scanner
	@tools/make_environments.sh gates
	@tools/run_gates.sh

bench: setup ## ratios to InSARHub and MintPy, measured in one run; ROWS=1,2b for some of them
	@tools/make_environments.sh bench
	@$(ENGINE_ENV)/bin/python bench/run.py $(if $(ROWS),--rows "$(ROWS)")

interchange: setup ## folders both ways between InSARHub 0.4.2 and the plugin, value by value; table in build/interchange.md
	@tools/make_environments.sh bench
	@mkdir -p build
	@INSARHUB_INTERCHANGE_TABLE=build/interchange.md $(ENGINE_ENV)/bin/python -m pytest -q tests/engine/test_interchange.py
	@cat build/interchange.md

stage: ## build/stage/insarhub_qgis: the plugin folder as QGIS wants it
	@$(QGIS_PYTHON) tools/stage.py build/stage

zip: stage ## build/insarhub_qgis-VERSION.zip, installable in QGIS
	@$(QGIS_PYTHON) tools/stage.py build/stage --zip build/insarhub_qgis-$(VERSION).zip

install: setup stage ## into the local QGIS profile, with the engine environment set
	@$(QGIS_PYTHON) tools/install_plugin.py --profile "$(PROFILE)"

screenshots: setup stage ## every panel in both themes, under build/screenshots
	@$(QGIS_PYTHON) tools/screenshots.py build/screenshots

translations: ## collect and compile the texts of one language, L=de
	@$(QGIS_PYTHON) tools/collect_texts.py $(or $(L),de)

clean: ## remove what the targets above built, except the environments
	rm -rf build
