/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/target/spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/device.h"
#include "engine/export.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct target, member)
/* network is not compared: on the node it is the portal that tells. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the end of its IQN" },
	{ "volume", FIELD_NAME, AT(volume), 0, 0, 0, NULL, NULL,
	  "the volume it exports; a target has a volume or a memory" },
	{ "memory", FIELD_NAME, AT(memory), 0, 0, 0, NULL, NULL, "the memory it exports" },
	{ "initiator", FIELD_NAME, AT(initiator), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the only node that may log in" },
	{ "also", FIELD_NAME, AT(also), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "a second node that may, while a guest moves there" },
	{ "network", FIELD_NAME, AT(network), FIELD_REQUIRED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the network it is offered on" },
	{ "more_networks", FIELD_LIST, AT(more_networks), FIELD_VOLATILE, 1, 8, NULL, NULL,
	  "further networks it is offered on; the initiator uses one or several" },
	{ "guest", FIELD_NAME, AT(guest), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the guest of the initiator whose QEMU logs in by itself" },
	{ "links", FIELD_LIST, AT(links), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the interfaces of the networks" },
	{ "iqn", FIELD_TEXT, AT(iqn), FIELD_DERIVED, 0, 0, NULL, NULL, "its iSCSI name" },
	{ "initiator_iqn", FIELD_TEXT, AT(initiator_iqn), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the iSCSI names that may log in" },
	{ "portals", FIELD_TEXT, AT(portals), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the addresses and ports it is offered on" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the block device or image file behind it" },
	{ "size", FIELD_BYTES, AT(size), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the size the initiator sees" },
	{ "chap_user", FIELD_TEXT, AT(chap_user), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the CHAP user of the initiator" },
	{ "chap_secret", FIELD_TEXT, AT(chap_secret), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL,
	  NULL, "the CHAP secret of the initiator" },
	{ "mutual_secret", FIELD_TEXT, AT(mutual_secret), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL,
	  NULL, "the CHAP secret that the target answers with" },
	{ "one_way", FIELD_BOOL, AT(one_way), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether the initiator alone proves itself" },
	{ "serial", FIELD_TEXT, AT(serial), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the unit serial, a digest of the IQN" },
	{ "discards", FIELD_BOOL, AT(discards), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether what the initiator discards is free again" },
	{ "closed", FIELD_BOOL, AT(closed), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether nobody else gets in" },
	{ "enabled", FIELD_BOOL, AT(enabled), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it answers" },
	FIELD_END
};

static void check_backing(const struct site_node *node, const struct spec *want, const char *kind,
			  const char *name, struct mistakes *mistakes)
{
	if (name == NULL || refer_find(node, kind, name) != NULL)
		return;
	AUTO_STR struct str known = STR_INIT;
	refer_choices(node, kind, &known);
	mistake_add(mistakes, place_of(want->place, kind), "target \"%s\": there is no %s \"%s\"%s",
		    want->id, kind, name, str_text(&known));
}

static bool same_backing(const struct spec *a, const struct spec *b)
{
	const struct target *one = a->body;
	const struct target *other = b->body;
	return (one->volume && text_equal(one->volume, other->volume)) ||
	       (one->memory && text_equal(one->memory, other->memory));
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct target *target = want->body;
	AUTO_FREE char *what = xasprintf("target \"%s\"", want->id);
	if ((target->volume != NULL) == (target->memory != NULL))
		mistake_add(mistakes, want->place, "%s: has %s; give it exactly one", what,
			    target->volume ? "both a volume and a memory"
					   : "neither a volume nor a memory");
	check_backing(node, want, "volume", target->volume, mistakes);
	check_backing(node, want, "memory", target->memory, mistakes);
	const struct spec *volume =
		target->volume ? refer_find(node, "volume", target->volume) : NULL;
	if (volume != NULL && text_equal(device_volume_type(volume), "thin-pool"))
		mistake_add(
			mistakes, place_of(want->place, "volume"),
			"%s: volume \"%s\" is a thin-pool, which holds thin volumes and nothing "
			"else",
			what, target->volume);
	const struct spec *earlier = refer_earlier(node, want, same_backing);
	if (earlier != NULL)
		mistake_add(mistakes, place_of(want->place, target->volume ? "volume" : "memory"),
			    "%s: %s \"%s\" is exported by target \"%s\" already", what,
			    target->volume ? "volume" : "memory",
			    target->volume ? target->volume : target->memory, earlier->id);
	const struct site_node *initiator =
		target->initiator ? site_find_node(site, target->initiator) : NULL;
	if (target->initiator != NULL && initiator == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_nodes(site, &known);
		mistake_add(mistakes, place_of(want->place, "initiator"),
			    "%s: initiator \"%s\" is not a node%s", what, target->initiator,
			    str_text(&known));
	}
	if (initiator == node)
		mistake_add(mistakes, place_of(want->place, "initiator"),
			    "%s: initiator \"%s\" is this node itself, which has the %s without a "
			    "target; name another node",
			    what, target->initiator, target->volume ? "volume" : "memory");
	AUTO_LIST struct text_list networks = TEXT_LIST_INIT;
	export_networks(want, &networks);
	for (size_t i = 0; i < networks.count; i++) {
		const char *network = networks.items[i];
		struct place place = export_network_place(want, i);
		refer_check_network(site, node, network, place, what, mistakes);
		/* Only when the network itself is right: one mistake, one message. */
		if (initiator != NULL && initiator != node &&
		    site_node_address(node, network) != NULL)
			refer_check_network(site, initiator, network, place, what, mistakes);
		for (size_t j = 0; j < i; j++)
			if (text_equal(network, networks.items[j]))
				mistake_add(mistakes, place, "%s: network \"%s\" is there twice",
					    what, network);
	}
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct target *target = want->body;
	struct export export;
	if (export_make(from, from->node, want, &export, err) != 0)
		return -1;
	refer_links(from->site, from->node, want, &target->links);
	target->iqn = xstrdup(export.target_iqn);
	target->initiator_iqn = xstrdup(export.initiator_iqns);
	target->portals = xstrdup(export.portals);
	target->chap_user = xstrdup(export.chap_user);
	target->chap_secret = xstrdup(export.chap_secret);
	if (target->guest != NULL)
		target->one_way = 1;
	else
		target->mutual_secret = xstrdup(export.mutual_secret);
	target->device = xstrdup(export.device);
	target->size = export.size_bytes;
	target->serial = xstrdup(export.serial);
	target->discards = export.discards;
	target->closed = 1;
	target->enabled = 1;
	export_free(&export);
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct target *target = spec->body;
	(void)err;
	if (target->volume != NULL)
		refs_add(out, NULL, "volume", target->volume);
	if (target->memory != NULL)
		refs_add(out, NULL, "memory", target->memory);
	refer_need_links(out, &target->links);
	return 0;
}

