# The two commands that matter: `make demo` and `make test`. Arguments for the demo: `make demo ARGS="--listen 127.0.0.1:4000"`.

.PHONY: demo build bundle dev test test-deps check fuzz bench bench-judge

demo: build
	target/release/sternway demo $(ARGS)

build: bundle
	cargo build --locked --release -p sternway-server --bin sternway

bundle:
	cargo run --locked -p sternway-bundle

dev:
	.ci/dev $(ARGS)

test:
	.ci/test

test-deps:
	.ci/test-deps

check:
	.ci/check

# Every parser of the log, a minute each; `make test` gives them two seconds.
fuzz:
	.ci/fuzz $(or $(SECONDS_EACH),60)

# Measures this machine, about four minutes; figures in `target/bench.json`. A thousand listeners need as many sockets.
bench: bundle
	cargo build --locked --release -p sternway-server -p sternway-bench
	ulimit -n $$(ulimit -H -n) && target/release/sternway-bench $(ARGS)

# How the judge decides, beside the published rules of others: an hour on two cores, all of them are used. A quick look,
# a minute: `make bench-judge ARGS=--quick`. `ARGS="--out DIR"` writes `measured.md` and pictures there.
bench-judge:
	cargo run --locked --release -p sternway-judge-bench -- $(ARGS)
