# SPDX-License-Identifier: GPL-3.0-or-later
# moyaid and its archive, journals, and the slots' variables, without a machine.
.PHONY: check-manager
check-manager: $(BUILD)/moyai $(BUILD)/moyaid $(BUILD)/moyai-node
	@tests/manager/slot-test; code=$$?; \
	MOYAI=$(BUILD)/moyai MOYAID=$(BUILD)/moyaid tests/manager/manager-test || code=1; \
	MOYAI=$(BUILD)/moyai MOYAID=$(BUILD)/moyaid MOYAI_NODE=$(BUILD)/moyai-node tests/manager/journal-test || code=1; \
	exit $$code
