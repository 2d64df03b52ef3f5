/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/guest/spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/fetched.h"

#define AT(member) offsetof(struct guest, member)
#define ANEW (FIELD_DERIVED | FIELD_REPLACEABLE)
#define ALL_ANEW (ANEW | FIELD_WHOLE)
#define SEEN (FIELD_DERIVED | FIELD_VOLATILE)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_DERIVED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "CLUSTER-NODE" },
	{ "vcpus", FIELD_NUMBER, AT(vcpus), ANEW, 1, 1024, NULL, NULL, "its virtual processors" },
	{ "memory", FIELD_BYTES, AT(memory), ANEW, 0, 0, NULL, NULL, "its memory" },
	{ "disks", FIELD_LIST, AT(disks), ALL_ANEW, 0, 0, NULL, NULL,
	  "devices of the host that are its disks" },
	{ "interfaces", FIELD_LIST, AT(interfaces), ALL_ANEW, 0, 0, NULL, NULL,
	  "bridge, MAC address, and the address it may send from, of each" },
	{ "emulated", FIELD_BOOL, AT(emulated), ANEW, 0, 0, NULL, NULL,
	  "QEMU emulates its processors: as its host says" },
	{ "boot", FIELD_CHOICE, AT(boot), ANEW, 0, 0, "appliance disk network", NULL,
	  "what it starts from; network: or from its disk, as the network says" },
	{ "appliance", FIELD_NAME, AT(appliance), SEEN, 0, 0, NULL, NULL,
	  "the role whose image it starts from" },
	{ "kernel", FIELD_TEXT, AT(kernel), ANEW, 0, 0, NULL, NULL,
	  "the appliance's, on the host" },
	{ "initrd", FIELD_TEXT, AT(initrd), ANEW, 0, 0, NULL, NULL, "likewise" },
	{ "arguments", FIELD_TEXT, AT(arguments), ANEW, 0, 0, NULL, NULL, "of the kernel" },
	{ "settings", FIELD_LIST, AT(settings), ALL_ANEW, 0, 0, NULL, NULL,
	  "what it is told about itself: name, addresses, ssh keys" },
	{ "epoch", FIELD_NUMBER, AT(epoch), ANEW, 0, 0, NULL, NULL,
	  "how often it was given another host" },
	{ "state", FIELD_TEXT, AT(state), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it runs: always wanted" },
	{ "others", FIELD_LIST, AT(others), SEEN, 0, 0, NULL, NULL,
	  "the nodes that might have it, and must not before it is started" },
	{ "firewall", FIELD_NAME, AT(firewall), SEEN, 0, 0, NULL, NULL,
	  "what keeps it from the networks of its host: there before it is started" },
	{ "missing", FIELD_TEXT, AT(missing), SEEN, 0, 0, NULL, NULL,
	  "why there is nothing to start it with" },
	FIELD_END
};

/* On the host, where the resource `appliance` keeps it. */
static char *kept(const struct guest *guest, const struct image_file *file)
{
	return xasprintf(APPLIANCE_ROOT "/%s/%s", guest->appliance, file->path);
}

static void derive_appliance(const struct manifest *manifest, struct guest *guest)
{
	AUTO_STR struct str arguments = STR_INIT;
	guest->kernel = kept(guest, &manifest->kernel);
	guest->initrd = kept(guest, &manifest->initrd);
	if (manifest->console != NULL)
		str_addf(&arguments, "console=%s", manifest->console);
	for (size_t i = 0; i < manifest->kernel_arguments.count; i++)
		str_addf(&arguments, "%s%s", arguments.length ? " " : "",
			 manifest->kernel_arguments.items[i]);
	guest->arguments = xstrdup(str_text(&arguments)); /* none are some, too */
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct guest *guest = want->body;
	(void)err;
	guest->state = xstrdup(GUEST_RUNNING);
	guest->emulated = from->node->guests.emulate == 1;
	if (guest->appliance == NULL)
		return 0;
	guest->missing = appliance_missing(from->site, from->images, guest->appliance);
	if (guest->missing == NULL)
		derive_appliance(image_set_find(from->images, guest->appliance, NULL), guest);
	return 0;
}

/* The resource that this device of the host is. */
static void need_device(const char *device, struct refs *out)
{
	const char *volume = text_starts(device, "/dev/moyai-") ? strrchr(device, '/') : NULL;
	if (text_starts(device, "/dev/moyai/"))
		refs_add(out, NULL, "session", device + strlen("/dev/moyai/"));
	else if (volume != NULL)
		refs_add(out, NULL, "volume", volume + 1);
}

/* What is observed knows the kernel alone. */
static void need_appliance(const struct guest *guest, struct refs *out)
{
	AUTO_FREE char *role = xstrdup(guest->appliance);
	if (role == NULL && guest->kernel != NULL &&
	    text_starts(guest->kernel, APPLIANCE_ROOT "/")) {
		const char *rest = guest->kernel + strlen(APPLIANCE_ROOT "/");
		role = xstrndup(rest, strcspn(rest, "/"));
	}
	if (role != NULL)
		refs_add(out, NULL, "appliance", role);
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct guest *guest = spec->body;
	(void)err;
	for (size_t i = 0; i < guest->disks.count; i++)
		need_device(guest->disks.items[i], out);
	for (size_t i = 0; i < guest->interfaces.count; i++) {
		const char *line = guest->interfaces.items[i];
		AUTO_FREE char *bridge = xstrndup(line, strcspn(line, " "));
		refs_add(out, NULL, "bridge", bridge);
	}
	need_appliance(guest, out);
	if (guest->firewall != NULL)
		refs_add(out, NULL, "firewall", guest->firewall);
	refs_add(out, NULL, "service", "libvirtd.service");
	for (size_t i = 0; i < guest->others.count; i++)
		refs_add_gone(out, guest->others.items[i], "guest", guest->name);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct guest *want = step->want ? step->want->body : NULL;
	(void)err;
	if (want != NULL)
		fetched_judge(step, want->missing);
	return 0;
}

const struct kind_spec guest_spec = {
	.name = "guest",
	.section = "guests",
	.doc = "a virtual machine of a cluster",
	.example = "",
	.package = "libvirt-daemon-system",
	.size = sizeof(struct guest),
	.fields = FIELDS,
	.expanded = true,
	.in_status = true,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
