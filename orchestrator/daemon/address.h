/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_ADDRESS_H
#define DAEMON_ADDRESS_H
#include <net/if.h>
#include <netinet/in.h>

#include "base/err.h"
#include "model/site.h"
/*
 * The address that this machine has on the boot network, and the interface that
 * has it: boot.server where it is ours, else the first one in the network. So the
 * same site is served by the operator's machine and by the cluster manager.
 */
int boot_address_find(const struct site *site, char address[INET_ADDRSTRLEN],
		      char interface[IF_NAMESIZE], struct err *err);
#endif
