# SPDX-License-Identifier: GPL-3.0-or-later
# BMCs: ipmitool against OpenIPMI's ipmi_sim, and curl against a small Redfish service; and who is adopted.
$(BUILD)/tests/redfish_server: tests/power/redfish_server.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(shell pkg-config --libs libmicrohttpd jansson)

# Side by side: they wait for boards most of the time.
.PHONY: check-power
check-power: $(BUILD)/moyai $(BUILD)/moyaid $(BUILD)/tests/redfish_server
	@export MOYAI=$(abspath $(BUILD))/moyai REDFISH=$(abspath $(BUILD))/tests/redfish_server; \
	code=0; tests/power/hosts-test & hosts=$$!; tests/power/discover-test & discover=$$!; \
	tests/power/power-test || code=1; wait $$hosts || code=1; wait $$discover || code=1; exit $$code
