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
# Where `make bench` and `make bench-docker` write their tables besides the terminal, and more arguments: --quick, --only restart.
WRITE ?=
ARGS ?=
# One target of `make fuzz`; empty means all of them.
TARGET ?=

# How images are tagged, the profile that their binaries are built with, and a directory that gets them as archives.
TAG ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
IMAGE_PROFILE ?= dist
OUT ?=
# What goes into images besides our own programs, from Debian.
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
# The one of this machine if it is static, else that of Debian's package, which needs no right to be unpacked.
BUSYBOX ?=

tools := $(HOURGLASS_CACHE)/tools
host = $(shell rustc -vV | sed -n 's/^host: //p')
static = $(CARGO_TARGET_DIR)/$(host)/$(if $(filter dev,$(IMAGE_PROFILE)),debug,$(IMAGE_PROFILE))
image_files := $(HOURGLASS_CACHE)/images/context-$(IMAGE_PROFILE)
image_archives := $(HOURGLASS_CACHE)/images/$(TAG)
say := @printf '\n\033[1m==> %s\033[0m\n'
# Starts what is real: engines, registries. Built with the demo, in its profile.
environment := $(CARGO_TARGET_DIR)/demo/hourglass-environment

# What `make cluster` runs pods on: real (one node with a kubelet; needs root), kwok (NODES simulated ones), none; and where its
# kubeconfig goes.
NODE ?= real
NODES ?= 3
CLUSTER_TOOLS := etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kwok kubelet kube-proxy coredns
CLUSTER_KUBECONFIG ?= $(HOURGLASS_CACHE)/cluster/kubeconfig

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
	cargo build --locked --profile dist -p hourglass-executor -p hourglass-operator -p square-performer
	@ls -l '$(CARGO_TARGET_DIR)/dist/hourglass-executor' '$(CARGO_TARGET_DIR)/dist/hourglass-operator' '$(CARGO_TARGET_DIR)/dist/square-performer'

.PHONY: images
images: image-files ## Builds the images of executor, operator and performer, each with a -debug variant (TAG=0.1.0, OUT=dir writes archives)
	@if docker version >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory images-here TAG='$(TAG)' IMAGE_PROFILE='$(IMAGE_PROFILE)' OUT='$(OUT)'; \
	else \
	  printf '\n\033[1m==> No Docker engine answers: building with one of our own, and writing archives into %s\033[0m\n' \
	    '$(or $(OUT),$(image_archives))'; \
	  cargo run --locked --quiet -p hourglass-environment -- with-engine -- \
	    $(MAKE) --no-print-directory images-here TAG='$(TAG)' IMAGE_PROFILE='$(IMAGE_PROFILE)' OUT='$(or $(OUT),$(image_archives))'; \
	fi

.PHONY: docker-build
docker-build: images ## The same as images, by the name that the operator's documentation knows it by

