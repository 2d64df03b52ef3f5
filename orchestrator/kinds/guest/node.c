/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/plan.h"
#include "kinds/guest/spec.h"
#include "system/node.h"
#include "system/virt.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return virt_list(node, owned, err);
}

/* What a guest is made of moves from the one struct to the other. */
static void take(struct domain *from, struct guest *have)
{
	have->vcpus = from->vcpus;
	have->memory = from->memory_bytes;
	have->emulated = from->emulated;
	have->epoch = from->epoch;
	have->disks = from->disks;
	have->interfaces = from->interfaces;
	have->settings = from->settings;
	have->boot = from->boot;
	have->kernel = from->kernel;
	have->initrd = from->initrd;
	have->arguments = from->arguments;
	free(from->name);
	free(from->site);
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct guest *have = seen->body;
	struct domain domain = { 0 };
	(void)want;
	if (virt_read(node, id, &domain, &have->state, found, err) != 0)
		return -1;
	if (!*found)
		return 0;
	have->name = xstrdup(id);
	take(&domain, have);
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct guest *want = step->want->body;
	const struct guest *have = step->have ? step->have->body : NULL;
	const struct domain domain = { .name = want->name,
				       .site = (char *)node->site,
				       .epoch = want->epoch,
				       .emulated = want->emulated == 1,
				       .vcpus = want->vcpus,
				       .memory_bytes = want->memory,
				       .disks = want->disks,
				       .interfaces = want->interfaces,
				       .boot = want->boot,
				       .kernel = want->kernel,
				       .initrd = want->initrd,
				       .arguments = want->arguments,
				       .settings = want->settings };
	if (have == NULL)
		return virt_start(&domain, err);
	if (text_equal(have->state, "paused"))
		return virt_resume(want->name, err);
	/* It ends, or has crashed: once it is gone it can be started. */
	return virt_stop(want->name, err) == 0 ? virt_start(&domain, err) : -1;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	(void)node;
	return virt_stop(id, err);
}

const struct kind_node guest_node = {
	.name = "guest",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
