/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The changes of system/links.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "system/links.h"
#include "system/rtnetlink.h"

enum { MESSAGE_BYTES = 32768, REQUEST_BYTES = 512 };

int rtnetlink_receive(struct mnl_socket *socket, unsigned sequence, mnl_cb_t take, void *data)
{
	char *buffer = xcalloc(1, MESSAGE_BYTES);
	int more = MNL_CB_OK;
	while (more > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, MESSAGE_BYTES);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			more = -1;
			break;
		}
		more = mnl_cb_run(buffer, (size_t)got, sequence, mnl_socket_get_portid(socket),
				  take, data);
	}
	int why = errno;
	free(buffer);
	errno = why;
	return more < 0 ? -1 : 0;
}

/* One request and its acknowledgement. */
static int request(struct nlmsghdr *message, const char *what, struct err *err)
{
	int rc = -1;
	int why;
	point_pass("rtnetlink");
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	if (socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0)
		rc = rtnetlink_receive(socket, 1, NULL, NULL);
	why = errno;
	if (socket != NULL)
		mnl_socket_close(socket);
	point_pass("rtnetlink");
	if (rc != 0)
		err_set_errno(err, why, "%s", what);
	errno = why;
	return rc;
}

static struct nlmsghdr *request_begin(char *buffer, uint16_t type, uint16_t flags,
				      struct ifinfomsg **head)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	*head = mnl_nlmsg_put_extra_header(message, sizeof(**head));
	return message;
}

int link_delete(const char *name, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	AUTO_FREE char *what = xasprintf("delete interface %s", name);
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_DELLINK, 0, &head);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return request(message, what, err) == 0 || errno == ENODEV ? 0 : -1;
}

int link_create_vlan(const char *name, const struct link *parent, uint64_t id, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	AUTO_FREE char *what =
		xasprintf("make interface %s (tag %u on %s)", name, (unsigned)id, parent->name);
	struct ifinfomsg *head;
	struct nlmsghdr *message =
		request_begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_LINK, (uint32_t)parent->index);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "vlan");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u16(message, IFLA_VLAN_ID, (uint16_t)id);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return request(message, what, err);
}

int link_create_bridge(const char *name, const uint8_t mac[6], bool filters, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	AUTO_FREE char *what = xasprintf("make bridge %s", name);
	struct ifinfomsg *head;
	struct nlmsghdr *message =
		request_begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put(message, IFLA_ADDRESS, 6, mac);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u32(message, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u32(message, IFLA_BR_FORWARD_DELAY, 0);
	if (filters) /* a kernel without VLANs knows no such attribute */
		mnl_attr_put_u8(message, IFLA_BR_VLAN_FILTERING, 1);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return request(message, what, err);
}

int link_set_master(int port, int master, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = port;
	mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)master);
	return request(message, "make it a port of the bridge", err);
}

int link_set_up(int index, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = index;
	head->ifi_flags = IFF_UP;
	head->ifi_change = IFF_UP;
	return request(message, "take the interface up", err);
}

int link_set_down(int index, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = index;
	head->ifi_change = IFF_UP;
	return request(message, "take the interface down", err);
}

int link_set_mtu(int index, uint64_t mtu, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = index;
	mnl_attr_put_u32(message, IFLA_MTU, (uint32_t)mtu);
	return request(message, "set its mtu", err);
}

static int bond(struct nlmsghdr *message, const char *mode, uint64_t miimon_ms, bool fast,
		const char *what, struct err *err)
{
	bool lacp = text_equal(mode, "802.3ad");
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bond");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u8(message, IFLA_BOND_MODE, lacp ? LINK_BOND_8023AD : LINK_BOND_ACTIVE_BACKUP);
	mnl_attr_put_u32(message, IFLA_BOND_MIIMON, (uint32_t)miimon_ms);
	if (lacp)
		mnl_attr_put_u8(message, IFLA_BOND_AD_LACP_RATE, fast);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return request(message, what, err);
}

int link_create_bond(const char *name, const char *mode, uint64_t miimon_ms, bool fast,
		     struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	AUTO_FREE char *what = xasprintf("make bond %s", name);
	struct ifinfomsg *head;
	struct nlmsghdr *message =
		request_begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return bond(message, mode, miimon_ms, fast, what, err);
}

int link_change_bond(int index, const char *mode, uint64_t miimon_ms, bool fast, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = index;
	return bond(message, mode, miimon_ms, fast, "change the bond", err);
}

int link_set_filtering(int bridge, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct ifinfomsg *head;
	struct nlmsghdr *message = request_begin(buffer, RTM_NEWLINK, 0, &head);
	head->ifi_index = bridge;
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u8(message, IFLA_BR_VLAN_FILTERING, 1);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return request(message, "have the bridge filter by VLAN", err);
}
