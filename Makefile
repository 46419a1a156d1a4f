# The front door. `make help` explains every target; exit codes of gates come from `holdfast`, not from make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOLDFAST := $(TARGET)/debug/holdfast
# What every change is tried on; `platform` with its thirteen services takes as long as all of these together.
EVERYDAY := agents certctl infisical
SUBJECTS ?= $(EVERYDAY) platform
# Which tests of the live lane go through the door, and the one that shows that it opens.
DOOR ?= package(suites) & test(/\/live$$/)
FIRST := package(suites) & test(=agents/production/ca/ca_05/live)
# As old as the last run of at least these that passed.
PASSED := $(TARGET)/holdfast/passed

.PHONY: help conformance test check lint unit door mutants mutants-live live up down bench dist dist-test pipelines clean

help: ## Explain every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

conformance: build ## Everything from nothing: tools, images, cluster, SUBJECTS (default: all four), reports in target/holdfast/latest
	$(HOLDFAST) run $(SUBJECTS:%=--subject fixtures/subjects/%.yaml)
	$(if $(filter-out $(SUBJECTS),$(EVERYDAY)),,touch $(PASSED))

test: lint mutants live ## All of the project's own tests but the nightly ones, from nothing too: lints, kill matrix, live lane, units
	$(MAKE) door DOOR='$(FIRST)'
	$(MAKE) unit

check: lint unit ## The quick part of it, no cluster: format, lints, units, rendered lane

lint: ## Format, clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked --quiet -- --deny warnings

# HOLDFAST_CLUSTER is empty: live tests are counted as skipped, and never touch a cluster that stands.
unit: build ## Units and the rendered lane, through nextest
	PATH="$$($(HOLDFAST) tools nextest helm4 helm3):$$PATH" HOLDFAST_CLUSTER= \
	  $(CARGO) nextest run --workspace --locked

door: up ## The live lane as developers run it: through nextest, a process for each test; DOOR chooses some
	PATH="$$($(HOLDFAST) tools nextest helm4 helm3):$$PATH" \
	  $(CARGO) nextest run --workspace --locked -E '$(DOOR)'

mutants: build ## The kill matrix of the rendered lane: every mutant's red set must be its target and also
	PATH="$$($(HOLDFAST) tools helm4 helm3):$$PATH" $(HOLDFAST) mutants run

mutants-live: build ## Nightly: the kill matrix of the live lane, every mutant on benches of its own on the kind cluster
	$(HOLDFAST) mutants run --lane live

live: build ## The live lane on the kind cluster, without `platform`, unless this very program passed on these very fixtures
	@if [ $(PASSED) -nt $(HOLDFAST) ] && [ -z "$$(find fixtures kind-config -newer $(PASSED) -print -quit)" ]; then \
	  echo "make conformance has passed with this program and these fixtures; nothing changed since"; \
	else $(MAKE) conformance SUBJECTS="$(EVERYDAY)"; fi

up: build ## Make the kind cluster with CloudNativePG, or reuse the one that is there
	$(HOLDFAST) up

down: build ## Remove the kind cluster; images and tools stay in the cache folder
	$(HOLDFAST) down

# The binary that the other targets run; the page says how it was compiled. An optimised one: cargo run --release -p holdfast -- bench
bench: build ## How fast Holdfast is here, each figure beside its floor; prints, asserts nothing
	PATH="$$($(HOLDFAST) tools helm4 helm3):$$PATH" $(HOLDFAST) bench --live

dist: build ## In dist/: one static program for machines without a checkout, what it calls, and all of it as an image
	made="$$($(HOLDFAST) images build holdfast)"; mkdir -p dist; \
	  for file in holdfast helm4 helm3 kubectl image.tar; do install --mode 755 "$$made/$$file" dist/; done

dist-test: dist up ## Try what is in dist/ in an empty container and as an image, with the least rights on the kind cluster
	PATH="$$($(HOLDFAST) tools nextest):$$PATH" $(CARGO) nextest run --package holdfast --locked --run-ignored only -E 'test(dist::)'

pipelines: ## Hold the pipelines that users copy, and our own, against the linters of their systems
	docs/pipelines/lint.sh

clean: ## Remove what was built here; the user's cache folder stays
	$(CARGO) clean

.PHONY: build
build:
	$(CARGO) build --locked --package holdfast
