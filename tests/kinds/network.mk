# SPDX-License-Identifier: GPL-3.0-or-later
# Plan and apply without ssh and protocol: what tests/kinds/network/cases.sh is run with.
$(BUILD)/tests/drive: $(BUILD)/obj-tests/kinds/network/drive.o $(call object,$(wildcard orchestrator/system/*.c orchestrator/kinds/*/node.c) orchestrator/kinds/node_table.c orchestrator/node/facts.c) $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_NODE))
$(BUILD)/obj-tests/kinds/network/drive.o: tests/kinds/network/drive.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
-include $(BUILD)/obj-tests/kinds/network/drive.d
$(BUILD)/tests/frames: tests/kinds/network/frames.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<
.PHONY: check-kinds-network
# The machine of tests/kinds/test has no systemd, which half of these kinds speak to.
check-kinds-network: $(BUILD)/tests/drive $(BUILD)/tests/frames
	@tests/kinds/network/machine $<
