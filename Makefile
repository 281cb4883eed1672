# kelp's build. Meson and ninja do the work; this file only knows the usual names.
#
#   make            build into build/
#   make run        build, then run a first container as a plain user and show what it is on the host
#   make test       build, then all tests; the last line is "N passed, N failed"
#   make clean      remove build/

BUILD ?= build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@tools/link-programs $(BUILD)

$(BUILD)/build.ninja: | packages
	@meson setup $(BUILD) >/dev/null

packages:
	@tools/install-deps build

run: all
	@tools/run-demo $(BUILD)

test: all
	@tools/install-deps test
	@[ "$$(id -u)" != 0 ] || tools/test-users
	@tools/run-tests $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all packages run test clean
