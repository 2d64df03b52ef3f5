# SPDX-License-Identifier: GPL-3.0-or-later
# make fuzz-config FUZZ_SECONDS=N: any bytes as site.cfg, under ASan and UBSan. Seeds are the
# example sites and the golden cases; what it finds is kept in build/fuzz/.
FUZZ_SECONDS ?= 20
fuzz_flags := -g -O1 -std=c17 -D_GNU_SOURCE -Iorchestrator -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
# What is the nodes' alone would want the kinds' other half.
fuzz_shared := $(filter-out $(patsubst %,orchestrator/engine/%.c,apply plan judge rollback kind),$(shared_src))

$(BUILD)/fuzz/config: tests/fuzz/config.c $(fuzz_shared) $(wildcard orchestrator/base/*.h orchestrator/model/*.h orchestrator/engine/*.h orchestrator/kinds/*/*.h)
	@mkdir -p $(@D)
	clang $(fuzz_flags) -ffunction-sections -fdata-sections -o $@ tests/fuzz/config.c \
		$(fuzz_shared) \
		-Wl,--gc-sections $(shell pkg-config --libs libconfig jansson gnutls)

.PHONY: fuzz-config
fuzz-config: $(BUILD)/fuzz/config
	@tests/fuzz/run config $(FUZZ_SECONDS) $(BUILD)/fuzz configs/*/*.cfg tests/golden/bad/*/*.cfg
