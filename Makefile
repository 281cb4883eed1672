# A thin front for meson and ninja; `make help` lists what there is.
#
#   make            builds into build/
#   make test       all tests; the last line is "N passed, N failed"
#   make run        a container as an unprivileged user, seen from inside and from the host

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

.DEFAULT_GOAL := build
.PHONY: help build test run breakout-demo check format sanitize fuzz bench install uninstall clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

build: ## builds kelp and its helpers into build/ (installs what the build needs)
	@tools/install-deps build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet
	@tools/link-programs $(BUILD)

test: build ## all that CI runs
	@tools/install-deps test
	@tools/run-tests all

run: build ## shows a container: who it is inside, who it is on the host
	@tools/demonstrate-run $(BUILD)

breakout-demo: build ## container root against a file of host root, narrated
	@tools/demonstrate-breakout $(BUILD)

check: build ## formatting, clang-tidy, cppcheck, shellcheck, include arrows, headers
	@tools/install-deps test
	@tools/run-tests checks

format: ## applies .clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format-19 -i

sanitize: build ## unit and integration tests under AddressSanitizer and UBSan
	@tools/install-deps test
	@tools/run-tests sanitize

fuzz: ## each fuzz target for a minute
	@tools/install-deps build test
	@tools/run-fuzzers 60

bench: build ## timings beside unshare, crun and podman
	@tools/install-deps test
	@bench/run $(BUILD)

install: build ## installs below PREFIX (/usr/local), with DESTDIR in front
	@tools/install $(BUILD) "$(DESTDIR)" "$(PREFIX)"

uninstall: ## removes what install put there
	@tools/install --remove "$(DESTDIR)" "$(PREFIX)"

clean: ## removes every build folder
	rm -rf $(BUILD) build-gcc build-clang build-sanitize build-fuzz
