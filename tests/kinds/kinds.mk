# SPDX-License-Identifier: GPL-3.0-or-later
# POINT_STEP: how far apart the points are at which moyai-node is killed; few are taken when it is not
# given. tests/wire kills at each, and so does `make test-long` here.
.PHONY: check-kinds check-kinds-repository check-kinds-storage check-kinds-volumes check-kinds-paths check-kinds-system check-kinds-guests
check-kinds-repository: $(BUILD)/moyai-node $(BUILD)/tests/conform
	@tests/kinds/repository/test $(BUILD)/moyai-node $(BUILD)/tests/conform
check-kinds-storage: $(BUILD)/moyai-node
	@tests/kinds/test $(BUILD)/moyai-node
check-kinds-volumes: $(BUILD)/moyai-node
	@tests/kinds/test $(BUILD)/moyai-node guest-volumes
check-kinds-paths: $(BUILD)/moyai-node
	@tests/kinds/test $(BUILD)/moyai-node guest-paths
check-kinds-system: $(BUILD)/moyai-node
	@tests/kinds/system/test $(BUILD)/moyai-node
check-kinds-guests: $(BUILD)/moyai-node
	@tests/kinds/guests/test $(BUILD)/moyai-node
# Two machines at a time: beside the five of a rack more of them take the processor's cache from each other, and
# the rack has deadlines. Each is a session of its own, as those are, so that the scheduler gives it as much.
# The longest first: what network needs is there, or the others would take its place.
check-kinds: $(BUILD)/moyai-node $(BUILD)/tests/conform $(BUILD)/tests/drive $(BUILD)/tests/frames
	+@$(MAKE) -s --no-print-directory -k -j2 check-kinds-network check-kinds-guests check-kinds-volumes check-kinds-storage check-kinds-paths check-kinds-system check-kinds-repository
