# SPDX-License-Identifier: GPL-3.0-or-later
# make fuzz-config fuzz-wire fuzz-journal FUZZ_SECONDS=N: libFuzzer under ASan and UBSan, each for so
# long. A target is tests/fuzz/NAME.c; what it finds is kept in build/fuzz/.
FUZZ_SECONDS ?= 15
# -Werror=switch: a new message without a case in tests/fuzz/wire.c would be fuzzed with nothing.
fuzz_flags := -g -O1 -std=c17 -D_GNU_SOURCE -Iorchestrator -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -ffunction-sections -fdata-sections -Werror=switch
# What is the nodes' alone would want the kinds' other half.
fuzz_src := $(filter-out $(patsubst %,orchestrator/engine/%.c,apply plan judge rollback kind),$(shared_src)) \
	$(wildcard orchestrator/remote/protocol*.c) $(patsubst %,orchestrator/daemon/%.c,journal_book journal_export kernel_line)
fuzz_seeds_config  := $(wildcard configs/*/*.cfg tests/golden/bad/*/*.cfg)
fuzz_seeds_wire    := $(wildcard tests/fuzz/wire-corpus/*)
fuzz_seeds_journal := $(wildcard tests/fuzz/journal-corpus/*)

$(BUILD)/fuzz/obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)clang $(fuzz_flags) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/shared.a: $(fuzz_src:%.c=$(BUILD)/fuzz/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/shared.a
	$(call say,LD,$@)
	$(Q)clang $(fuzz_flags) -fsanitize=fuzzer -Wl,--gc-sections -o $@ $^ $(shell pkg-config --libs libconfig jansson gnutls)
-include $(shell find $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)

.PHONY: fuzz-config fuzz-wire fuzz-journal
fuzz-config fuzz-wire fuzz-journal: fuzz-%: $(BUILD)/fuzz/%
	@tests/fuzz/run $* $(FUZZ_SECONDS) $(BUILD)/fuzz $(fuzz_seeds_$*)
.PRECIOUS: $(BUILD)/fuzz/obj/%.o $(BUILD)/fuzz/config $(BUILD)/fuzz/wire $(BUILD)/fuzz/journal
