/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_RTNETLINK_H
#define SYSTEM_RTNETLINK_H
#include <libmnl/libmnl.h>
/* <linux/if_bonding.h> is not meant for user space everywhere. */
enum { LINK_BOND_ACTIVE_BACKUP = 1, LINK_BOND_8023AD = 4 };

/* What reading and changing links share. Receive until the dump or the
   acknowledgement is complete; -1 with errno. */
int rtnetlink_receive(struct mnl_socket *socket, unsigned sequence, mnl_cb_t take, void *data);
#endif