# The files of each image as one archive: nothing in it but their content, so that the same files are the same layer.
.PHONY: image-files
image-files:
	@test -r '$(CA_BUNDLE)' || { echo '$(CA_BUNDLE) is missing: apt-get install ca-certificates, or set CA_BUNDLE' >&2; exit 1; }
	$(say) 'Building static binaries (profile $(IMAGE_PROFILE))'
	@# The operator apart: beside the others Cargo would build them with the features that only it needs.
	export CARGO_TARGET_$(shell echo '$(host)' | tr 'a-z-' 'A-Z_')_RUSTFLAGS='-C target-feature=+crt-static'; \
	cargo build --locked --profile '$(IMAGE_PROFILE)' --target '$(host)' -p hourglass-executor -p square-performer; \
	cargo build --locked --profile '$(IMAGE_PROFILE)' --target '$(host)' -p hourglass-operator
	$(say) 'Gathering the files of the images'
	@unpacked='$(HOURGLASS_CACHE)/images/busybox'; busybox=''; \
	is_static() { test -x "$$1" && ! readelf -lW "$$1" | grep -q INTERP; }; \
	if ! is_static "$$unpacked/bin/busybox" && [ -z '$(BUSYBOX)' ] && ! is_static /bin/busybox; then \
	  mkdir -p "$$unpacked"; (cd "$$unpacked"; apt-get download --quiet busybox-static \
	    || { apt-get update --quiet; apt-get download --quiet busybox-static; }; dpkg-deb --extract busybox-static_*.deb .); fi; \
	for one in $(or $(BUSYBOX),/bin/busybox "$$unpacked/bin/busybox"); do if is_static "$$one"; then busybox=$$one; break; fi; done; \
	test -n "$$busybox" || { echo 'there is no static busybox: apt-get install busybox-static, or set BUSYBOX' >&2; exit 1; }; \
	rm -rf -- '$(image_files)'; mkdir -p '$(image_files)'; cd '$(image_files)'; umask 022; \
	mkdir -p all/etc/ssl/certs all/etc/hourglass own/run/hourglass own/var/lib/hourglass busybox/busybox; \
	cp '$(CA_BUNDLE)' all/etc/ssl/certs/ca-certificates.crt; chmod 644 all/etc/ssl/certs/ca-certificates.crt; \
	for applet in $$("$$busybox" --list); do ln -sf busybox "busybox/busybox/$$applet"; done; \
	rm -f busybox/busybox/busybox; install -m 755 "$$busybox" busybox/busybox/busybox; \
	chmod 700 own/run/hourglass own/var/lib/hourglass; \
	plain() { tar --sort=name --mtime=@0 --numeric-owner --format=gnu "$$@"; }; \
	for image in executor:hourglass-executor:hourglass-executor operator:hourglass-operator:manager \
	    performer:square-performer:square-performer; do \
	  name=$${image%%:*}; program=$${image##*:}; built=$${image%:*}; built=$${built##*:}; mkdir "$$name"; \
	  install -m 755 '$(static)'/"$$built" "$$name/$$program"; \
	  if [ '$(IMAGE_PROFILE)' != dist ]; then strip --strip-all "$$name/$$program"; fi; \
	  plain --owner=0 --group=0 -cf "$$name.tar" -C "$$name" "$$program" -C ../all etc; \
	  if [ "$$name" = executor ]; then \
	    plain --owner=0 --group=0 --no-recursion -rf "$$name.tar" -C own run var var/lib; \
	    plain --owner=65532 --group=65532 -rf "$$name.tar" -C own run/hourglass var/lib/hourglass; \
	  fi; \
	  cp "$$name.tar" "$$name-debug.tar"; plain --owner=0 --group=0 -rf "$$name-debug.tar" -C busybox busybox; \
	done; \
	rm -rf all own busybox executor operator performer; cp '$(CURDIR)'/deploy/images/*.Dockerfile .

# With the engine that `docker` reaches.
.PHONY: images-here
images-here:
	@cd '$(image_files)'; revision=$$(git -C '$(CURDIR)' rev-parse HEAD 2>/dev/null || echo unknown); \
	created=$$(TZ=UTC git -C '$(CURDIR)' log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null || echo 1970-01-01T00:00:00Z); \
	for image in executor:hourglass-executor operator:hourglass-operator performer:square-performer; do for variant in '' -debug; do \
	  file=$${image%%:*}$$variant; name=$${image##*:}:$(TAG)$$variant; \
	  printf '\n\033[1m==> %s\033[0m\n' "$$name"; \
	  mkdir -p "only/$$file"; ln -f "$$file.tar" "only/$$file/$$file.tar"; \
	  docker build --quiet --tag "$$name" --file "$$file.Dockerfile" --build-arg VERSION='$(TAG)' \
	    --build-arg REVISION="$$revision" --build-arg CREATED="$$created" "only/$$file"; \
	  if [ -n '$(OUT)' ]; then \
	    (cd '$(CURDIR)'; mkdir -p '$(OUT)'; docker save --output '$(OUT)'/"$$file.tar" "$$name"; ls -l '$(OUT)'/"$$file.tar"); fi; \
	done; done; rm -rf only; \
	printf '\n\033[1m==> Sizes\033[0m\n'; \
	for name in hourglass-executor:$(TAG) hourglass-executor:$(TAG)-debug hourglass-operator:$(TAG) hourglass-operator:$(TAG)-debug \
	    square-performer:$(TAG) square-performer:$(TAG)-debug; do \
	  docker image inspect --format '{{.Size}}' "$$name" | awk -v name="$$name" '{ printf "%-40s %7.1f MB\n", name, $$1 / 1e6 }'; done

.PHONY: test
test: components ## Installs what is missing, runs every test of the workspace and a brief fuzz, and says what that covers
	$(say) 'Testing the workspace: units, properties, port conformance, end to end, the documents'
	@mkdir -p '$(HOURGLASS_CACHE)'
	@failed=0; HOURGLASS_FUZZ_SECONDS='$(FUZZ_BRIEF_SECONDS)' cargo test --workspace --locked --no-fail-fast 2>&1 \
	  | tee '$(HOURGLASS_CACHE)/test.log' || failed=1; \
	printf '\n\033[1m==> What that covered (the whole output: %s)\033[0m\n' '$(HOURGLASS_CACHE)/test.log'; \
	awk -f scripts/test-summary.awk '$(HOURGLASS_CACHE)/test.log' || failed=1; \
	exit $$failed

.PHONY: faults
faults: components ## Kills the operator before and after every single write, in minutes; `make test` does so at some
	$(say) 'Killing the operator at every write of create, upgrade, failed upgrade, scale and delete: about five minutes'
	cargo test --locked -p hourglass-kubernetes --test suite -- --ignored --nocapture real::restarts

# Real components that the tests run: a Docker engine, an image registry, a cluster. Where they cannot be installed the tests that
# need one fail and say so; in CI, this does.
.PHONY: components
components: ## Installs the packages and builds the tools that tests and the demo need, as root, starting no service
	$(say) 'Real components: a Docker engine, an image registry, a node'
	cargo run --locked --quiet -p hourglass-environment -- install $(if $(CI),,--try-only)
	$(say) 'Real components: the programs of a cluster; about ten minutes where nothing of it is cached, nothing afterwards'
	cargo run --locked --quiet -p hourglass-cluster -- tools $(CLUSTER_TOOLS) >/dev/null $(if $(CI),,|| true)

.PHONY: cluster
cluster: ## Brings up a real Kubernetes for trying and testing and says how to use it (NODE=real|kwok|none, NODES=3)
	$(say) 'A cluster (NODE=$(NODE)); where nothing of it is cached its programs are built first, which takes about ten minutes'
	cargo build --locked --quiet -p hourglass-cluster
	'$(CARGO_TARGET_DIR)/debug/hourglass-cluster' up --node '$(NODE)' --nodes '$(NODES)' --kubeconfig '$(CLUSTER_KUBECONFIG)'

.PHONY: cluster-down
cluster-down: ## Takes down what `make cluster` brought up; nothing of it is left
	cargo build --locked --quiet -p hourglass-cluster
	'$(CARGO_TARGET_DIR)/debug/hourglass-cluster' down --kubeconfig '$(CLUSTER_KUBECONFIG)'

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
	cargo test --locked --quiet -p hourglass-kubernetes --test suite generated
	$(say) 'Bans, licences and sources of every dependency'
	"$$($(MAKE) --no-print-directory -s cargo-deny-path)" --locked check --hide-inclusion-graph bans licenses sources

.PHONY: fmt
fmt: ## Formats every file
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

.PHONY: generate
generate: manifests ## Writes all generated files again: the configuration's reference and its JSON Schema, and the manifests
	$(say) 'Generating from the types of the configuration'
	UPDATE_GENERATED=1 cargo test --locked -p hourglass-core --test config
	@git status --short docs deploy || true

.PHONY: manifests
manifests: ## Writes the CustomResourceDefinitions and their reference again, from the types in adapters/kubernetes/src/api
	$(say) 'Generating from the types of the resources'
	UPDATE_GENERATED=1 cargo test --locked -p hourglass-kubernetes --test suite generated
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

.PHONY: bench-docker
bench-docker: ## Measures containers on a real engine beside the engine alone (WRITE=docs/benchmarks-docker.md keeps it, ARGS=--quick)
	$(say) 'Building what is measured (profile release), and the measurement'
	cargo build --locked --release -p hourglass-executor -p hourglass-bench
	$(say) 'Building the sample performer, static: its image holds nothing else'
	cargo build --locked -p hourglass-environment
	@performer=$$('$(CARGO_TARGET_DIR)/debug/hourglass-environment' static --profile release square-performer); \
	printf '\n\033[1m==> %s\033[0m\n' 'Measuring on the engine that answers, else one of our own; an otherwise idle machine gives honest numbers'; \
	'$(CARGO_TARGET_DIR)/release/hourglass-bench' docker --performer "$$performer" $(if $(WRITE),--write '$(WRITE)') $(ARGS)

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
