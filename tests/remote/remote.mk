# SPDX-License-Identifier: GPL-3.0-or-later
# The operator's side: libssh against a real sshd, and the subcommands against fake nodes. The
# tests of the daily work mostly wait, and so run beside the others.
remote_ssh := $(call object,$(addprefix orchestrator/remote/,ssh.c stream.c protocol.c))

$(BUILD)/tests/ssh_test: tests/remote/ssh_test.c $(remote_ssh) $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -MF $@.d $(LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) \
		$(shell pkg-config --libs libssh jansson gnutls cmocka)
-include $(BUILD)/tests/ssh_test.d

.PHONY: check-remote
check-remote: $(BUILD)/tests/ssh_test $(BUILD)/moyai $(BUILD)/moyai-node $(BUILD)/moyaid
	@failed=0; export MOYAI=$(abspath $(BUILD))/moyai; \
	tests/remote/daytwo >$(BUILD)/tests/daytwo.out 2>&1 & daytwo=$$!; \
	tests/remote/takeover >$(BUILD)/tests/takeover.out 2>&1 & takeover=$$!; \
	for test in $(BUILD)/tests/ssh_test tests/remote/commands tests/remote/remote tests/remote/hostile; do \
		$$test || failed=1; \
	done; wait $$daytwo || failed=1; wait $$takeover || failed=1; \
	cat $(BUILD)/tests/daytwo.out $(BUILD)/tests/takeover.out; exit $$failed
