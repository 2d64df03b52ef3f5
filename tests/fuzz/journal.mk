# SPDX-License-Identifier: GPL-3.0-or-later
# libFuzzer over what the journal's receiver is sent, with ASan and UBSan, for a bounded time.
fuzz_journal_dir := build-fuzz/journal
fuzz_journal_src := tests/fuzz/journal.c $(patsubst %,orchestrator/daemon/%.c,journal_book journal_export kernel_line) \
	$(fuzz_shared)

$(fuzz_journal_dir)/journal: $(fuzz_journal_src) $(wildcard orchestrator/*/*.h)
	@mkdir -p $(@D)
	clang $(fuzz_flags) -ffunction-sections -fdata-sections -Wl,--gc-sections -o $@ $(fuzz_journal_src) \
		$(shell pkg-config --libs jansson gnutls libconfig)

.PHONY: fuzz-journal
fuzz-journal: $(fuzz_journal_dir)/journal
	@mkdir -p $(fuzz_journal_dir)/corpus $(fuzz_journal_dir)/findings
	@if $(fuzz_journal_dir)/journal -max_total_time=$(or $(FUZZ_SECONDS),20) -rss_limit_mb=1024 -max_len=8192 \
		-timeout=10 -artifact_prefix=$(fuzz_journal_dir)/findings/ \
		$(fuzz_journal_dir)/corpus tests/fuzz/journal-corpus >$(fuzz_journal_dir)/log 2>&1; then \
		grep -o 'Done [0-9]* runs.*' $(fuzz_journal_dir)/log | sed 's/^/# /'; echo 'ok fuzz-journal'; \
	else tail -n 40 $(fuzz_journal_dir)/log; echo 'not ok fuzz-journal'; exit 1; fi
