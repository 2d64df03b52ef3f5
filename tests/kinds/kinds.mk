# SPDX-License-Identifier: GPL-3.0-or-later
# POINT_STEP: how far apart the points are at which moyai-node is killed; see the tests.
.PHONY: check-kinds
check-kinds: $(BUILD)/moyai-node $(BUILD)/tests/conform
	@tests/kinds/repository/test $(BUILD)/moyai-node $(BUILD)/tests/conform
	@tests/kinds/test $(BUILD)/moyai-node
