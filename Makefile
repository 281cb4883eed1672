# kelp's build. Meson and ninja do the work; this file only knows the usual names.
#
#   make              build into build/
#   make run          build, then run a first container as a plain user and show what it is on the host
#   make breakout-demo
#                     what only the host's root may touch, root in a container may not; under Docker it may
#   make test         build, then all tests; the last line is "N passed, N failed"
#   make check-all    the same and the long checks
#   make bench        what starts, lists and pulls cost beside bare namespaces and other engines
#   make format       give all of src/ its layout
#   make install      into PREFIX (/usr/local), below DESTDIR if given; make uninstall takes it away
#   make clean        remove build/

BUILD ?= build
PREFIX ?= /usr/local
SECTIONS ?=
PACKAGES = build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@tools/link-programs $(BUILD)

$(BUILD)/build.ninja: | packages
	@meson setup $(BUILD) >$(BUILD).log || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

packages:
	@tools/install-deps $(PACKAGES)

run: all
	@tools/run-demo $(BUILD)

breakout-demo: all
	@tools/breakout-demo $(BUILD)

test: PACKAGES = $(if $(filter-out unit integration source,$(SECTIONS)),check,test)
test: all
	@tools/run-tests $(BUILD) $(SECTIONS)

check-all:
	@$(MAKE) --no-print-directory test SECTIONS=all

bench: PACKAGES = test
bench: all
	@[ "$$(id -u)" != 0 ] || tools/test-users
	@bench/run $(BUILD)

format:
	@clang-format-19 -i src/*/*.c src/*/*.h

# Helpers are found beside each other, so PREFIX may change without a new build.
install: all
	@meson setup --reconfigure --prefix "$(PREFIX)" --libexecdir libexec $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet
	@meson install -C $(BUILD) --no-rebuild --quiet

uninstall:
	@ninja -C $(BUILD) --quiet uninstall

clean:
	rm -rf $(BUILD) build-*

.PHONY: all packages run breakout-demo test check-all bench format install uninstall clean
