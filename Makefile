# `make` prints what there is to do.
SHELL := /bin/bash
NODE := node
TSX := $(NODE) --import tsx
.DEFAULT_GOAL := help

help: ## print this list
	@echo "xscontainer: container visibility and control for XenServer and XCP-ng"
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14 | sed 's/^/  make /'

node_modules: package.json package-lock.json .npmrc
	@npm ci --no-audit --loglevel=error
	@touch node_modules

demo: build ## a simulated pool and its guests, watched live for about 30 s (DEMO_SECONDS=)
	@$(TSX) test/sim/demo/demo.ts

test: build test-parts ## all tests, with real sshd, Docker and Podman where they can run
	@$(NODE) node_modules/vitest/vitest.mjs run

check: node_modules build ## the one gate: types, lint, format, architecture and all tests
	@$(MAKE) --no-print-directory -j2 types lint style
	@$(MAKE) --no-print-directory test

types: node_modules
	@npx tsc --noEmit

lint: node_modules
	@npx eslint .

style: node_modules
	@npx prettier --check --log-level warn .

audit: node_modules ## are faults known in the packages that ship?
	@$(TSX) scripts/audit.ts

build: node_modules ## bundle the executables into dist/
	@$(TSX) scripts/build.ts

fuzz: node_modules ## property tests for a longer time (FUZZ_MINUTES=5, FUZZ_SEED= to repeat)
	@$(TSX) test/fuzz/main.ts

soak: build ## two monitors among faults for 20 minutes (SOAK_MINUTES=, SOAK_SEED= to repeat)
	@$(TSX) test/soak/main.ts

bench: build test-parts ## figures against real sshd and dockerd, as in docs/performance.md
	@$(TSX) test/bench/bench.ts

bench-scale: build test-parts ## a monitor with N guests (N=1000) through all that happens to a host
	@N=$(or $(N),100) $(TSX) test/bench/scale/scale.ts

rpm: node_modules package-parts ## the three RPMs and their source RPMs, in dist/packages
	@$(TSX) scripts/package/build-rpms.ts

pack: rpm ## RPMs, supplemental pack ISO and yum repository, in dist/packages
	@$(TSX) scripts/package/make-pack.ts

sign: node_modules package-parts ## sign the pack with a key of gpg's: make sign KEY=id
	@$(TSX) scripts/package/sign-pack.ts '$(KEY)'

rpm-in-docker: ## make pack in a container: BASE=image, with everything that it takes
	@scripts/package/rpm-in-docker.sh '$(BASE)'

test-package: ## make pack, and try what came out: install, run, upgrade, erase, twice the same bytes
	@$(MAKE) --no-print-directory pack
	@$(NODE) node_modules/vitest/vitest.mjs run --config test/package/vitest.config.ts

sim: node_modules ## a simulated XAPI with guests, for trials by hand
	@$(TSX) test/sim/main.ts

golden: node_modules ## rewrite the expected documents in test/golden
	@UPDATE_GOLDEN=1 npx vitest run -u test/observations test/documents

format: node_modules ## format all code
	@npx prettier --write --log-level warn .

clean: ## remove what was built
	@rm -rf dist node_modules .cache

test-parts: node_modules
	@scripts/install-test-parts.sh

package-parts:
	@scripts/install-package-parts.sh

.PHONY: help demo test check types lint style audit build fuzz soak bench bench-scale sim golden format clean test-parts
.PHONY: rpm pack sign rpm-in-docker test-package package-parts
