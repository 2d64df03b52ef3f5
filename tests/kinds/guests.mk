# SPDX-License-Identifier: GPL-3.0-or-later
# The kind `guest`: its machine has libvirt and QEMU besides.
.PHONY: check-kinds-guests
check-kinds-guests: $(BUILD)/moyai-node
	@tests/kinds/guests/test $(BUILD)/moyai-node
