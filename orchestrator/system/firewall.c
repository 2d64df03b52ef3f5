/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/firewall.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "system/nft.h"

#define TABLE "moyai"
#define MARK "moyai:"
#define CHANGED "changed "
/* An empty chain: its name says which firewall it is, whatever becomes of the rules. */
#define NAME_CHAIN "name-"

/* A rule of nftables that a text stands for; most stand for one. */
struct made {
	const char *chain;
	json_t *expressions;
};
enum { MADE_MAX = 2 };

/*
 * The chains that packets pass. What is accepted in one goes on to the next, and what one drops is
 * dropped: so nothing that "forward" allows opens what a "guard" closes.
 */
static const struct {
	const char *name, *type, *hook;
	int priority;
	const char *policy;
} CHAINS[] = {
	{ "guard", "filter", "forward", -1, "accept" },
	{ "forward", "filter", "forward", 0, "drop" },
	{ "input", "filter", "input", 0, "accept" },
	{ "prerouting", "nat", "prerouting", -100, "accept" },
};

static json_t *match(const char *op, json_t *left, json_t *right)
{
	return json_pack("{s:{s:s, s:o, s:o}}", "match", "op", op, "left", left, "right", right);
}

static json_t *meta(const char *key)
{
	return json_pack("{s:{s:s}}", "meta", "key", key);
}

static json_t *payload(const char *protocol, const char *field)
{
	return json_pack("{s:{s:s, s:s}}", "payload", "protocol", protocol, "field", field);
}

static json_t *connection(const char *key)
{
	return json_pack("{s:{s:s}}", "ct", "key", key);
}

static void add_link(json_t *list, const char *key, const char *name)
{
	if (strcmp(name, "*") != 0)
		json_array_append_new(list, match("==", meta(key), json_string(name)));
}

/* "80" or "80-90" */
static json_t *port_range(const char *text)
{
	char *end;
	long first = strtol(text, &end, 10);
	if (*end != '-')
		return json_integer(first);
	return json_pack("{s:[i, i]}", "range", (int)first, (int)strtol(end + 1, NULL, 10));
}

/* As nft prints it: one alone, or a set in rising order. */
static json_t *ports(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t length = strcspn(text, ",");
		AUTO_FREE char *one = xstrndup(text, length);
		json_array_append_new(list, port_range(one));
		text += length + (text[length] == ',');
	}
	if (json_array_size(list) != 1)
		return json_pack("{s:o}", "set", list);
	json_t *one = json_incref(json_array_get(list, 0));
	json_decref(list);
	return one;
}

static json_t *verdict(const char *word)
{
	return json_pack("{s:n}", word);
}

/* IANA's numbers: nft knows the names only where there is an /etc/protocols, and prints them there.
   0: none of these. */
static int protocol_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} KNOWN[] = { { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "ipv6-icmp", 58 } };
	for (size_t i = 0; i < COUNT_OF(KNOWN); i++)
		if (strcmp(KNOWN[i].name, name) == 0)
			return KNOWN[i].number;
	return 0;
}

static size_t make_allow(char *const *words, struct made made[MADE_MAX])
{
	json_t *list = json_array();
	const char *protocol = words[3];
	add_link(list, "iifname", words[1]);
	add_link(list, "oifname", words[2]);
	if (strcmp(protocol, "icmp") == 0) /* of both families */
		json_array_append_new(list,
				      match("==", meta("l4proto"),
					    json_pack("{s:[i, i]}", "set", protocol_number("icmp"),
						      protocol_number("ipv6-icmp"))));
	else if (strcmp(protocol, "*") != 0 && strcmp(words[4], "*") == 0)
		json_array_append_new(list, match("==", meta("l4proto"),
						  json_integer(protocol_number(protocol))));
	else if (strcmp(protocol, "*") != 0)
		json_array_append_new(list,
				      match("==", payload(protocol, "dport"), ports(words[4])));
	json_array_append_new(list, verdict("accept"));
	made[0] = (struct made){ "forward", list };
	return 1;
}

