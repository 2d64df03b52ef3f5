/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "power/power.h"

#include <string.h>
#include <time.h>

#include "power/password.h"

enum { POLL_MS = 500 };

const struct power_driver *power_driver(const struct site_node *node)
{
	static const struct power_driver *const DRIVERS[] = { &POWER_IPMI, &POWER_REDFISH };
	for (size_t i = 0; i < COUNT_OF(DRIVERS); i++)
		if (text_equal(node->bmc.type, DRIVERS[i]->type))
			return DRIVERS[i];
	return NULL;
}

unsigned power_port(const struct site_bmc *bmc)
{
	if (bmc->port != FIELD_UNSET)
		return (unsigned)bmc->port;
	return strcmp(bmc->type, "ipmi") == 0 ? POWER_PORT_IPMI : POWER_PORT_REDFISH;
}

/* A BMC accepts an order and carries it out afterwards. */
static int wait_for(const struct bmc *bmc, const struct power_driver *driver,
		    enum power_state wanted, unsigned wait_ms, struct err *err)
{
	for (unsigned waited_ms = 0;; waited_ms += POLL_MS) {
		enum power_state state;
		if (driver->state(bmc, &state, err) != 0)
			return -1;
		if (state == wanted)
			return 0;
		if (waited_ms >= wait_ms)
			return err_set(err, "the BMC accepted, and %u s later it is still %s",
				       wait_ms / 1000, wanted == POWER_ON ? "off" : "on");
		nanosleep(&(struct timespec){ 0, POLL_MS * 1000000L }, NULL);
	}
}

int power_carry_out(const struct bmc *bmc, const struct power_order *order, bool *changed,
		    struct err *err)
{
	const struct power_driver *driver = power_driver(bmc->node);
	enum power_action action = order->action;
	enum power_state state;
	if (driver->state(bmc, &state, err) != 0)
		return -1;
	if (action == POWER_CYCLE && state == POWER_OFF)
		action = POWER_SWITCH_ON;
	enum power_state wanted = action == POWER_SWITCH_OFF ? POWER_OFF : POWER_ON;
	if (action != POWER_CYCLE && state == wanted) {
		*changed = false;
		return 0;
	}
	if (wanted == POWER_ON && bmc->node->bmc.network_boot &&
	    driver->network_boot(bmc, err) != 0)
		return -1;
	if (wanted == POWER_ON && order->before_boot &&
	    order->before_boot(order->context, bmc->node, err) != 0)
		return -1;
	if (driver->act(bmc, action, err) != 0 ||
	    wait_for(bmc, driver, wanted, order->wait_ms, err) != 0)
		return -1;
	*changed = true;
	return 0;
}

int power_switch_on(const char *state_dir, const struct site_node *node, bool *changed,
		    struct err *err)
{
	const struct power_order order = { .action = POWER_SWITCH_ON, .wait_ms = POWER_WAIT_MS };
	AUTO_FREE char *path = password_file(state_dir, node->name);
	AUTO_STR struct str password = STR_INIT;
	if (password_read(state_dir, node->name, &password, err) != 0)
		return -1;
	const struct bmc bmc = { node, path, str_text(&password), 0 };
	int rc = power_carry_out(&bmc, &order, changed, err);
	if (password.data)
		explicit_bzero(password.data, password.length);
	return rc;
}

bool power_is_off(const char *state_dir, const struct site_node *node)
{
	enum { LOOK_MS = 10000 };
	enum power_state state = POWER_ON;
	AUTO_FREE char *path = password_file(state_dir, node->name);
	AUTO_STR struct str password = STR_INIT;
	if (node->bmc.type == NULL || password_read(state_dir, node->name, &password, NULL) != 0)
		return false;
	const struct bmc bmc = { node, path, str_text(&password), LOOK_MS };
	int rc = power_driver(node)->state(&bmc, &state, NULL);
	if (password.data)
		explicit_bzero(password.data, password.length);
	return rc == 0 && state == POWER_OFF;
}
