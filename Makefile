# Every recipe is what CI runs; there is no second way beside it. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Build results live outside the checkout, so that a fresh clone starts warm. Overridable, as is CARGO_TARGET_DIR.
HOURGLASS_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hourglass
export CARGO_TARGET_DIR ?= $(HOURGLASS_CACHE)/target

CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
NIGHTLY ?= nightly

# Where `make demo` runs its performers.
MODE ?= process
# How many seconds each fuzz target gets: in `make test`, and in `make fuzz`.
FUZZ_BRIEF_SECONDS ?= 2
FUZZ_SECONDS ?= 60
# Where `make bench` writes its table besides the terminal, and more arguments for it: --quick, --only restart.
WRITE ?=
ARGS ?=
# One target of `make fuzz`; empty means all of them.
TARGET ?=

tools := $(HOURGLASS_CACHE)/tools
say := @printf '\n\033[1m==> %s\033[0m\n'
# Starts what is real: engines, registries. Built with the demo, in its profile.
environment := $(CARGO_TARGET_DIR)/demo/hourglass-environment

.PHONY: help
help: ## Lists the recipes
	@printf 'Usage: make <recipe> [NAME=value …]\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r name does; do \
	  printf '  \033[1m%-14s\033[0m %s\n' "$$name" "$$does"; done
	@printf '\nBuild results: %s (CARGO_TARGET_DIR)\nTools:         %s (HOURGLASS_CACHE)\n' '$(CARGO_TARGET_DIR)' '$(tools)'

.PHONY: demo
demo: ## Runs two AVSs, upgrades one, kills the other and the executor, and proves that nothing is lost (MODE=process|docker)
	$(say) 'Building the executor and the sample performer'
	cargo build --locked --profile demo -p hourglass-executor -p square-performer $(if $(filter docker,$(MODE)),-p hourglass-environment)
ifeq ($(MODE),docker)
	$(say) 'Building the sample performer once more, static: its image holds nothing else'
	'$(environment)' static --profile demo square-performer
	$(say) 'Running the demo on a real engine: the one that answers, else one of our own'
	performer=$$('$(environment)' static --profile demo square-performer); \
	'$(environment)' with-engine -- '$(CARGO_TARGET_DIR)/demo/hourglass-executor' demo --mode docker --performer "$$performer"
else
	$(say) 'Running the demo (MODE=$(MODE))'
	PATH="$(CARGO_TARGET_DIR)/demo:$$PATH" '$(CARGO_TARGET_DIR)/demo/hourglass-executor' demo --mode '$(MODE)'
endif

.PHONY: build
build: ## Builds the binaries as they are released
	$(say) 'Building with the profile dist'
	cargo build --locked --profile dist -p hourglass-executor -p square-performer
	@ls -l '$(CARGO_TARGET_DIR)/dist/hourglass-executor' '$(CARGO_TARGET_DIR)/dist/square-performer'

.PHONY: test
test: components ## Installs what is missing, runs every test of the workspace and a brief fuzz, and says what that covers
	$(say) 'Testing the workspace: units, properties, port conformance, end to end, the documents'
	@mkdir -p '$(HOURGLASS_CACHE)'
	@failed=0; HOURGLASS_FUZZ_SECONDS='$(FUZZ_BRIEF_SECONDS)' cargo test --workspace --locked --no-fail-fast 2>&1 \
	  | tee '$(HOURGLASS_CACHE)/test.log' || failed=1; \
	printf '\n\033[1m==> What that covered (the whole output: %s)\033[0m\n' '$(HOURGLASS_CACHE)/test.log'; \
	awk -f scripts/test-summary.awk '$(HOURGLASS_CACHE)/test.log' || failed=1; \
	exit $$failed

# Real components that the tests run: a Docker engine, an image registry. Where they cannot be installed the tests that need one
# fail and say so; in CI, this does.
.PHONY: components
components: ## Installs the packages that tests and the demo need, as root, starting no service
	$(say) 'Real components: a Docker engine, an image registry'
	cargo run --locked --quiet -p hourglass-environment -- install $(if $(CI),,--try-only)

.PHONY: lint
lint: tools ## Checks format, clippy, rustdoc, generated files, licences and bans, each with warnings as errors
	$(say) 'Format'
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	$(say) 'Clippy, on every target and feature'
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(say) 'Documentation comments'
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features --locked --quiet
	$(say) 'Generated files'
	cargo test --locked --quiet -p hourglass-core --test config generated
	$(say) 'Bans, licences and sources of every dependency'
	"$$($(MAKE) --no-print-directory -s cargo-deny-path)" --locked check --hide-inclusion-graph bans licenses sources

.PHONY: fmt
fmt: ## Formats every file
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

.PHONY: generate
generate: ## Writes the generated files again: the configuration's reference and its JSON Schema
	$(say) 'Generating from the types'
	UPDATE_GENERATED=1 cargo test --locked -p hourglass-core --test config
	@git status --short docs deploy || true

.PHONY: docs
docs: ## Builds the API documentation of every crate
	$(say) 'Documenting'
	cargo doc --workspace --no-deps --locked
	@printf 'Open %s/doc/hourglass_core/index.html\n' '$(CARGO_TARGET_DIR)'

.PHONY: bench
bench: ## Measures, each row beside its baseline of the same run (WRITE=docs/benchmarks.md keeps it, ARGS=--quick)
	$(say) 'Building what is measured (profile release), and the measurement'
	cargo build --locked --release -p hourglass-executor -p square-performer -p hourglass-bench
	$(say) 'Measuring the curves with criterion'
	cargo bench --locked -p hourglass-keys --bench curves
	$(say) 'Measuring the executor; an otherwise idle machine gives honest numbers'
	'$(CARGO_TARGET_DIR)/release/hourglass-bench' --criterion '$(CARGO_TARGET_DIR)/criterion' \
	  --dist '$(CARGO_TARGET_DIR)/dist/hourglass-executor' $(if $(WRITE),--write '$(WRITE)') $(ARGS)

.PHONY: fuzz
fuzz: ## Fuzzes every parser with libFuzzer (FUZZ_SECONDS each, TARGET=one; needs a nightly toolchain)
	@rustup run '$(NIGHTLY)' rustc --version >/dev/null 2>&1 \
	  || { echo "no toolchain '$(NIGHTLY)': run 'rustup toolchain install nightly', or set NIGHTLY" >&2; exit 1; }
	$(say) 'cargo-fuzz $(CARGO_FUZZ_VERSION)'
	@test -x '$(tools)/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz' \
	  || cargo install --locked --root '$(tools)/cargo-fuzz-$(CARGO_FUZZ_VERSION)' cargo-fuzz --version '$(CARGO_FUZZ_VERSION)'
	@export PATH="$(tools)/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin:$$PATH"; cd fuzz; \
	for target in $(or $(TARGET),$$(cargo +'$(NIGHTLY)' fuzz list)); do \
	  printf '\n\033[1m==> %s for %s s\033[0m\n' "$$target" '$(FUZZ_SECONDS)'; \
	  mkdir -p '$(HOURGLASS_CACHE)/corpus'/"$$target"; \
	  cargo +'$(NIGHTLY)' fuzz run --features libfuzzer "$$target" '$(HOURGLASS_CACHE)/corpus'/"$$target" $$(ls -d corpus/"$$target" 2>/dev/null || true) -- \
	    -max_total_time='$(FUZZ_SECONDS)' -timeout=10 -rss_limit_mb=2048; \
	done

.PHONY: tools
tools: ## Installs what `make lint` needs, outside the checkout
	@$(MAKE) --no-print-directory -s cargo-deny-path >/dev/null 2>&1 || { \
	  printf '\n\033[1m==> Installing cargo-deny %s into %s (once)\033[0m\n' '$(CARGO_DENY_VERSION)' '$(tools)'; \
	  cargo install --locked --root '$(tools)/cargo-deny-$(CARGO_DENY_VERSION)' cargo-deny --version '$(CARGO_DENY_VERSION)'; }

# The cargo-deny to use: one on PATH if it is of the same version, else our own.
.PHONY: cargo-deny-path
cargo-deny-path:
	@if [ "$$(cargo-deny --version 2>/dev/null)" = 'cargo-deny $(CARGO_DENY_VERSION)' ]; then command -v cargo-deny; \
	else readlink -e '$(tools)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny'; fi

.PHONY: clean-cache
clean-cache: ## Removes build results and tools outside the checkout
	rm -rf -- '$(HOURGLASS_CACHE)'
