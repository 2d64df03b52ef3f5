# SPDX-License-Identifier: GPL-3.0-or-later
# libFuzzer over both decoders of the protocol, with ASan and UBSan, for a bounded time.
fuzz_wire_dir    := build-fuzz/wire
# -Werror=switch: a new message without a case here would be fuzzed with nothing.
fuzz_wire_cflags := -Werror=switch -O1 -g -std=c17 -D_GNU_SOURCE -Iorchestrator -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -ffunction-sections -fdata-sections
fuzz_wire_src    := tests/fuzz/wire.c $(wildcard orchestrator/remote/protocol*.c) \
	$(fuzz_shared)

$(fuzz_wire_dir)/wire: $(fuzz_wire_src) $(wildcard orchestrator/*/*.h)
	@mkdir -p $(@D)
	clang $(fuzz_wire_cflags) -Wl,--gc-sections -o $@ $(fuzz_wire_src) \
		$(shell pkg-config --libs jansson gnutls libconfig)

.PHONY: fuzz-wire
fuzz-wire: $(fuzz_wire_dir)/wire
	@mkdir -p $(fuzz_wire_dir)/corpus $(fuzz_wire_dir)/findings
	@if $(fuzz_wire_dir)/wire -max_total_time=$(or $(FUZZ_SECONDS),20) -rss_limit_mb=1024 -max_len=8192 \
		-timeout=10 -artifact_prefix=$(fuzz_wire_dir)/findings/ \
		$(fuzz_wire_dir)/corpus tests/fuzz/wire-corpus >$(fuzz_wire_dir)/log 2>&1; then \
		grep -o 'Done [0-9]* runs.*' $(fuzz_wire_dir)/log | sed 's/^/# /'; echo 'ok fuzz-wire'; \
	else tail -n 40 $(fuzz_wire_dir)/log; echo 'not ok fuzz-wire'; exit 1; fi
