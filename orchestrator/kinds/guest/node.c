/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/guest/spec.h"
#include "system/virt.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	if (virt_read(node, err) != 0)
		return -1;
	for (size_t i = 0; i < node->domains->count; i++)
		text_list_add(owned, node->domains->items[i].name);
	return 0;
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct guest *have = seen->body;
	(void)want;
	if (virt_read(node, err) != 0)
		return -1;
	const struct domain *from = virt_find(node, id);
	*found = from != NULL;
	if (from == NULL)
		return 0;
	have->name = xstrdup(id);
	have->vcpus = from->vcpus;
	have->memory = from->memory_bytes;
	have->emulated = from->emulated;
	have->epoch = from->epoch;
	text_list_copy(&have->disks, &from->disks);
	text_list_copy(&have->files, &from->files);
	text_list_copy(&have->interfaces, &from->interfaces);
	for (size_t i = 0; i < from->settings.count; i++)
		if (!text_starts(from->settings.items[i], GUEST_SERVED))
			text_list_add(&have->settings, from->settings.items[i]);
	text_list_copy(&have->told, &from->told);
	have->boot = xstrdup(from->boot);
	have->kernel = xstrdup(from->kernel);
	have->initrd = xstrdup(from->initrd);
	have->arguments = xstrdup(from->kernel && !from->arguments ? "" : from->arguments);
	have->state = xstrdup(from->state);
	return 0;
}

static int start(const struct guest *want, struct domain *domain, struct err *err)
{
	AUTO_LIST struct text_list settings = TEXT_LIST_INIT;
	text_list_copy(&settings, &want->settings);
	for (size_t i = 0; i < want->served.count; i++)
		text_list_add(&settings, want->served.items[i]);
	domain->settings = settings;
	return virt_start(domain, err);
}

static int tell(const struct node *node, const struct guest *want, const struct guest *have,
		struct err *err)
{
	return text_list_equal(&want->told, &have->told)
		       ? 0
		       : virt_tell(node, want->name, &want->told, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct guest *want = step->want->body;
	const struct guest *have = step->have ? step->have->body : NULL;
	struct domain domain = { .name = want->name,
				 .site = (char *)node->site,
				 .epoch = want->epoch,
				 .emulated = want->emulated == 1,
				 .vcpus = want->vcpus,
				 .memory_bytes = want->memory,
				 .disks = want->disks,
				 .secrets = want->secrets,
				 .files = want->files,
				 .interfaces = want->interfaces,
				 .told = want->told,
				 .boot = want->boot,
				 .kernel = want->kernel,
				 .initrd = want->initrd,
				 .arguments =
					 text_equal(want->arguments, "") ? NULL : want->arguments };
	if (have == NULL)
		return start(want, &domain, err);
	if (text_equal(have->state, "paused") && virt_resume(want->name, err) != 0)
		return -1;
	if (text_equal(have->state, "paused") || text_equal(have->state, GUEST_RUNNING))
		return tell(node, want, have, err);
	/* It ends, or has crashed: once it is gone it can be started. */
	return virt_stop(node, want->name, VIRT_STOP_MS, err) == 0 ? start(want, &domain, err) : -1;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	return virt_stop(node, id, VIRT_STOP_MS, err) == 0 ? virt_remove_logs(id, err) : -1;
}

static int ask(struct node *node, const char *id, struct str *answer, struct err *err)
{
	return virt_ask(node, id, answer, err);
}

/* ---- from host to host, while it runs ---- */

static struct domain coming(const struct guest *guest)
{
	return (struct domain){ .name = guest->name,
				.disks = guest->disks,
				.secrets = guest->secrets };
}

static int expect(struct node *node, const struct spec *as, struct err *err)
{
	const struct domain domain = coming(as->body);
	(void)node;
	return virt_expect(&domain, err);
}

static int arrive(struct node *node, const struct spec *as, struct err *err)
{
	(void)node;
	return virt_resume(as->id, err);
}

static void expect_end(struct node *node, const struct spec *as)
{
	const struct domain domain = coming(as->body);
	(void)node;
	virt_expect_end(&domain);
}

/* By libvirt's own ssh (libssh), which asks no agent, no password and no file of root's. */
static int move(struct node *node, const struct spec *as, const struct transfer *how,
		struct err *err)
{
	const struct guest *guest = as->body;
	AUTO_FREE char *uri =
		xasprintf("qemu+libssh://root@%s/system?keyfile=%s&known_hosts=%s"
			  "&known_hosts_verify=normal&sshauth=privkey&no_tty=1&proxy=native",
			  how->address, how->key, how->known_hosts);
	const struct virt_move moved = { .name = guest->name,
					 .uri = uri,
					 .epoch = guest->epoch,
					 .disks = &guest->disks,
					 .go_on = how->go_on,
					 .context = how->context };
	(void)node;
	return virt_move(&moved, err) == 0 ? virt_remove_logs(guest->name, err) : -1;
}

const struct kind_node guest_node = {
	.name = "guest",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
	.ask = ask,
	.accepts = "/usr/bin/virt-ssh-helper qemu:///system",
	.expect = expect,
	.expect_end = expect_end,
	.arrive = arrive,
	.move = move,
};
