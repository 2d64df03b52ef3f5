/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POWER_POWER_H
#define POWER_POWER_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "model/site.h"
/*
 * Switching a node on and off through its BMC, by stock tools: ipmitool for
 * IPMI 2.0 over LAN, curl for Redfish. A password reaches them by a file of
 * mode 0600 or by stdin, never as an argument.
 */
struct bmc {
	const struct site_node *node; /* with a bmc; borrowed */
	const char *password_file;    /* see power/password.h */
	const char *password;
	unsigned timeout_ms; /* of one conversation; 0: 30 s */
};

enum power_state { POWER_OFF, POWER_ON };
enum power_action { POWER_SWITCH_ON, POWER_SWITCH_OFF, POWER_CYCLE };

/* One way to speak to a BMC. Errors do not name the node. */
struct power_driver {
	const char *type; /* as in `bmc = { type = …` */
	int (*state)(const struct bmc *bmc, enum power_state *state, struct err *err);
	/* Off is at once: the node's system is not asked. */
	int (*act)(const struct bmc *bmc, enum power_action action, struct err *err);
	/* The next boot, and only that, is from the network. */
	int (*network_boot)(const struct bmc *bmc, struct err *err);
	/* Words to execute for the node's serial console; NULL: it has none that a stock tool
	   speaks. The caller frees the list. */
	void (*console)(const struct bmc *bmc, struct text_list *argv);
};
extern const struct power_driver POWER_IPMI;
extern const struct power_driver POWER_REDFISH;
const struct power_driver *power_driver(const struct site_node *node);

enum {
	POWER_TIMEOUT_MS = 30000,
	POWER_WAIT_MS = 20000, /* "on" comes within a second or so; some take longer to let go */
	POWER_PORT_IPMI = 623,
	POWER_PORT_REDFISH = 443
};
unsigned power_port(const struct site_bmc *bmc);

/*
 * Make it so, and wait until the BMC says so, `wait_ms` at most. What is so
 * already is left alone; a node that is off is not cycled but switched on.
 * before_boot is called just before the node begins to boot; may be NULL.
 * *changed: whether anything was switched.
 */
struct power_order {
	enum power_action action;
	unsigned wait_ms;
	int (*before_boot)(void *context, const struct site_node *node, struct err *err);
	void *context;
};
int power_carry_out(const struct bmc *bmc, const struct power_order *order, bool *changed,
		    struct err *err);
/* Switch on a node with a bmc, if it is off, with the password that is kept in state_dir. */
int power_switch_on(const char *state_dir, const struct site_node *node, bool *changed,
		    struct err *err);
/* Whether its BMC says that it is off; false when it has none, or nobody knows. */
bool power_is_off(const char *state_dir, const struct site_node *node);
#endif
