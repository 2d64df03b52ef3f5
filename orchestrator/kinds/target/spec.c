/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/target/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/size.h"
#include "engine/device.h"
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
	{ "network", FIELD_NAME, AT(network), FIELD_REQUIRED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the network it is offered on" },
	{ "link", FIELD_TEXT, AT(link), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the interface of the network" },
	{ "iqn", FIELD_TEXT, AT(iqn), FIELD_DERIVED, 0, 0, NULL, NULL, "its iSCSI name" },
	{ "initiator_iqn", FIELD_TEXT, AT(initiator_iqn), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the iSCSI name that may log in" },
	{ "portal", FIELD_TEXT, AT(portal), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the address and port it is offered on" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the block device or image file behind it" },
	{ "size", FIELD_BYTES, AT(size), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the size the initiator sees" },
	{ "chap_user", FIELD_TEXT, AT(chap_user), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the CHAP user of the initiator" },
	{ "chap_secret", FIELD_TEXT, AT(chap_secret), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL,
	  NULL, "the CHAP secret of the initiator" },
	{ "serial", FIELD_TEXT, AT(serial), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the unit serial, a digest of the IQN" },
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
	mistake_add(mistakes, want->place, "target \"%s\": there is no %s \"%s\"%s", want->id, kind,
		    name, str_text(&known));
}

struct twin {
	const struct spec *self;
	const struct spec *found;
};

/* Another target of the node, written earlier, that exports the same thing. */
static void look_for_twin(const struct spec *spec, void *context)
{
	struct twin *twin = context;
	const struct target *self = twin->self->body;
	const struct target *other = spec->body;
	bool same = (self->volume && text_equal(self->volume, other->volume)) ||
		    (self->memory && text_equal(self->memory, other->memory));
	if (same && !text_equal(self->name, other->name) && twin->found == NULL)
		twin->found = spec;
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
	struct twin twin = { .self = want };
	refer_each(node, "target", look_for_twin, &twin);
	/* Named once, at the later of the two. */
	if (twin.found != NULL && twin.found->place.line < want->place.line)
		mistake_add(mistakes, want->place,
			    "%s: %s \"%s\" is exported by target \"%s\" already", what,
			    target->volume ? "volume" : "memory",
			    target->volume ? target->volume : target->memory, twin.found->id);
	const struct site_node *initiator =
		target->initiator ? site_find_node(site, target->initiator) : NULL;
	if (target->initiator != NULL && initiator == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_nodes(site, &known);
		mistake_add(mistakes, want->place, "%s: initiator \"%s\" is not a node%s", what,
			    target->initiator, str_text(&known));
	}
	refer_check_network(site, node, target->network, want->place, what, mistakes);
	/* Only when the network itself is right: one mistake, one message. */
	if (initiator != NULL && target->network != NULL &&
	    site_node_address(node, target->network) != NULL)
		refer_check_network(site, initiator, target->network, want->place, what, mistakes);
}

static int derive_backing(const struct derive *from, struct target *target, struct err *err)
{
	const char *kind = target->volume ? "volume" : "memory";
	const char *name = target->volume ? target->volume : target->memory;
	free(target->device);
	target->device = device_path(from->node, kind, name);
	target->size = device_size(from->node, kind, name);
	if (target->device == NULL)
		return err_set(err, "target %s: there is no %s %s", target->name, kind,
			       name ? name : "for it");
	return 0;
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct target *target = want->body;
	const char *site = from->site->name;
	const char *address = site_node_address(from->node, target->network);
	char hex[HASH_HEX_SIZE];
	if (address == NULL)
		return err_set(err, "target %s: %s has no address on network %s", target->name,
			       from->node->name, target->network);
	if (derive_backing(from, target, err) != 0)
		return -1;
	target->link = refer_link(from->site, from->node, target->network);
	target->iqn = xasprintf(TARGET_IQN_PREFIX "%s:%s.%s", site, from->node->name, target->name);
	target->initiator_iqn = xasprintf(TARGET_IQN_PREFIX "%s:%s", site, target->initiator);
	target->portal = xasprintf("%s:%d", address, TARGET_PORT);
	target->chap_user = xasprintf("%s.%s", from->node->name, target->name);
	target->closed = 1;
	target->enabled = 1;
	if (hash_bytes_hex(target->iqn, strlen(target->iqn), hex, err) != 0)
		return -1;
	/* LIO makes the NAA name from the first 25 hex digits of the serial. */
	target->serial = xstrndup(hex, 32);
	AUTO_STR struct str secret = STR_INIT;
	if (from->key != NULL) {
		if (secret_derive(from->key, "chap", target->iqn, 0, &secret, err) != 0)
			return -1;
		target->chap_secret = str_take(&secret);
	}
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
	refer_need_link(out, target->link);
	return 0;
}

/* The initiator would not notice: name, serial and perhaps size stay the same, and what it holds
   in its cache goes to another volume. */
static int judge(struct step *step, struct err *err)
{
	const struct target *want = step->want ? step->want->body : NULL;
	const struct target *have = step->have ? step->have->body : NULL;
	(void)err;
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
