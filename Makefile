# make demo   set everything up and run simulated plants, collectors and the server
# make test   set everything up and run all tests
# make help   the rest
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help setup console build demo test kill soak fuzz collector-static bench load lint

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what tests need, or name what is missing
	@deploy/dev/setup

console: ## build the console's page
	@deploy/dev/console

build: console ## build all programs
	cargo build --workspace --bins

demo: console ## simulated plants, collectors and the server; Ctrl-C stops all
	@deploy/dev/demo

test: setup build ## everything that CI runs
	@deploy/dev/test

kill: build ## the kill test with 500 kills
	FENGHUO_E2E_KILLS=500 cargo test -p fenghuo-e2e --test it -- --nocapture kill::

soak: build ## half an hour in which everything fails, and every value compared
	FENGHUO_SOAK_SECONDS=1800 cargo test -p fenghuo-e2e --test it -- --nocapture soak::

fuzz: ## harmed input to everything that reads bytes, for some minutes
	FENGHUO_FUZZ_RUNS=3000000 cargo test -p fenghuo-collector --lib -- fuzz::

collector-static: ## the collector in one file that needs nothing of its gateway's system
	rustup target add x86_64-unknown-linux-musl
	@command -v musl-gcc >/dev/null || { echo "musl-gcc is missing: apt-get install musl-tools" >&2; exit 1; }
	cargo build --release --target x86_64-unknown-linux-musl --bin fenghuo-collector

bench: console ## figures of this machine, in one table
	cargo build --release --bin fenghuo --bin fenghuo-collector --bin fenghuo-benches
	target/release/fenghuo-benches

load: console ## the whole path under load, alone
	cargo build --release --bin fenghuo --bin fenghuo-benches
	target/release/fenghuo-benches path

lint: ## format and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
