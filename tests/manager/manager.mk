# SPDX-License-Identifier: GPL-3.0-or-later
# moyaid and its archive, and the slots' variables, without a machine.
.PHONY: check-manager
check-manager: $(BUILD)/moyai $(BUILD)/moyaid
	@tests/manager/slot-test; code=$$?; \
	MOYAI=$(BUILD)/moyai MOYAID=$(BUILD)/moyaid tests/manager/manager-test || code=1; exit $$code
