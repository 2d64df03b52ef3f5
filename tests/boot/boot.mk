# SPDX-License-Identifier: GPL-3.0-or-later
# The boot server's tests: text by text, and as machines in network namespaces see it.
boot_tests := tokens pins ipxe dnsmasq
boot_test_programs := $(patsubst %,$(BUILD)/tests/boot/%_test,$(boot_tests))

.PHONY: check-boot
$(BUILD)/tests/boot/%_test: tests/boot/%_test.c $(filter $(BUILD)/obj/daemon/%,$(call object,$(moyai_src))) $(BUILD)/obj/remote/identity.o $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs cmocka $(LIBS_MOYAI)) -lpthread

check-boot: $(boot_test_programs) $(BUILD)/moyai
	@code=0; tests/boot/unit-tests $(boot_test_programs) || code=1; \
	MOYAI=$(BUILD)/moyai tests/boot/boot-test || code=1; exit $$code

# Two machines from their firmware's own PXE to our kernel, in some 10 s each.
.PHONY: check-chainload
check-chainload: $(BUILD)/moyai
	@MOYAI=$(BUILD)/moyai tests/boot/chainload-test
