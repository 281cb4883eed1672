# kelp's build. Meson and ninja do the work; this file only knows the usual names.
#
#   make            build into build/
#   make test       build, then all tests; the last line is "N passed, N failed"
#   make clean      remove build/

BUILD ?= build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja: | packages
	@meson setup $(BUILD) >/dev/null

packages:
	@tools/install-deps build

test: all
	@tools/install-deps test
	@tools/run-tests $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all packages test clean
