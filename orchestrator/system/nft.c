/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "system/node.h"

#define TABLE "moyai"
#define CHAIN "postrouting"
#define MARK "moyai:"
enum { PRIORITY_SRCNAT = 100, REPLY_BYTES = 8192 };

/* A value that is {"prefix": {"addr": A, "len": N}}, or A alone for a /32. */
static char *prefix_text(const json_t *value)
{
	const json_t *prefix = json_object_get(value, "prefix");
	const char *address = json_string_value(json_object_get(prefix, "addr"));
	if (json_is_string(value))
		return xasprintf("%s/32", json_string_value(value));
	if (address == NULL)
		return NULL;
	return xasprintf("%s/%" JSON_INTEGER_FORMAT, address,
			 json_integer_value(json_object_get(prefix, "len")));
}

/* Exactly three expressions: source address, outgoing interface, masquerade. */
static void parse_expressions(const json_t *expressions, struct nft_rule *rule)
{
	size_t i;
	const json_t *item;
	bool masquerades = false;
	bool else_too = json_array_size(expressions) != 3;
	json_array_foreach(expressions, i, item)
	{
		const json_t *match = json_object_get(item, "match");
		const json_t *left = json_object_get(match, "left");
		const json_t *right = json_object_get(match, "right");
		const char *field = json_string_value(
			json_object_get(json_object_get(left, "payload"), "field"));
		const char *key =
			json_string_value(json_object_get(json_object_get(left, "meta"), "key"));
		bool equal = text_equal(json_string_value(json_object_get(match, "op")), "==");
		if (json_object_get(item, "masquerade"))
			masquerades = true;
		else if (equal && text_equal(field, "saddr") && rule->from == NULL)
			rule->from = prefix_text(right);
		else if (equal && text_equal(key, "oifname") && rule->out == NULL &&
			 json_is_string(right))
			rule->out = xstrdup(json_string_value(right));
		else
			else_too = true;
	}
	if (masquerades && !else_too)
		return;
	/* Somebody changed it: no field of it counts as being as wanted. */
	free(rule->from);
	free(rule->out);
	rule->from = NULL;
	rule->out = NULL;
}

static void parse_rule(const json_t *json, struct nft_rules *rules)
{
	const char *comment = json_string_value(json_object_get(json, "comment"));
	if (comment == NULL || !text_starts(comment, MARK)) {
		rules->foreign++;
		return;
	}
	rules->items = xrealloc(rules->items, rules->count + 1, sizeof(*rules->items));
	struct nft_rule *rule = &rules->items[rules->count++];
	*rule = (struct nft_rule){ .name = xstrdup(comment + strlen(MARK)) };
	rule->handle = (uint64_t)json_integer_value(json_object_get(json, "handle"));
	if (text_equal(json_string_value(json_object_get(json, "chain")), CHAIN))
		parse_expressions(json_object_get(json, "expr"), rule);
}

static bool is_our_chain(const json_t *chain)
{
	return text_equal(json_string_value(json_object_get(chain, "name")), CHAIN) &&
	       text_equal(json_string_value(json_object_get(chain, "type")), "nat") &&
	       text_equal(json_string_value(json_object_get(chain, "hook")), "postrouting") &&
	       json_integer_value(json_object_get(chain, "prio")) == PRIORITY_SRCNAT;
}

int nft_rules_parse(const json_t *json, struct nft_rules *rules, struct err *err)
{
	const json_t *items = json_object_get(json, "nftables");
	size_t i;
	const json_t *item;
	if (!json_is_array(items))
		return err_set(err, "nft: its JSON has no list \"nftables\"");
	*rules = (struct nft_rules){ 0 };
	json_array_foreach(items, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");
		if (is_our_chain(json_object_get(item, "chain")))
			rules->whole = true;
		if (rule != NULL)
			parse_rule(rule, rules);
	}
	return 0;
}

void nft_rules_free(struct nft_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->count; i++) {
		free(rules->items[i].name);
		free(rules->items[i].from);
		free(rules->items[i].out);
	}
	free(rules->items);
	*rules = (struct nft_rules){ 0 };
}

static void add(json_t *list, const char *what, const char *verb, json_t *body)
{
	json_array_append_new(list, json_pack("{s:{s:o}}", verb, what, body));
}

static json_t *table(void)
{
	return json_pack("{s:s, s:s}", "family", "ip", "name", TABLE);
}

