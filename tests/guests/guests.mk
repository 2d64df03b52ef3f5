# SPDX-License-Identifier: GPL-3.0-or-later
# What runs inside a full frontend and its nodes.
.PHONY: check-guests
$(BUILD)/tests/guests/slice: tests/guests/slice.c $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_MOYAI)) -lpthread
check-guests: $(BUILD)/tests/guests/slice images-guests
	@tests/guests/test
# Beside those of the demo, and looked at by check-images as they are.
.PHONY: images-guests
images-guests: all
	@$(BUILD)/moyai -C tests/guests/site image build $$($(BUILD)/moyai -C tests/guests/site cluster show lab | sed -n 's/^  images *//p' | tr -d ,) >$(BUILD)/images-guests.log 2>&1 || \
		{ tail -n 20 $(BUILD)/images-guests.log; exit 1; }
