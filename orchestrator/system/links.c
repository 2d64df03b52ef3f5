/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "system/node.h"

enum { MESSAGE_BYTES = 32768, REQUEST_BYTES = 512 };

static const char *const STATES[] = { "unknown", "notpresent", "down", "lowerlayerdown",
				      "testing", "dormant",    "up" };

/* Attributes by type, those with a number above `max` left out. */
struct attributes {
	const struct nlattr **items;
	int max;
};

static int attribute_take(const struct nlattr *attribute, void *data)
{
	const struct attributes *out = data;
	int type = mnl_attr_get_type(attribute);
	if (type <= out->max)
		out->items[type] = attribute;
	return MNL_CB_OK;
}

static struct link *find_index(struct links *links, int index)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].index == index)
			return &links->items[i];
	return NULL;
}

/* The kind, and for a vlan its tag: nested in IFLA_LINKINFO. */
static void read_kind(struct link *link, const struct nlattr *info)
{
	const struct nlattr *at[IFLA_INFO_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_INFO_MAX };
	mnl_attr_parse_nested(info, attribute_take, &out);
	if (at[IFLA_INFO_KIND] != NULL)
		link->kind = xstrdup(mnl_attr_get_str(at[IFLA_INFO_KIND]));
	if (at[IFLA_INFO_DATA] == NULL || !text_equal(link->kind, "vlan"))
		return;
	const struct nlattr *vlan[IFLA_VLAN_MAX + 1] = { NULL };
	struct attributes vlan_out = { vlan, IFLA_VLAN_MAX };
	mnl_attr_parse_nested(at[IFLA_INFO_DATA], attribute_take, &vlan_out);
	if (vlan[IFLA_VLAN_ID] != NULL)
		link->vlan = mnl_attr_get_u16(vlan[IFLA_VLAN_ID]);
}

static int read_link(const struct nlmsghdr *message, void *data)
{
	struct links *links = data;
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[IFLA_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_MAX };
	mnl_attr_parse(message, sizeof(*head), attribute_take, &out);
	if (at[IFLA_IFNAME] == NULL)
		return MNL_CB_OK;
	links->items = xrealloc(links->items, links->count + 1, sizeof(*links->items));
	struct link *link = &links->items[links->count++];
	*link = (struct link){ .index = head->ifi_index, .up = (head->ifi_flags & IFF_UP) != 0 };
	link->name = xstrdup(mnl_attr_get_str(at[IFLA_IFNAME]));
	if (at[IFLA_MTU])
		link->mtu = mnl_attr_get_u32(at[IFLA_MTU]);
	if (at[IFLA_LINK])
		link->parent = (int)mnl_attr_get_u32(at[IFLA_LINK]);
	if (at[IFLA_MASTER])
		link->master = (int)mnl_attr_get_u32(at[IFLA_MASTER]);
	if (at[IFLA_LINKINFO])
		read_kind(link, at[IFLA_LINKINFO]);
	size_t state = at[IFLA_OPERSTATE] ? mnl_attr_get_u8(at[IFLA_OPERSTATE]) : 0;
	link->state = xstrdup(STATES[state < COUNT_OF(STATES) ? state : 0]);
	if (at[IFLA_ADDRESS] && mnl_attr_get_payload_len(at[IFLA_ADDRESS]) == 6) {
		const uint8_t *mac = mnl_attr_get_payload(at[IFLA_ADDRESS]);
		snprintf(link->mac, sizeof(link->mac), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
			 mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[IFA_MAX + 1] = { NULL };
	struct attributes out = { at, IFA_MAX };
	struct link *link = find_index(data, (int)head->ifa_index);
	char text[INET_ADDRSTRLEN];
	mnl_attr_parse(message, sizeof(*head), attribute_take, &out);
	/* IFA_ADDRESS is the peer's on a point-to-point link: IFA_LOCAL is ours. */
	const struct nlattr *local = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
	if (link == NULL || local == NULL || head->ifa_family != AF_INET ||
	    mnl_attr_get_payload_len(local) != 4)
		return MNL_CB_OK;
	if (inet_ntop(AF_INET, mnl_attr_get_payload(local), text, sizeof(text)))
		text_list_take(&link->addresses, xasprintf("%s/%u", text, head->ifa_prefixlen));
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[RTA_MAX + 1] = { NULL };
	struct attributes out = { at, RTA_MAX };
	char text[INET_ADDRSTRLEN];
	if (head->rtm_family != AF_INET || head->rtm_dst_len != 0 ||
	    head->rtm_table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*head), attribute_take, &out);
	if (!at[RTA_OIF] || !at[RTA_GATEWAY] || mnl_attr_get_payload_len(at[RTA_GATEWAY]) != 4)
		return MNL_CB_OK;
	struct link *link = find_index(data, (int)mnl_attr_get_u32(at[RTA_OIF]));
	uint64_t metric = at[RTA_PRIORITY] ? mnl_attr_get_u32(at[RTA_PRIORITY]) : 0;
	if (link == NULL || (link->gateway != NULL && link->gateway_metric <= metric))
		return MNL_CB_OK;
	if (inet_ntop(AF_INET, mnl_attr_get_payload(at[RTA_GATEWAY]), text, sizeof(text))) {
		free(link->gateway);
		link->gateway = xstrdup(text);
		link->gateway_metric = metric;
	}
	return MNL_CB_OK;
}

/* Receive until the dump or the acknowledgement is complete. */
static int receive(struct mnl_socket *socket, unsigned sequence, mnl_cb_t take, void *data)
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

static int dump(struct mnl_socket *socket, uint16_t type, mnl_cb_t take, struct links *links)
{
	static unsigned sequence = 1;
	char buffer[256] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = ++sequence;
	/* Every one of these headers begins with the family; the largest fits all. */
	struct rtgenmsg *family = mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	family->rtgen_family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -1;
	return receive(socket, sequence, take, links);
}

static struct links *read_links(struct err *err)
{
	struct links *links = NULL;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err_set_errno(err, errno, "rtnetlink");
		goto out;
	}
	/* A dump that the kernel marks as inconsistent (something changed meanwhile) ends
	   in EINTR; the next one is a new picture. */
	for (int tries = 0;; tries++) {
		links = xcalloc(1, sizeof(*links));
		if (dump(socket, RTM_GETLINK, read_link, links) == 0 &&
		    dump(socket, RTM_GETADDR, read_address, links) == 0 &&
		    dump(socket, RTM_GETROUTE, read_route, links) == 0)
			break;
		int why = errno;
		links_free(links);
		links = NULL;
		if (why != EINTR || tries == 10) {
			err_set_errno(err, why, "rtnetlink: dump");
			break;
		}
	}
out:
	if (socket != NULL)
		mnl_socket_close(socket);
	for (size_t i = 0; links != NULL && i < links->count; i++)
		text_list_sort(&links->items[i].addresses);
	return links;
}

