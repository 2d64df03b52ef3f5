# SPDX-License-Identifier: GPL-3.0-or-later
# moyaid and its archive, journals, and the slots' variables, without a machine.
$(BUILD)/tests/clock.so: tests/manager/clock.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -fPIC -shared -o $@ $<
-include $(BUILD)/tests/clock.so.d

.PHONY: check-manager check-journal
check-manager: $(BUILD)/moyai $(BUILD)/moyaid $(BUILD)/moyai-node $(BUILD)/tests/clock.so
	@tests/manager/slot-test; code=$$?; \
	MOYAI=$(BUILD)/moyai MOYAID=$(BUILD)/moyaid CLOCK=$(BUILD)/tests/clock.so tests/manager/manager-test || code=1; \
	exit $$code
check-journal: $(BUILD)/moyai $(BUILD)/moyaid $(BUILD)/moyai-node
	@MOYAI=$(BUILD)/moyai MOYAID=$(BUILD)/moyaid MOYAI_NODE=$(BUILD)/moyai-node tests/manager/journal-test
