# The verbs of this project. "make" alone lists them; README.md and .ci/run call nothing else.
#
# Variables: PREFIX (/usr/local), DESTDIR; BULKHEAD_SETUP=no (install no packages); SWIFT (swift); CI=true (a test that
# is skipped is a failure).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

SWIFT ?= swift
PREFIX ?= /usr/local
SWIFT_BUILD := $(SWIFT) build --explicit-target-dependency-import-check error
RELEASE := .build/release
LAUNCHER := .build/launcher/bulkhead-launch
STATIC := .build/static/libstdc++.a
PROBE := .build/probe/bulkhead-probe
PROGRAMS := bulkhead bulkhead-oci bulkhead-cluster bulkhead-audit bulkhead-unpack bulkhead-verify bulkhead-emulate \
    bulkhead-launch bulkhead-probe
IMAGES := $(patsubst images/%/build,%,$(wildcard images/*/build))
need = $(if $(filter no,$(BULKHEAD_SETUP)),true,.ci/setup $(1))

.PHONY: help setup build run test kernel-test tidy simulate fuzz bench images docs install deb clean launcher probe

help: ## list these verbs
	@echo "Bulkhead. The two to begin with: 'make run' and 'make test'."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install the Debian packages that building, running and testing need, and say what each is for
	@.ci/setup

launcher: $(LAUNCHER) ## build the static C program that becomes a container's first process
	@:
probe: $(PROBE) ## build the static C program that tries every known way out of a container
	@:
# Static and small: they run in root filesystems that have no libraries. Without musl, glibc will do.
$(LAUNCHER): $(wildcard Sources/Launcher/*.[ch] Sources/Launcher/include/*.h) Makefile
$(PROBE): $(wildcard Sources/Probe/*.[ch]) Makefile
$(LAUNCHER) $(PROBE):
	@mkdir -p $(@D)
	@compiler=musl-gcc; command -v musl-gcc > /dev/null || compiler=gcc; set -x; \
	$$compiler -std=gnu17 -Os -static -s -Wall -Wextra -Werror -ISources/Launcher/include \
	    -o $@.new $(filter %.c,$^) && mv $@.new $@

# Found before the shared library of the same name, because Package.swift has the programs look here first.
$(STATIC):
	@mkdir -p $(@D)
	@ln -sf "$$(gcc -print-file-name=$(@F))" $@

build: ## build the programs, optimised, into .build/release
	@$(call need,build)
	@$(MAKE) launcher probe $(STATIC)
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-unpack
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-verify
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-emulate
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-oci
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-cluster
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product bulkhead-audit
	@install -m 755 $(LAUNCHER) $(RELEASE)/bulkhead-launch
	@install -m 755 $(PROBE) $(RELEASE)/bulkhead-probe
	@ls -l $(addprefix $(RELEASE)/,$(PROGRAMS)) | awk '{ print $$5, $$9 }'

run: ## build everything, then show an image running isolated: its limits and its walls
	@$(call need,build run)
	@BULKHEAD_SETUP=no $(MAKE) build
	@images/busybox/build images/out
	@images/tour

test: ## run every test: natively, and in a throwaway VM what this machine's kernel cannot give
	@$(call need,build run test)
	@Tests/run all

kernel-test: ## run only the tests that need cgroup v2 controllers: here if it has them, else in the VM
	@$(call need,build run test)
	@Tests/run kernel

tidy: ## check the house rules: layers, imports, lengths, names, links
	@$(call need,build)
	@Tests/run tidy

simulate: ## play 2,000 whole clusters with crashes and partitions (BULKHEAD_SEEDS of them, from BULKHEAD_SEED)
	@$(call need,build)
	@Tests/run seeds

fuzz: ## fuzz the decoders for a while (BULKHEAD_FUZZ_SECONDS each)
	@$(call need,build fuzz)
	@Tests/FuzzTests/run

bench: ## measure launch latency and unpacking against other tools on this machine
	@$(call need,build run bench)
	@BULKHEAD_SETUP=no $(MAKE) build
	@images/busybox/build images/out
	@images/debian/build images/out
	@Tests/Benchmarks/run
	@Tests/Benchmarks/run --only cluster

images: ## build every test image into images/out
	@$(call need,run test)
	@for image in $(IMAGES); do images/$$image/build images/out; done

docs: ## write again the pages that are made from the code, and check every link
	@$(call need,build)
	@Tests/run docs

install: ## install what was built below DESTDIR/PREFIX: programs, completions, man pages, systemd units
	@[ -x $(RELEASE)/bulkhead-cluster ] || { echo "nothing is built yet: 'make build' first" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/bulkhead $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(RELEASE)/bulkhead $(DESTDIR)$(PREFIX)/bin/bulkhead
	install -m 755 $(RELEASE)/bulkhead-oci $(DESTDIR)$(PREFIX)/bin/bulkhead-oci
	install -m 755 $(RELEASE)/bulkhead-cluster $(RELEASE)/bulkhead-audit $(RELEASE)/bulkhead-unpack \
	    $(RELEASE)/bulkhead-verify $(RELEASE)/bulkhead-emulate $(LAUNCHER) $(PROBE) \
	    $(DESTDIR)$(PREFIX)/libexec/bulkhead
	$(RELEASE)/bulkhead completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bulkhead
	$(RELEASE)/bulkhead completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bulkhead
	$(RELEASE)/bulkhead completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/bulkhead.fish
	$(RELEASE)/bulkhead manual $(DESTDIR)$(PREFIX)/share/man/man1
	$(RELEASE)/bulkhead-cluster manual $(DESTDIR)$(PREFIX)/share/man/man1
	$(RELEASE)/bulkhead-audit manual $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 Sources/Packaging/*.service $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed -i 's|/usr/bin/|$(PREFIX)/bin/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/bulkhead-*.service

deb: ## make a Debian package in .build/deb
	@$(call need,build deb)
	@BULKHEAD_SETUP=no $(MAKE) build
	@Sources/Packaging/deb .build/deb

clean: ## remove everything that was built, images included
	rm -rf .build images/out bench-results