const struct links *links_get(struct node *node, struct err *err)
{
	if (node->links == NULL)
		node->links = read_links(err);
	return node->links;
}

void links_free(struct links *links)
{
	if (links == NULL)
		return;
	for (size_t i = 0; i < links->count; i++) {
		struct link *link = &links->items[i];
		free(link->name);
		free(link->kind);
		free(link->state);
		free(link->gateway);
		text_list_free(&link->addresses);
	}
	free(links->items);
	free(links);
}

const struct link *links_find(const struct links *links, const char *name)
{
	for (size_t i = 0; i < links->count; i++)
		if (text_equal(links->items[i].name, name))
			return &links->items[i];
	return NULL;
}

const struct link *links_find_index(const struct links *links, int index)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].index == index)
			return &links->items[i];
	return NULL;
}

/* Whether "10.0.20.5/24" has the address, in network byte order, in its subnet. */
static bool subnet_has(const char *cidr, struct in_addr address)
{
	AUTO_FREE char *own = xstrndup(cidr, strcspn(cidr, "/"));
	const char *slash = strchr(cidr, '/');
	unsigned long prefix = slash ? strtoul(slash + 1, NULL, 10) : 32;
	struct in_addr network;
	if (prefix == 0 || prefix > 32 || inet_pton(AF_INET, own, &network) != 1)
		return false;
	return ((ntohl(address.s_addr) ^ ntohl(network.s_addr)) >> (32 - prefix)) == 0;
}

const char *links_toward(const struct links *links, const char *portal)
{
	AUTO_FREE char *text = portal ? xstrndup(portal, strcspn(portal, ":")) : NULL;
	struct in_addr address;
	if (text == NULL || inet_pton(AF_INET, text, &address) != 1)
		return NULL;
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		if (!text_equal(link->kind, "vlan") && !text_equal(link->kind, "bridge"))
			continue;
		for (size_t j = 0; j < link->addresses.count; j++)
			if (subnet_has(link->addresses.items[j], address))
				return link->name;
	}
	return NULL;
}

const char *link_kind_text(const struct link *link)
{
	static const char *const KNOWN[][2] = {
		{ "vlan", "a vlan interface" },
		{ "bridge", "a bridge" },
		{ "dummy", "a dummy interface" },
		{ "veth", "a veth interface" },
		{ "bond", "a bond" },
		{ "tun", "a tun or tap interface" },
	};
	if (link->kind == NULL)
		return "a hardware interface";
	for (size_t i = 0; i < COUNT_OF(KNOWN); i++)
		if (text_equal(link->kind, KNOWN[i][0]))
			return KNOWN[i][1];
	return "a virtual interface";
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
		rc = receive(socket, 1, NULL, NULL);
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

int link_create_bridge(const char *name, const uint8_t mac[6], struct err *err)
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
