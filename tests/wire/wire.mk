# SPDX-License-Identifier: GPL-3.0-or-later
# moyai-node with test kinds behind pipes, and what it is asked.
wire_dir     := $(BUILD)/tests
wire_cflags  := $(CFLAGS) -I.
wire_node    := $(call object,$(filter-out orchestrator/node/facts.c,$(wildcard orchestrator/node/*.c)) \
	$(wildcard orchestrator/remote/protocol*.c) orchestrator/programs/moyai-node.c)
wire_kinds   := $(patsubst tests/%.c,$(wire_dir)/obj/%.o,$(wildcard tests/wire/kinds/*.c))
wire_tests   := $(patsubst tests/wire/%.c,$(wire_dir)/wire_%,$(wildcard tests/wire/*_test.c))

$(wire_dir)/obj/wire/%.o: tests/wire/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(wire_cflags) -c -o $@ $<
# The test kinds come first: their tables take the place of those in the archive.
# Stripped: it is started thousands of times, and hashes itself each time.
$(wire_dir)/moyai-node-wire: $(wire_kinds) $(wire_node) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -s -o $@ $^ $(shell pkg-config --libs jansson gnutls)
$(wire_dir)/wire_%: $(wire_dir)/obj/wire/%.o $(wire_dir)/obj/wire/peer.o $(wire_kinds) \
		$(call object,$(wildcard orchestrator/remote/protocol*.c)) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs jansson gnutls cmocka)
-include $(shell find $(wire_dir)/obj -name '*.d' 2>/dev/null)
.PRECIOUS: $(wire_dir)/obj/wire/%.o

.PHONY: check-wire
check-wire: $(wire_tests) $(wire_dir)/moyai-node-wire
	@tests/wire/run $(wire_dir) $(wire_tests)

# The conformance test of kinds (tests/kinds/conformance.c): with all kinds for a machine of its
# own, and with the test kinds here.
$(wire_dir)/obj/conformance.o: tests/kinds/conformance.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
conform_parts := $(wire_dir)/obj/conformance.o $(call object,$(wildcard orchestrator/remote/protocol*.c))
$(wire_dir)/conform: $(conform_parts) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs jansson gnutls)
$(wire_dir)/conform-wire: $(conform_parts) $(wire_kinds) $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs jansson gnutls)
check-wire: $(wire_dir)/conform $(wire_dir)/conform-wire
