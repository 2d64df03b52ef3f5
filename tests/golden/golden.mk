# SPDX-License-Identifier: GPL-3.0-or-later
.PHONY: check-golden
check-golden: $(BUILD)/moyai
	@tests/golden/run $(BUILD)/moyai
