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

#include "system/node.h"
#include "system/rtnetlink.h"

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

static void mac_text(const struct nlattr *attribute, char text[18])
{
	if (attribute == NULL || mnl_attr_get_payload_len(attribute) != 6)
		return;
	const uint8_t *mac = mnl_attr_get_payload(attribute);
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

static void read_bridge(struct link *link, const struct nlattr *data)
{
	const struct nlattr *at[IFLA_BR_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_BR_MAX };
	mnl_attr_parse_nested(data, attribute_take, &out);
	link->filters =
		at[IFLA_BR_VLAN_FILTERING] && mnl_attr_get_u8(at[IFLA_BR_VLAN_FILTERING]) != 0;
}

static void read_bond(struct link *link, const struct nlattr *data)
{
	const struct nlattr *at[IFLA_BOND_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_BOND_MAX };
	mnl_attr_parse_nested(data, attribute_take, &out);
	unsigned mode = at[IFLA_BOND_MODE] ? mnl_attr_get_u8(at[IFLA_BOND_MODE]) : 0;
	link->bond_mode = mode == LINK_BOND_ACTIVE_BACKUP ? xstrdup("active-backup")
			  : mode == LINK_BOND_8023AD	  ? xstrdup("802.3ad")
							  : xasprintf("%u", mode);
	if (at[IFLA_BOND_MIIMON])
		link->bond_miimon_ms = mnl_attr_get_u32(at[IFLA_BOND_MIIMON]);
	if (at[IFLA_BOND_AD_LACP_RATE])
		link->bond_fast = mnl_attr_get_u8(at[IFLA_BOND_AD_LACP_RATE]) != 0;
}

static void read_bond_port(struct link *link, const struct nlattr *data)
{
	const struct nlattr *at[IFLA_BOND_SLAVE_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_BOND_SLAVE_MAX };
	mnl_attr_parse_nested(data, attribute_take, &out);
	mac_text(at[IFLA_BOND_SLAVE_PERM_HWADDR], link->own_mac);
	link->bond_up = at[IFLA_BOND_SLAVE_MII_STATUS] &&
			mnl_attr_get_u8(at[IFLA_BOND_SLAVE_MII_STATUS]) == 0;
}

/* The kind, and for a vlan its tag: nested in IFLA_LINKINFO. */
static void read_kind(struct link *link, const struct nlattr *info)
{
	const struct nlattr *at[IFLA_INFO_MAX + 1] = { NULL };
	struct attributes out = { at, IFLA_INFO_MAX };
	mnl_attr_parse_nested(info, attribute_take, &out);
	if (at[IFLA_INFO_KIND] != NULL)
		link->kind = xstrdup(mnl_attr_get_str(at[IFLA_INFO_KIND]));
	if (at[IFLA_INFO_SLAVE_DATA] && at[IFLA_INFO_SLAVE_KIND] &&
	    text_equal(mnl_attr_get_str(at[IFLA_INFO_SLAVE_KIND]), "bond"))
		read_bond_port(link, at[IFLA_INFO_SLAVE_DATA]);
	if (at[IFLA_INFO_DATA] && text_equal(link->kind, "bond"))
		read_bond(link, at[IFLA_INFO_DATA]);
	if (at[IFLA_INFO_DATA] && text_equal(link->kind, "bridge"))
		read_bridge(link, at[IFLA_INFO_DATA]);
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
	mac_text(at[IFLA_ADDRESS], link->mac);
	if (link->own_mac[0] == '\0')
		memcpy(link->own_mac, link->mac, sizeof(link->mac));
	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[IFA_MAX + 1] = { NULL };
	struct attributes out = { at, IFA_MAX };
	struct link *link = find_index(data, (int)head->ifa_index);
	char text[INET6_ADDRSTRLEN];
	size_t size = head->ifa_family == AF_INET ? 4 : 16;
	mnl_attr_parse(message, sizeof(*head), attribute_take, &out);
	/* IFA_ADDRESS is the peer's on a point-to-point link: IFA_LOCAL is ours. */
	const struct nlattr *local = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
	if (link == NULL || local == NULL || mnl_attr_get_payload_len(local) != size ||
	    (head->ifa_family != AF_INET && head->ifa_family != AF_INET6) ||
	    (head->ifa_family == AF_INET6 && head->ifa_scope == RT_SCOPE_LINK))
		return MNL_CB_OK;
	if (inet_ntop(head->ifa_family, mnl_attr_get_payload(local), text, sizeof(text)))
		text_list_take(&link->addresses, xasprintf("%s/%u", text, head->ifa_prefixlen));
	return MNL_CB_OK;
}

/* The best default route of each link and family. */
static int read_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[RTA_MAX + 1] = { NULL };
	struct attributes out = { at, RTA_MAX };
	char text[INET6_ADDRSTRLEN];
	bool v6 = head->rtm_family == AF_INET6;
	if ((!v6 && head->rtm_family != AF_INET) || head->rtm_dst_len != 0 ||
	    head->rtm_table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*head), attribute_take, &out);
	if (!at[RTA_OIF] || !at[RTA_GATEWAY] ||
	    mnl_attr_get_payload_len(at[RTA_GATEWAY]) != (v6 ? 16 : 4))
		return MNL_CB_OK;
	struct link *link = find_index(data, (int)mnl_attr_get_u32(at[RTA_OIF]));
	uint64_t metric = at[RTA_PRIORITY] ? mnl_attr_get_u32(at[RTA_PRIORITY]) : 0;
	if (link == NULL)
		return MNL_CB_OK;
	char **gateway = v6 ? &link->gateway6 : &link->gateway;
	uint64_t *best = v6 ? &link->gateway6_metric : &link->gateway_metric;
	if ((*gateway == NULL || *best > metric) &&
	    inet_ntop(head->rtm_family, mnl_attr_get_payload(at[RTA_GATEWAY]), text,
		      sizeof(text))) {
		free(*gateway);
		*gateway = xstrdup(text);
		*best = metric;
	}
	return MNL_CB_OK;
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
	family->rtgen_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -1;
	return rtnetlink_receive(socket, sequence, take, links);
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
		free(link->bond_mode);
		free(link->gateway);
		free(link->gateway6);
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

static const char *link_toward(const struct links *links, const char *portal)
{
	AUTO_FREE char *text = xstrndup(portal, strcspn(portal, ":"));
	struct in_addr address;
	if (inet_pton(AF_INET, text, &address) != 1)
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

void links_toward(const struct links *links, const char *portals, struct text_list *names)
{
	for (const char *at = portals ? portals : ""; *at; at += strspn(at, " ")) {
		AUTO_FREE char *portal = xstrndup(at, strcspn(at, " "));
		const char *name = link_toward(links, portal);
		if (name != NULL && !text_list_has(names, name))
			text_list_add(names, name);
		at += strlen(portal);
	}
}

void links_describe_ports(const struct links *links, struct str *out)
{
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		if (link->kind == NULL && !text_equal(link->name, "lo"))
			str_addf(out, "%s%s (%s)", out->length ? ", " : "", link->name,
				 link->own_mac);
	}
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