/* at: NULL: whatever comes that way, also for others. */
static size_t make_forward(char *const *words, const char *at, struct made made[MADE_MAX])
{
	const char *address = words[4];
	bool v6 = strchr(address, ':') != NULL;
	json_t *change = json_array();
	json_t *pass = json_array();
	add_link(change, "iifname", words[1]);
	json_array_append_new(change,
			      at ? match("==", payload(v6 ? "ip6" : "ip", "daddr"), json_string(at))
				 : match("==", meta("nfproto"), json_string(v6 ? "ipv6" : "ipv4")));
	json_array_append_new(change, match("==", payload(words[2], "dport"), ports(words[3])));
	json_array_append_new(change,
			      json_pack("{s:{s:s, s:s, s:i}}", "dnat", "family", v6 ? "ip6" : "ip",
					"addr", address, "port", (int)strtol(words[5], NULL, 10)));
	add_link(pass, "iifname", words[1]);
	json_array_append_new(
		pass, match("==", payload(v6 ? "ip6" : "ip", "daddr"), json_string(address)));
	json_array_append_new(pass, match("==", payload(words[2], "dport"), ports(words[5])));
	json_array_append_new(pass, match("in", connection("status"), json_string("dnat")));
	json_array_append_new(pass, verdict("accept"));
	made[0] = (struct made){ "prerouting", change };
	made[1] = (struct made){ "forward", pass };
	return 2;
}

static size_t make_established(struct made made[MADE_MAX])
{
	json_t *state = json_pack("[s, s]", "established", "related");
	made[0] = (struct made){ "forward", json_array() };
	json_array_append_new(made[0].expressions, match("in", connection("state"), state));
	json_array_append_new(made[0].expressions, verdict("accept"));
	return 1;
}

/* Nothing begins a conversation from there, neither with the gateway itself nor through it… */
static size_t make_guard(char *const *words, struct made made[MADE_MAX])
{
	static const char *const GUARDED[MADE_MAX] = { "guard", "input" };
	for (size_t i = 0; i < MADE_MAX; i++) {
		json_t *list = json_array();
		add_link(list, "iifname", words[1]);
		json_array_append_new(list, match("in", connection("state"), json_string("new")));
		json_array_append_new(list, verdict("drop"));
		made[i] = (struct made){ GUARDED[i], list };
	}
	return MADE_MAX;
}

/* …but through it, this way. "exit" sorts before "guard", which is how they have to stand. */
static size_t make_exit(char *const *words, struct made made[MADE_MAX])
{
	static const char *const PASSED[MADE_MAX] = { "guard", "forward" };
	for (size_t i = 0; i < MADE_MAX; i++) {
		json_t *list = json_array();
		add_link(list, "iifname", words[1]);
		add_link(list, "oifname", words[2]);
		json_array_append_new(list, verdict("accept"));
		made[i] = (struct made){ PASSED[i], list };
	}
	return MADE_MAX;
}

/* How many; 0: the text is no rule. What the words may be was checked with the configuration. */
static size_t make(const char *text, struct made made[MADE_MAX])
{
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, " ");
		text_list_take(&words, xstrndup(at, length));
		at += length + (at[length] == ' ');
	}
	if (words.count == 5 && strcmp(words.items[0], "allow") == 0)
		return make_allow(words.items, made);
	if ((words.count == 6 || words.count == 7) && strcmp(words.items[0], "forward") == 0)
		return make_forward(words.items, words.count == 7 ? words.items[6] : NULL, made);
	if (words.count == 2 && strcmp(words.items[0], "guard") == 0)
		return make_guard(words.items, made);
	if (words.count == 3 && strcmp(words.items[0], "exit") == 0)
		return make_exit(words.items, made);
	if (strcmp(text, "established") == 0)
		return make_established(made);
	return 0;
}

/* ---- writing ---- */

