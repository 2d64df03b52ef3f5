/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "base/str.h"
#include "system/rtnetlink.h"

/* Not in the kernel's list of protocols, nor in iproute2's. */
enum { PROTOCOL = 77, REQUEST_BYTES = 256, TRIES = 10 };

static int attribute_take(const struct nlattr *attribute, void *data)
{
	const struct nlattr **at = data;
	int type = mnl_attr_get_type(attribute);
	if (type <= RTA_MAX)
		at[type] = attribute;
	return MNL_CB_OK;
}

static char *address_text(int family, const struct nlattr *attribute)
{
	static const uint8_t any[16];
	char text[INET6_ADDRSTRLEN];
	size_t size = family == AF_INET ? 4 : 16;
	if (attribute && mnl_attr_get_payload_len(attribute) != size)
		return NULL;
	const void *bytes = attribute ? mnl_attr_get_payload(attribute) : any;
	return xstrdup(inet_ntop(family, bytes, text, sizeof(text)));
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	struct routes *routes = data;
	const struct rtmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *at[RTA_MAX + 1] = { NULL };
	if (head->rtm_protocol != PROTOCOL || head->rtm_table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*head), attribute_take, at);
	AUTO_FREE char *to = address_text(head->rtm_family, at[RTA_DST]);
	if (to == NULL)
		return MNL_CB_OK;
	routes->items = xrealloc(routes->items, routes->count + 1, sizeof(*routes->items));
	routes->items[routes->count++] = (struct route){
		.to = xasprintf("%s/%u", to, head->rtm_dst_len),
		.via = at[RTA_GATEWAY] ? address_text(head->rtm_family, at[RTA_GATEWAY]) : NULL,
		.link = at[RTA_OIF] ? (int)mnl_attr_get_u32(at[RTA_OIF]) : 0,
		.metric = at[RTA_PRIORITY] ? mnl_attr_get_u32(at[RTA_PRIORITY]) : 0,
	};
	return MNL_CB_OK;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, unsigned flags, struct rtmsg **head)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = 1;
	*head = mnl_nlmsg_put_extra_header(message, sizeof(**head));
	return message;
}

static int talk(struct nlmsghdr *message, mnl_cb_t take, void *data)
{
	int rc = -1;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0)
		rc = rtnetlink_receive(socket, 1, take, data);
	int why = errno;
	if (socket != NULL)
		mnl_socket_close(socket);
	errno = why;
	return rc;
}

int routes_get(struct routes *routes, struct err *err)
{
	/* EINTR: the table changed meanwhile. */
	for (int tries = 0; tries < TRIES; tries++) {
		char buffer[REQUEST_BYTES] = { 0 };
		struct rtmsg *head;
		struct nlmsghdr *message = begin(buffer, RTM_GETROUTE, NLM_F_DUMP, &head);
		*routes = (struct routes){ 0 };
		if (talk(message, read_route, routes) == 0)
			return 0;
		int why = errno;
		routes_free(routes);
		errno = why;
		if (why != EINTR)
			break;
	}
	return err_set_errno(err, errno, "rtnetlink: routes");
}

void routes_free(struct routes *routes)
{
	if (routes == NULL)
		return;
	for (size_t i = 0; i < routes->count; i++) {
		free(routes->items[i].to);
		free(routes->items[i].via);
	}
	free(routes->items);
	*routes = (struct routes){ 0 };
}

static int put_address(struct nlmsghdr *message, uint16_t type, const char *text, int *family)
{
	uint8_t bytes[16];
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(*family, text, bytes) != 1)
		return -1;
	mnl_attr_put(message, type, *family == AF_INET ? 4 : 16, bytes);
	return 0;
}

static int change(const struct route *route, uint16_t type, unsigned flags, struct err *err)
{
	char buffer[REQUEST_BYTES] = { 0 };
	struct rtmsg *head;
	struct nlmsghdr *message = begin(buffer, type, NLM_F_ACK | flags, &head);
	const char *slash = strchr(route->to, '/');
	int family;
	int via_family;
	if (slash == NULL)
		return err_set(err, "\"%s\" has no prefix length", route->to);
	AUTO_FREE char *to = xstrndup(route->to, (size_t)(slash - route->to));
	if (put_address(message, RTA_DST, to, &family) != 0)
		return err_set(err, "\"%s\" is not an IP network", route->to);
	if (route->via && (put_address(message, RTA_GATEWAY, route->via, &via_family) != 0 ||
			   via_family != family))
		return err_set(err, "\"%s\" is not an address of the family of %s", route->via,
			       route->to);
	head->rtm_family = (unsigned char)family;
	head->rtm_dst_len = (unsigned char)atoi(slash + 1);
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_protocol = PROTOCOL;
	head->rtm_scope = route->via || family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	head->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(message, RTA_OIF, (uint32_t)route->link);
	mnl_attr_put_u32(message, RTA_PRIORITY, (uint32_t)route->metric);
	point_pass("rtnetlink");
	int rc = talk(message, NULL, NULL);
	int why = errno;
	point_pass("rtnetlink");
	errno = why;
	return rc == 0 ? 0 : err_set_errno(err, why, "route to %s", route->to);
}

int route_add(const struct route *route, struct err *err)
{
	return change(route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, err);
}

int route_remove(const struct route *route, struct err *err)
{
	return change(route, RTM_DELROUTE, 0, err) == 0 || errno == ESRCH ? 0 : -1;
}