/* Delete the rules of the name by handle; returns how many others there are. */
static size_t add_deletions(json_t *list, const struct nft_rules *have, const char *name)
{
	size_t others = have->foreign;
	for (size_t i = 0; i < have->count; i++) {
		const struct nft_rule *rule = &have->items[i];
		if (!text_equal(rule->name, name))
			others++;
		else
			add(list, "rule", "delete",
			    json_pack("{s:s, s:s, s:s, s:I}", "family", "ip", "table", TABLE,
				      "chain", CHAIN, "handle", (json_int_t)rule->handle));
	}
	return others;
}

json_t *nft_replace(const struct nft_rules *have, const char *name, const char *from,
		    const char *out, struct err *err)
{
	const char *slash = strchr(from, '/');
	if (slash == NULL) {
		err_set(err, "\"%s\" has no prefix length", from);
		return NULL;
	}
	AUTO_FREE char *address = xstrndup(from, (size_t)(slash - from));
	AUTO_FREE char *comment = xasprintf(MARK "%s", name);
	json_t *list = json_array();
	add(list, "table", "add", table());
	add(list, "chain", "add",
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "family", "ip", "table", TABLE, "name",
		      CHAIN, "type", "nat", "hook", "postrouting", "prio", PRIORITY_SRCNAT,
		      "policy", "accept"));
	add_deletions(list, have, name);
	json_t *source = json_pack("{s:{s:s, s:{s:{s:s, s:s}}, s:{s:{s:s, s:i}}}}", "match", "op",
				   "==", "left", "payload", "protocol", "ip", "field", "saddr",
				   "right", "prefix", "addr", address, "len", atoi(slash + 1));
	json_t *leaves = json_pack("{s:{s:s, s:{s:{s:s}}, s:s}}", "match", "op", "==", "left",
				   "meta", "key", "oifname", "right", out);
	json_t *rule =
		json_pack("{s:s, s:s, s:s, s:s, s:[o, o, {s:n}]}", "family", "ip", "table", TABLE,
			  "chain", CHAIN, "comment", comment, "expr", source, leaves, "masquerade");
	if (rule == NULL) { /* jansson packs no text that is not UTF-8 */
		json_decref(list);
		err_set(err, "not text that JSON can hold");
		return NULL;
	}
	add(list, "rule", "add", rule);
	return json_pack("{s:o}", "nftables", list);
}

json_t *nft_take_away(const struct nft_rules *have, const char *name)
{
	json_t *list = json_array();
	if (add_deletions(list, have, name) == 0) {
		json_array_clear(list);
		add(list, "table", "delete", table());
	}
	return json_pack("{s:o}", "nftables", list);
}

/* Ask the kernel for the table: a thousandth of what starting nft costs. */
static int table_is_there(int family, bool *there, struct err *err)
{
	char buffer[REPLY_BYTES] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = (uint8_t)family;
	head->version = NFNETLINK_V0;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, TABLE);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int rc = MNL_CB_ERROR;
	if (socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (got >= 0)
			rc = mnl_cb_run(buffer, (size_t)got, 1, mnl_socket_get_portid(socket), NULL,
					NULL);
	}
	int why = errno;
	if (socket != NULL)
		mnl_socket_close(socket);
	/* EINVAL, EOPNOTSUPP, EPROTONOSUPPORT: a kernel without nftables has no tables. */
	if (rc < 0 && why != ENOENT && why != EINVAL && why != EOPNOTSUPP && why != EPROTONOSUPPORT)
		return err_set_errno(err, why, "nftables");
	*there = rc >= 0;
	return 0;
}

json_t *nft_table_read(const char *family, int number, struct err *err)
{
	bool there = false;
	if (table_is_there(number, &there, err) != 0)
		return NULL;
	if (!there)
		return json_pack("{s:[]}", "nftables");
	AUTO_STR struct str out = STR_INIT;
	const struct run list = {
		.argv = RUN_ARGV("nft", "--json", "--handle", "list", "table", family, TABLE),
		.reads_only = 1,
	};
	if (run_ok(&list, &out, err) != 0)
		return NULL;
	json_error_t why;
	json_t *json = json_loadb(str_text(&out), out.length, 0, &why);
	if (json == NULL)
		err_set(err, "nft: its JSON cannot be read: %s", why.text);
	return json;
}

int nft_rules_get(struct node *node, struct nft_rules *rules, struct err *err)
{
	if (node->nft == NULL)
		node->nft = nft_table_read("ip", NFPROTO_IPV4, err);
	return node->nft ? nft_rules_parse(node->nft, rules, err) : -1;
}

int nft_run(json_t *json, struct err *err)
{
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text == NULL)
		return err_set(err, "nft: its input cannot be written as JSON");
	const struct run run = {
		.argv = RUN_ARGV("nft", "--json", "--file", "-"),
		.input = text,
		.input_length = strlen(text),
	};
	int rc = run_ok(&run, NULL, err);
	free(text);
	return rc;
}
