/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "engine/export.h"
#include "engine/plan.h"
#include "kinds/target/spec.h"
#include "system/links.h"
#include "system/lio.h"
#include "system/memory.h"
#include "system/node.h"
#include "system/sysfs.h"

/* "iqn.2026-11.moyai.demo:" */
static char *site_prefix(const struct node *node)
{
	return xasprintf(IQN_PREFIX "%s:", node->site);
}

static char *iqn_of(const struct node *node, const char *id)
{
	return xasprintf(IQN_PREFIX "%s:%s.%s", node->site, node->name, id);
}

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_LIST struct text_list iqns = TEXT_LIST_INIT;
	AUTO_FREE char *prefix = iqn_of(node, "");
	if (lio_list(prefix, &iqns, err) != 0)
		return -1;
	for (size_t i = 0; i < iqns.count; i++)
		text_list_add(owned, iqns.items[i] + strlen(prefix));
	return 0;
}

/* What the device is in Moyai's words: a volume's or a memory's name. */
static void name_backing(struct target *have)
{
	const char *device = have->device;
	if (device == NULL)
		return;
	if (text_starts(device, "/dev/moyai-")) {
		have->volume = xstrdup(strrchr(device, '/') + 1);
	} else if (text_starts(device, MEMORY_FOLDER "/") && text_ends(device, "/image")) {
		const char *name = device + strlen(MEMORY_FOLDER "/");
		have->memory = xstrndup(name, strcspn(name, "/"));
	}
}

/* The node that is let in; of two the one that is wanted as that, for which of them is the first nobody
   writes down. */
static char *initiator_of(const char *iqns, const char *prefix, const struct target *want)
{
	if (iqns == NULL || !text_starts(iqns, prefix))
		return NULL;
	AUTO_FREE char *wanted =
		want ? xasprintf("%s%s", prefix, want->initiator ? want->initiator : "") : NULL;
	if (wanted != NULL && text_has_word(iqns, wanted))
		return xstrdup(want->initiator);
	const char *first = iqns + strlen(prefix);
	return xstrndup(first, strcspn(first, " "));
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct target *have = seen->body;
	struct lio_target lio = { 0 };
	AUTO_FREE char *iqn = iqn_of(node, id);
	AUTO_FREE char *prefix = site_prefix(node);
	if (lio_read(iqn, &lio, found, err) != 0)
		return -1;
	if (!*found)
		return 0;
	const struct links *links = links_get(node, err);
	if (links == NULL) {
		lio_target_free(&lio);
		return -1;
	}
	/* For needs(): the interface stays until the target is gone from it. */
	links_toward(links, lio.portals, &have->links);
	have->name = xstrdup(id);
	have->iqn = xstrdup(lio.iqn);
	have->device = xstrdup(lio.device);
	have->size = lio.device ? lio.size : FIELD_UNSET;
	have->serial = xstrdup(lio.serial);
	have->portals = xstrdup(lio.portals);
	have->initiator_iqn = xstrdup(lio.initiator_iqn);
	have->chap_user = xstrdup(lio.chap_user);
	have->chap_secret = xstrdup(lio.chap_secret);
	have->mutual_secret = xstrdup(lio.mutual_secret);
	have->one_way = lio.mutual_secret == NULL;
	have->discards = lio.discards;
	have->closed = lio.closed;
	have->enabled = lio.enabled;
	name_backing(have);
	have->initiator = initiator_of(lio.initiator_iqn, prefix, want ? want->body : NULL);
	lio_target_free(&lio);
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct target *want = step->want->body;
	(void)node;
	/* lio_make() only reads what it is given. */
	const struct lio_target lio = {
		.iqn = want->iqn,
		.device = want->device,
		.file = want->memory != NULL,
		.discards = want->discards == 1,
		.size = want->size,
		.serial = want->serial,
		.portals = want->portals,
		.initiator_iqn = want->initiator_iqn,
		.chap_user = want->chap_user,
		.chap_secret = want->chap_secret,
		.mutual_secret = want->mutual_secret,
	};
	return lio_make(&lio, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *iqn = iqn_of(node, id);
	return lio_remove(iqn, err);
}

const struct kind_node target_node = {
	.name = "target",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