static void add(json_t *list, const char *verb, const char *what, json_t *body)
{
	json_array_append_new(list, json_pack("{s:{s:o}}", verb, what, body));
}

static json_t *table(void)
{
	return json_pack("{s:s, s:s}", "family", "inet", "name", TABLE);
}

static json_t *chain(size_t which)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "family", "inet", "table", TABLE,
			 "name", CHAINS[which].name, "type", CHAINS[which].type, "hook",
			 CHAINS[which].hook, "prio", CHAINS[which].priority, "policy",
			 CHAINS[which].policy);
}

static void add_rule(json_t *list, const char *chain_name, const char *text, json_t *expressions)
{
	AUTO_FREE char *comment = xasprintf(MARK "%s", text);
	add(list, "add", "rule",
	    json_pack("{s:s, s:s, s:s, s:s, s:o}", "family", "inet", "table", TABLE, "chain",
		      chain_name, "comment", comment, "expr", expressions));
}

static int add_rules(json_t *list, const char *text, struct err *err)
{
	struct made made[MADE_MAX];
	size_t count = make(text, made);
	for (size_t i = 0; i < count; i++)
		add_rule(list, made[i].chain, text, made[i].expressions);
	return count > 0 ? 0 : err_set(err, "\"%s\" is no rule", text);
}

json_t *firewall_replace(const char *name, const struct text_list *rules, struct err *err)
{
	AUTO_FREE char *named = xasprintf(NAME_CHAIN "%s", name);
	json_t *list = json_array();
	int rc = 0;
	/* Adding first makes deleting succeed either way. */
	add(list, "add", "table", table());
	add(list, "delete", "table", table());
	add(list, "add", "table", table());
	add(list, "add", "chain",
	    json_pack("{s:s, s:s, s:s}", "family", "inet", "table", TABLE, "name", named));
	for (size_t i = 0; i < COUNT_OF(CHAINS); i++)
		add(list, "add", "chain", chain(i));
	for (size_t i = 0; rc == 0 && i < rules->count; i++)
		rc = add_rules(list, rules->items[i], err);
	if (rc == 0)
		return json_pack("{s:o}", "nftables", list);
	json_decref(list);
	return NULL;
}

json_t *firewall_take_away(void)
{
	json_t *list = json_array();
	add(list, "delete", "table", table());
	return json_pack("{s:o}", "nftables", list);
}

/* ---- reading ---- */

static bool is_chain(const json_t *have, json_t *want)
{
	const char *key;
	json_t *value;
	bool same = true;
	json_object_foreach(want, key, value) same =
		same && json_equal(json_object_get(have, key), value);
	json_decref(want);
	return same;
}

/* Names of protocols as numbers, in place: a value, or the items of a set. */
static void number_protocols(json_t *match)
{
	json_t *set = json_object_get(json_object_get(match, "right"), "set");
	const char *name = json_string_value(json_object_get(match, "right"));
	size_t i;
	json_t *item;
	if (name != NULL)
		json_object_set_new(match, "right", json_integer(protocol_number(name)));
	json_array_foreach(set, i, item) if (json_is_string(item))
		json_array_set_new(set, i, json_integer(protocol_number(json_string_value(item))));
}

static bool same_expressions(const json_t *rule, const struct made *made)
{
	json_t *have = json_deep_copy(json_object_get(rule, "expr"));
	size_t i;
	json_t *item;
	json_array_foreach(have, i, item)
	{
		json_t *one = json_object_get(item, "match");
		json_t *key = json_object_get(json_object_get(json_object_get(one, "left"), "meta"),
					      "key");
		if (text_equal(json_string_value(key), "l4proto"))
			number_protocols(one);
	}
	bool same = text_equal(json_string_value(json_object_get(rule, "chain")), made->chain) &&
		    json_equal(have, made->expressions);
	json_decref(have);
	return same;
}