/* Whoever may log in by now has let go before another may: else it goes on writing what it has in
   its cache, or is cut off in the middle of that. Both ends of the site, no foreign initiator. */
static void need_let_go(struct step *step, const struct target *want, const struct target *have)
{
	AUTO_FREE char *owner = export_iqn_node(want->iqn);
	AUTO_FREE char *session = xasprintf("%s/%s", owner ? owner : "", step->id);
	for (const char *at = have->initiator_iqn; at && *at; at += strspn(at, " ")) {
		AUTO_FREE char *iqn = xstrndup(at, strcspn(at, " "));
		at += strlen(iqn);
		AUTO_FREE char *former = export_iqn_node(iqn);
		if (owner == NULL || former == NULL || !export_iqn_same_site(iqn, want->iqn) ||
		    text_has_word(want->initiator_iqn, iqn))
			continue;
		refs_add_gone(&step->needs, former, "session", session);
		if (want->guest != NULL)
			refs_add_gone(&step->needs, former, "guest", want->guest);
	}
}

/* The initiator would not notice: name, serial and perhaps size stay the same, and what it holds
   in its cache goes to another volume. */
static int judge(struct step *step, struct err *err)
{
	const struct target *want = step->want ? step->want->body : NULL;
	const struct target *have = step->have ? step->have->body : NULL;
	(void)err;
	if (want != NULL && have != NULL)
		need_let_go(step, want, have);
	if (want != NULL && have != NULL && want->device != NULL && have->device != NULL &&
	    !text_equal(want->device, have->device))
		step->refused = xasprintf(
			"target %s exports %s, and its initiator may be using it; to export %s "
			"give that another name, or remove the target and its session first",
			step->id, have->device, want->device);
	return 0;
}

const struct kind_spec target_spec = {
	.name = "target",
	.section = "targets",
	.doc = "an iSCSI target: a volume or memory for exactly one initiator, with CHAP",
	.example = "{ name = \"home\"; volume = \"home\"; initiator = \"vm1\"; "
		   "network = \"storage\"; }",
	.size = sizeof(struct target),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
