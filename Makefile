# What a person types. Each target checks what the machine needs, and says how long its slow steps took.
# Slow build products are kept in the user's cache folder (~/.cache/hanse): the test bed, cargo-deny, and, as long as
# there is no ./target, what Rust builds. All of it may be deleted at any time.

.PHONY: help demo test run dev lint bench build setup

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

demo: ## three local clusters, Hanse over them, a sample federated; Ctrl-C ends it all
	@scripts/prerequisites demo
	@scripts/demo $(ARGS)

test: ## all tests: Rust, both databases, real control planes, console, browser
	@scripts/prerequisites test
	@scripts/test

run: ## the server alone, on its embedded database
	@scripts/prerequisites run
	@scripts/run $(ARGS)

dev: ## server and console with reload
	@scripts/prerequisites run
	@scripts/dev $(ARGS)

lint: ## format, clippy, dependencies' licences and advisories, console
	@scripts/prerequisites lint
	@scripts/lint

bench: ## the benchmark, beside a bare client in the same run
	@scripts/prerequisites bench
	@scripts/bench $(ARGS)

build: ## the release binaries: the server, console inside, and the static agent
	@scripts/prerequisites build
	@scripts/build

setup: ## what all the others need, ahead of time
	@scripts/prerequisites test
	@scripts/testbed-build >/dev/null
	@cargo fetch --locked
	@bash -c '. scripts/lib.sh && step "Console: dependencies" console_dependencies'
