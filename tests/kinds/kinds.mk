# SPDX-License-Identifier: GPL-3.0-or-later
.PHONY: check-kinds
check-kinds: $(BUILD)/moyai-node
	@tests/kinds/test $(BUILD)/moyai-node
