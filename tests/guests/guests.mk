# SPDX-License-Identifier: GPL-3.0-or-later
# What runs inside a full frontend and its nodes.
.PHONY: check-guests
$(BUILD)/tests/guests/slice: tests/guests/slice.c $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_MOYAI)) -lpthread
check-guests: $(BUILD)/tests/guests/slice $(BUILD)/moyai
	@tests/guests/test
