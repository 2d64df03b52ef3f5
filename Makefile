# SPDX-License-Identifier: GPL-3.0-or-later
# Sources are found by folder: adding a file needs no line here.
# `make demo` shows everything, `make test` proves it; both install what they need first.
BUILD   ?= build
CC       = gcc
JOBS    ?= $(shell nproc)
LIBS_MOYAI := libconfig libssh jansson gnutls libmicrohttpd
LIBS_NODE  := libmnl jansson gnutls
CFLAGS  ?= -O2 -g
CFLAGS  += -std=c17 -Wall -Wextra -Werror -Wshadow -Wconversion -D_GNU_SOURCE -Iorchestrator -MMD -MP
LDFLAGS += -Wl,--as-needed -Wl,--gc-sections
CFLAGS  += $(shell pkg-config --cflags libxml-2.0)
# Where the sources are is nothing to what is made of them: two clones make the same moyai-node.
CFLAGS  += -ffile-prefix-map=$(CURDIR)=.
CFLAGS  += -ffunction-sections -fdata-sections -fstack-protector-strong $(EXTRA_CFLAGS)
LDFLAGS += $(EXTRA_CFLAGS)

# Debian packages: to build, to make images, to run the rack, to test.
DEPS := gcc make pkg-config git libconfig-dev libssh-dev libparted-dev libjansson-dev \
	libmicrohttpd-dev libgnutls28-dev libmnl-dev libvirt-dev libxml2-dev \
	mmdebstrap squashfs-tools zstd cpio busybox-static dnsmasq-base ipxe openssh-client \
	qemu-system-x86 ipxe-qemu ovmf iproute2 util-linux uidmap e2fsprogs socat gojq curl tcpdump procps \
	ipmitool openipmi systemd-journal-remote libcmocka-dev clang clang-format libclang-rt-14-dev cppcheck shellcheck nftables \
	dpkg-dev file man-db mandoc zsh lintian
# Who only looks at the demo need not have an ssh server running from then on.
DEPS_TEST := openssh-server

shared_src := $(wildcard orchestrator/base/*.c orchestrator/model/*.c orchestrator/engine/*.c) $(filter-out %/node.c,$(wildcard orchestrator/kinds/*/*.c)) orchestrator/kinds/spec_table.c
moyai_src  := $(wildcard orchestrator/remote/*.c orchestrator/power/*.c orchestrator/daemon/*.c orchestrator/image/*.c) $(filter-out orchestrator/programs/moyai-node.c orchestrator/programs/moyaid.c,$(wildcard orchestrator/programs/*.c))
daemon_src := $(wildcard orchestrator/remote/*.c orchestrator/daemon/*.c) orchestrator/programs/moyaid.c
node_src   := $(wildcard orchestrator/remote/protocol*.c) $(wildcard orchestrator/node/*.c orchestrator/system/*.c orchestrator/kinds/*/node.c) orchestrator/kinds/node_table.c orchestrator/programs/moyai-node.c
object      = $(patsubst orchestrator/%.c,$(BUILD)/obj/%.o,$(1))

# Short lines; V=1 shows the commands.
ifneq ($(V),1)
Q := @
endif
quiet := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = @$(if $(quiet),:,$(if $(Q),printf '  %-4s %s\n' $(1) $(2),:))

.PHONY: all
all: $(BUILD)/moyai $(BUILD)/moyai-node $(BUILD)/moyai-node.deb $(BUILD)/moyaid

$(BUILD)/moyai: $(call object,$(moyai_src)) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_MOYAI)) -lpthread
$(BUILD)/moyaid: $(call object,$(daemon_src)) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_MOYAI)) -lpthread
# Stripped here already, so that what goes into the images is what moyai looks for on a node.
$(BUILD)/moyai-node: $(call object,$(node_src)) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@.full $^ $(shell pkg-config --libs $(LIBS_NODE))
	$(Q)objcopy --only-keep-debug $@.full $@.debug && rm -f $@ && \
		objcopy --strip-unneeded --add-gnu-debuglink=$@.debug $@.full $@ && rm $@.full
$(BUILD)/libshared.a: $(call object,$(shared_src))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/obj/%.o: orchestrator/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$(<:orchestrator/%=%))
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# The targets check-NAME print `ok …`, `not ok …` and `skip …` lines; tests/run counts them.
include $(wildcard tests/*/*.mk)

include packaging/packaging.mk

.PHONY: deps deps-demo images check lint lint-changed test test-long bench demo demo-down clean
deps:
	@tests/deps $(DEPS) $(DEPS_TEST)
deps-demo:
	@tests/deps $(DEPS)

images: all
	$(BUILD)/moyai -C configs/demo image build

check: all
	+@tests/run manager boot manual "wire golden" "unit journal" power "includes lint-changed remote"

check-lint lint:
	@CC_FLAGS='$(CFLAGS)' tests/lint/lint all
check-lint-changed lint-changed:
	@CC_FLAGS='$(CFLAGS)' tests/lint/lint changed
check-includes:
	@tests/lint/run-test && tests/lint/includes-test && tests/lint/includes .
check-sanitizer:
	@ASAN_OPTIONS=suppressions=$(CURDIR)/tests/sanitizer-suppressions \
	$(MAKE) -s BUILD=build-asan EXTRA_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
		all check-unit check-golden check-wire
check-fuzz:
	+@$(MAKE) -s fuzz-config fuzz-wire fuzz-journal
check-rack: images $(BUILD)/tests/frames
	@tests/rack/test
check-demo:
	@tests/rack/demo-test
check-metal:
	@tests/rack/metal-test

LIGHT = includes lint unit golden wire remote power manual deb manager journal boot chainload fuzz sanitizer
# Groups in one pair of quotes follow each other, the rows run side by side. The rack is the longest: it
# makes the images first, and the others take the time in which its machines wait.
test: deps
	+@$(MAKE) -s -j$(JOBS) all
	+@MOYAI_TEST_EVERY=1 tests/run "rack guests" "$(LIGHT) images kinds"

test-long: deps
	+@$(MAKE) -s -j$(JOBS) all
	+@MOYAI_TEST_EVERY=1 POINT_STEP=1 KINDS_TIMEOUT_S=9000 FUZZ_SECONDS=200 RACK_TEST=long IMAGES_TEST=long GUESTS_TEST=long tests/run "rack metal demo" "$(LIGHT) images guests kinds"

bench:
	@tests/bench/bench

demo: deps-demo
	+@$(MAKE) -s -j$(JOBS) all
	@tests/rack/demo
demo-down:
	@tests/rack/demo down

clean:
	rm -rf build build-asan
