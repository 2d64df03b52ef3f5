# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/unit/*_test.c is a program of cmocka tests. It may call everything but what has a main():
# the linker takes from the archives only what a test needs.
unit_tests := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
unit_src   := $(filter-out orchestrator/programs/moyai%,$(moyai_src) $(node_src))

$(BUILD)/tests/libtest.a: $(call object,$(unit_src))
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/tests/%_test: tests/unit/%_test.c $(BUILD)/tests/libtest.a $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		-Wl,--start-group $(BUILD)/tests/libtest.a $(BUILD)/libshared.a -Wl,--end-group \
		$(shell pkg-config --libs $(sort $(LIBS_MOYAI) $(LIBS_NODE)) libparted) -lcmocka -lpthread
# What stands for libvirt where the real one would need a QEMU that hangs.
$(BUILD)/tests/hanging/libvirt.so.0: tests/unit/hanging_libvirt.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -fPIC -Wl,-soname,libvirt.so.0 -o $@ $<
$(BUILD)/tests/virt_test: | $(BUILD)/tests/hanging/libvirt.so.0
-include $(wildcard $(BUILD)/tests/*.d)

.PHONY: check-unit
check-unit: $(unit_tests)
	@tests/unit/run $(unit_tests)
