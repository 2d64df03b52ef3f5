/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/session/spec.h"

#include "engine/export.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct session, member)
/*
 * timeout: 120 s is open-iscsi's own value. A guest's disk rather waits for a
 * storage node that restarts than fails; memory that is lent as one leg of a
 * mirror wants a few seconds. With several networks it is no session that waits so long but
 * the map above them (no_path_retry), and only when all of them are away.
 */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the name of the target on the other node" },
	{ "from", FIELD_NAME, AT(from), FIELD_REQUIRED | FIELD_FIXED, 0, 0, NULL, NULL,
	  "the node that has the target" },
	{ "network", FIELD_NAME, AT(network), FIELD_REQUIRED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the network it is reached on" },
	{ "more_networks", FIELD_LIST, AT(more_networks), FIELD_VOLATILE, 1, 8, NULL, NULL,
	  "further networks it is reached on: multipath joins them, and the disk outlives all but "
	  "one" },
	{ "timeout", FIELD_SECONDS, AT(timeout), 0, 1, 86400, NULL, "120s",
	  "how long reads and writes wait for a target that went away, before they fail" },
	{ "links", FIELD_LIST, AT(links), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the interfaces of the networks" },
	{ "target_iqn", FIELD_TEXT, AT(target_iqn), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the target's iSCSI name" },
	{ "portals", FIELD_TEXT, AT(portals), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the target's addresses and ports" },
	{ "initiator_iqn", FIELD_TEXT, AT(initiator_iqn), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "this node's iSCSI name" },
	{ "chap_user", FIELD_TEXT, AT(chap_user), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the CHAP user" },
	{ "chap_secret", FIELD_TEXT, AT(chap_secret), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL,
	  NULL, "the CHAP secret" },
	{ "mutual_secret", FIELD_TEXT, AT(mutual_secret), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL,
	  NULL, "the CHAP secret that the target answers with" },
	{ "size", FIELD_BYTES, AT(size), FIELD_DERIVED, 0, 0, NULL, NULL, "the size of the disk" },
	{ "logged_in", FIELD_BOOL, AT(logged_in), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether the session is there and its disk attached" },
	{ "multipath", FIELD_BOOL, AT(multipath), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether several ways are one disk, and multipathd watches them" },
	{ "way_timeout", FIELD_SECONDS, AT(way_timeout), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "how long one of several ways is waited for before another one is taken" },
	{ "wwid", FIELD_TEXT, AT(wwid), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "what several ways call the disk" },
	{ "away", FIELD_TEXT, AT(away), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "portals that cannot be reached now" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the kernel's name of the disk" },
	{ "used", FIELD_TEXT, AT(used), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "who has the disk open" },
	FIELD_END
};

/* The networks that the target is offered on, and the session reaches it on. */
static void check_networks(const struct site *site, const struct site_node *node,
			   const struct spec *want, const struct spec *target,
			   const struct site_node *from, struct mistakes *mistakes)
{
	AUTO_FREE char *what = xasprintf("session \"%s\"", refer_text(want, "name"));
	AUTO_LIST struct text_list networks = TEXT_LIST_INIT;
	AUTO_LIST struct text_list offered = TEXT_LIST_INIT;
	AUTO_STR struct str known = STR_INIT;
	export_networks(want, &networks);
	if (target != NULL)
		export_networks(target, &offered);
	for (size_t i = 0; i < offered.count; i++)
		str_addf(&known, "%s\"%s\"", i ? ", " : "", offered.items[i]);
	for (size_t i = 0; i < networks.count; i++) {
		const char *network = networks.items[i];
		struct place place = export_network_place(want, i);
		refer_check_network(site, node, network, place, what, mistakes);
		for (size_t j = 0; j < i; j++)
			if (text_equal(network, networks.items[j]))
				mistake_add(mistakes, place, "%s: network \"%s\" is there twice",
					    what, network);
		/* Only when the network itself is right: one mistake, one message. */
		if (offered.count > 0 && site_node_address(node, network) != NULL &&
		    !text_list_has(&offered, network))
			mistake_add(mistakes, place,
				    "%s: the target of %s is on network %s, not on \"%s\"", what,
				    from->name, str_text(&known), network);
	}
	if (networks.count > 1)
		refer_check_package(node, want, "multipath-tools",
				    "a session over several networks", mistakes);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct session *session = want->body;
	AUTO_FREE char *what = xasprintf("session \"%s\"", session->name);
	AUTO_STR struct str known = STR_INIT;
	const struct site_node *from = session->from ? site_find_node(site, session->from) : NULL;
	const struct spec *target =
		from != NULL && from != node ? refer_find(from, "target", session->name) : NULL;
	check_networks(site, node, want, target, from, mistakes);
	if (session->from == NULL)
		return;
	if (from == NULL) {
		refer_nodes(site, &known);
		mistake_add(mistakes, place_of(want->place, "from"),
			    "%s: there is no node \"%s\"%s", what, session->from, str_text(&known));
		return;
	}
	if (from == node) {
		mistake_add(
			mistakes, place_of(want->place, "from"),
			"%s: from \"%s\" is this node itself, which has no need to log in; name "
			"another node",
			what, session->from);
		return;
	}
	if (target == NULL) {
		refer_choices(from, "target", &known);
		mistake_add(mistakes, place_of(want->place, "name"),
			    "%s: %s has no target of this name%s", what, from->name,
			    str_text(&known));
		return;
	}
	const char *initiator = refer_text(target, "initiator");
	if (initiator != NULL && !text_equal(initiator, node->name) &&
	    !text_equal(refer_text(target, "also"), node->name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "%s: the target of %s is for initiator \"%s\", not for %s", what,
			    from->name, initiator, node->name);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct session *session = want->body;
	const struct site_node *other = site_find_node(from->site, session->from);
	const struct spec *target = other ? refer_find(other, "target", session->name) : NULL;
	struct export export;
	if (target == NULL)
		return err_set(err, "session %s: %s has no such target", session->name,
			       session->from);
	AUTO_FREE char *portals = export_portals(other, want, err);
	if (portals == NULL || export_make(from, other, target, &export, err) != 0)
		return err_context(err, "session %s", want->id);
	refer_links(from->site, from->node, want, &session->links);
	session->target_iqn = xstrdup(export.target_iqn);
	session->initiator_iqn = xstrdup(export.initiator_iqn);
	session->portals = xstrdup(portals);
	session->chap_user = xstrdup(export.chap_user);
	session->chap_secret = xstrdup(export.chap_secret);
	session->mutual_secret = xstrdup(export.mutual_secret);
	session->size = export.size_bytes;
	session->logged_in = 1;
	session->multipath = session->more_networks.count > 0;
	if (session->multipath) {
		session->way_timeout = SESSION_WAY_TIMEOUT_S;
		session->wwid = xstrdup(export.wwid);
	}
	export_free(&export);
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct session *session = spec->body;
	(void)err;
	if (session->from != NULL)
		refs_add(out, session->from, "target", session->name);
	refer_need_links(out, &session->links);
	return 0;
}

static char *warn(const struct spec *want, const struct spec *have)
{
	const struct session *session = have->body;
	(void)want;
	if (session->away == NULL || session->logged_in != 1)
		return NULL;
	return xasprintf("%s cannot be reached; reads and writes go over what is left of %s",
			 session->away, session->portals);
}

static int judge(struct step *step, struct err *err)
{
	const struct session *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (seen != NULL && seen->used != NULL)
		step->refused =
			xasprintf("the disk of session %s would go away, and is in use by %s",
				  step->id, seen->used);
	return 0;
}

const struct kind_spec session_spec = {
	.name = "session",
	.section = "sessions",
	.doc = "an iSCSI session: the disk of another node's target, at /dev/moyai/FROM/NAME",
	.example = "{ name = \"home\"; from = \"store1\"; network = \"storage\"; }",
	.package = "open-iscsi",
	.id_before = "from",
	.size = sizeof(struct session),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.warn = warn,
	.judge = judge,
};