/* Which of the rules that the text stands for this one is; its bit, or 0. */
static unsigned which(const json_t *rule, const char *text, unsigned *all)
{
	struct made made[MADE_MAX];
	size_t count = make(text, made);
	unsigned bit = 0;
	*all = (1u << count) - 1;
	for (size_t i = 0; i < count; i++) {
		if (same_expressions(rule, &made[i]))
			bit = 1u << i;
		json_decref(made[i].expressions);
	}
	return bit;
}

/* Rules of one text may stand in two chains: their bits by text. */
struct text_bits {
	struct text_list texts;
	unsigned *bits, *all;
	bool *odd; /* one that is not what the text says, or twice */
};

static void take_rule(const json_t *rule, const char *text, struct text_bits *out)
{
	size_t i = 0;
	unsigned all;
	unsigned bit = which(rule, text, &all);
	while (i < out->texts.count && strcmp(out->texts.items[i], text) != 0)
		i++;
	if (i == out->texts.count) {
		text_list_add(&out->texts, text);
		out->bits = xrealloc(out->bits, i + 1, sizeof(*out->bits));
		out->all = xrealloc(out->all, i + 1, sizeof(*out->all));
		out->odd = xrealloc(out->odd, i + 1, sizeof(*out->odd));
		out->bits[i] = 0;
		out->odd[i] = false;
	}
	out->odd[i] = out->odd[i] || bit == 0 || (out->bits[i] & bit);
	out->bits[i] |= bit;
	out->all[i] = all;
}

static void finish(struct text_bits *bits, struct firewall_seen *seen)
{
	for (size_t i = 0; i < bits->texts.count; i++) {
		bool whole = !bits->odd[i] && bits->bits[i] == bits->all[i];
		text_list_take(&seen->rules,
			       xasprintf("%s%s", whole ? "" : CHANGED, bits->texts.items[i]));
	}
	text_list_sort(&seen->rules);
	text_list_free(&bits->texts);
	free(bits->bits);
	free(bits->all);
	free(bits->odd);
}

static void take_chain(const json_t *have, struct firewall_seen *seen, unsigned *whole)
{
	const char *name = json_string_value(json_object_get(have, "name"));
	if (name != NULL && text_starts(name, NAME_CHAIN) && seen->name == NULL)
		seen->name = xstrdup(name + strlen(NAME_CHAIN));
	for (size_t i = 0; i < COUNT_OF(CHAINS); i++)
		*whole += is_chain(have, chain(i));
}

int firewall_parse(const json_t *json, struct firewall_seen *seen, struct err *err)
{
	const json_t *items = json_object_get(json, "nftables");
	struct text_bits bits = { .texts = TEXT_LIST_INIT };
	unsigned chains = 0;
	size_t i;
	const json_t *item;
	if (!json_is_array(items))
		return err_set(err, "nft: its JSON has no list \"nftables\"");
	*seen = (struct firewall_seen){ 0 };
	json_array_foreach(items, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");
		const json_t *have = json_object_get(item, "chain");
		const char *comment = json_string_value(json_object_get(rule, "comment"));
		seen->there = seen->there || json_object_get(item, "table");
		if (have != NULL)
			take_chain(have, seen, &chains);
		if (rule != NULL && comment != NULL && text_starts(comment, MARK))
			take_rule(rule, comment + strlen(MARK), &bits);
		else if (rule != NULL)
			text_list_add(&seen->rules, CHANGED "by others");
	}
	if (seen->there && chains != COUNT_OF(CHAINS))
		text_list_add(&seen->rules, CHANGED "chains");
	finish(&bits, seen);
	return 0;
}

void firewall_seen_free(struct firewall_seen *seen)
{
	if (seen == NULL)
		return;
	free(seen->name);
	text_list_free(&seen->rules);
	*seen = (struct firewall_seen){ 0 };
}

int firewall_get(struct firewall_seen *seen, struct err *err)
{
	json_t *json = nft_table_read("inet", NFPROTO_INET, err);
	if (json == NULL)
		return -1;
	int rc = firewall_parse(json, seen, err);
	json_decref(json);
	return rc;
}
