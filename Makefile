# SPDX-License-Identifier: GPL-3.0-or-later
# Sources are found by folder: adding a file needs no line here.
BUILD   ?= build
CC      ?= gcc
LIBS_MOYAI := libconfig libssh jansson gnutls libmicrohttpd
LIBS_NODE  := libparted libmnl jansson gnutls
CFLAGS  ?= -O2 -g
CFLAGS  += -std=c17 -Wall -Wextra -Werror -Wshadow -Wconversion -D_GNU_SOURCE -Iorchestrator -MMD -MP
LDFLAGS += -Wl,--as-needed -Wl,--gc-sections
CFLAGS  += -ffunction-sections -fdata-sections -fstack-protector-strong $(EXTRA_CFLAGS)
LDFLAGS += $(EXTRA_CFLAGS)

shared_src := $(wildcard orchestrator/base/*.c orchestrator/model/*.c orchestrator/engine/*.c orchestrator/kinds/*/spec.c) orchestrator/kinds/spec_table.c
moyai_src  := $(wildcard orchestrator/remote/*.c orchestrator/daemon/*.c orchestrator/image/*.c) $(filter-out orchestrator/programs/moyai-node.c,$(wildcard orchestrator/programs/*.c))
node_src   := $(wildcard orchestrator/remote/protocol*.c) $(wildcard orchestrator/node/*.c orchestrator/system/*.c orchestrator/kinds/*/node.c) orchestrator/kinds/node_table.c orchestrator/programs/moyai-node.c
object      = $(patsubst orchestrator/%.c,$(BUILD)/obj/%.o,$(1))

.PHONY: all
all: $(BUILD)/moyai $(BUILD)/moyai-node

$(BUILD)/moyai: $(call object,$(moyai_src)) $(BUILD)/libshared.a
	$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_MOYAI)) -lpthread
$(BUILD)/moyai-node: $(call object,$(node_src)) $(BUILD)/libshared.a
	$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_NODE))
$(BUILD)/libshared.a: $(call object,$(shared_src))
	rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/obj/%.o: orchestrator/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
