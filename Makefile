# Thin on purpose: what takes more than two lines lives in .ci/.
.PHONY: demo build dev check test test-deps bench bundle

CARGO_RUN_BUNDLE = cargo run --locked --quiet -p sternway-bundle --

demo: build
	@exec target/release/sternway demo

build: bundle
	cargo build --locked --release -p sternway-server

bundle:
	@$(CARGO_RUN_BUNDLE)

dev:
	@.ci/dev

check:
	@.ci/check

test: test-deps
	@.ci/test

test-deps:
	@.ci/test-deps

bench: build
	@cargo run --locked --quiet --release -p sternway-server --bin sternway-bench
