/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/guest/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/export.h"
#include "engine/fetched.h"
#include "engine/refer.h"

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
	  "devices of the host that are its disks, or targets that QEMU logs in to" },
	{ "secrets", FIELD_TEXT, AT(secrets), SEEN | FIELD_SECRET, 0, 0, NULL, NULL,
	  "the CHAP secrets for those" },
	{ "files", FIELD_LIST, AT(files), ALL_ANEW, 0, 0, NULL, NULL,
	  "serial number and path of images' files that it reads as disks" },
	{ "interfaces", FIELD_LIST, AT(interfaces), ALL_ANEW, 0, 0, NULL, NULL,
	  "bridge, MAC address, and the address it may send from, of each" },
	{ "emulated", FIELD_BOOL, AT(emulated), ANEW, 0, 0, NULL, NULL,
	  "QEMU emulates its processors: as its host says" },
	{ "boot", FIELD_CHOICE, AT(boot), ANEW, 0, 0, "appliance disk network", NULL,
	  "what it starts from; network: or from its disk, as the network says" },
	{ "appliance", FIELD_NAME, AT(appliance), SEEN, 0, 0, NULL, NULL,
	  "the role whose image it starts from" },
	{ "serves", FIELD_LIST, AT(serves), SEEN, 0, 0, NULL, NULL,
	  "the roles whose images it serves to its nodes" },
	{ "kernel", FIELD_TEXT, AT(kernel), ANEW, 0, 0, NULL, NULL,
	  "the appliance's, on the host" },
	{ "initrd", FIELD_TEXT, AT(initrd), ANEW, 0, 0, NULL, NULL, "likewise" },
	{ "arguments", FIELD_TEXT, AT(arguments), ANEW, 0, 0, NULL, NULL, "of the kernel" },
	{ "settings", FIELD_LIST, AT(settings), ALL_ANEW, 0, 0, NULL, NULL,
	  "what it is told about itself: name, addresses, ssh keys" },
	{ "told", FIELD_LIST, AT(told), FIELD_DERIVED | FIELD_WHOLE, 0, 0, NULL, NULL,
	  "what it is told of its cluster, also while it runs: its nodes, ssh keys, parameters" },
	{ "served", FIELD_LIST, AT(served), SEEN, 0, 0, NULL, NULL,
	  "serial number, size, digest and path of the files that it serves" },
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
static char *kept(const char *role, const struct image_file *file)
{
	return xasprintf(APPLIANCE_ROOT "/%s/%s", role, file->path);
}

static void add_word(struct str *out, const char *word)
{
	str_addf(out, "%s%s", out->length ? " " : "", word);
}

static void derive_appliance(const struct manifest *manifest, struct guest *guest)
{
	AUTO_STR struct str arguments = STR_INIT;
	guest->kernel = kept(guest->appliance, &manifest->kernel);
	guest->initrd = kept(guest->appliance, &manifest->initrd);
	AUTO_FREE char *console =
		xasprintf("console=%s", manifest->console ? manifest->console : "");
	if (manifest->console != NULL)
		add_word(&arguments, console);
	for (size_t i = 0; i < manifest->kernel_arguments.count; i++)
		add_word(&arguments, manifest->kernel_arguments.items[i]);
	if (!manifest_is_alone(manifest)) {
		add_word(&arguments, "moyai.guest");
		for (unsigned i = 0; i < manifest->layer_count; i++) {
			AUTO_FREE char *path = kept(guest->appliance, &manifest->layers[i]);
			text_list_take(&guest->files, xasprintf("moyai-layer-%u %s", i + 1, path));
		}
	}
	guest->arguments = xstrdup(str_text(&arguments)); /* none are some, too */
}

/* One more file that the guest serves, unless another image has it too. */
static void derive_file(const char *role, const struct image_file *file, struct guest *guest)
{
	AUTO_FREE char *end =
		xasprintf(" %" PRIu64 " %s %s", file->size_bytes, file->sha256, file->path);
	for (size_t i = 0; i < guest->served.count; i++)
		if (text_ends(guest->served.items[i], end))
			return;
	AUTO_FREE char *path = kept(role, file);
	size_t number = guest->served.count + 1;
	text_list_take(&guest->files, xasprintf("moyai-file-%zu %s", number, path));
	text_list_take(&guest->served, xasprintf(GUEST_SERVED "moyai-file-%zu%s", number, end));
}

/* What its nodes start from. */
static void derive_served(const struct image_set *set, const char *role, struct guest *guest)
{
	const struct manifest *manifest = image_set_find(set, role, NULL);
	const struct image_file *self = image_set_self(set, role);
	if (self != NULL)
		derive_file(role, self, guest);
	derive_file(role, &manifest->kernel, guest);
	derive_file(role, &manifest->initrd, guest);
	for (unsigned i = 0; i < manifest->layer_count; i++)
		derive_file(role, &manifest->layers[i], guest);
}

static void derive_images(const struct derive *from, struct guest *guest)
{
	guest->missing = appliance_missing(from->site, from->images, guest->appliance);
	for (size_t i = 0; guest->missing == NULL && i < guest->serves.count; i++)
		guest->missing =
			appliance_missing(from->site, from->images, guest->serves.items[i]);
	if (guest->missing != NULL)
		return;
	derive_appliance(image_set_find(from->images, guest->appliance, NULL), guest);
	for (size_t i = 0; i < guest->serves.count; i++)
		derive_served(from->images, guest->serves.items[i], guest);
}

/* FROM/TARGET, which QEMU logs in to. It knows one way to it: the first network's. */
static int derive_direct(const struct derive *from, char **disk, struct str *secrets,
			 struct err *err)
{
	struct export export;
	const char *slash = strchr(*disk, '/');
	AUTO_FREE char *name = xstrndup(*disk, (size_t)(slash - *disk));
	const struct site_node *owner = site_find_node(from->site, name);
	const struct spec *target = owner ? refer_find(owner, "target", slash + 1) : NULL;
	if (target == NULL)
		return err_set(err, "there is no target %s", *disk);
	if (export_make(from, owner, target, &export, err) != 0)
		return -1;
	const char *address = site_node_address(owner, refer_text(target, "network"));
	free(*disk);
	*disk = xasprintf(GUEST_ISCSI "%s:%d %s %s %s", address, EXPORT_PORT, export.target_iqn,
			  export.chap_user, export.initiator_iqn);
	if (export.chap_secret != NULL)
		add_word(secrets, export.chap_secret);
	export_free(&export);
	return 0;
}

static int derive_disks(const struct derive *from, struct guest *guest, struct err *err)
{
	AUTO_STR struct str secrets = STR_INIT;
	for (size_t i = 0; i < guest->disks.count; i++)
		if (guest->disks.items[i][0] != '/' &&
		    derive_direct(from, &guest->disks.items[i], &secrets, err) != 0)
			return err_context(err, "guest %s", guest->name);
	guest->secrets = secrets.length ? str_take(&secrets) : NULL;
	return 0;
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct guest *guest = want->body;
	if (derive_disks(from, guest, err) != 0)
		return -1;
	guest->state = xstrdup(GUEST_RUNNING);
	guest->emulated = from->node->guests.emulate == 1;
	if (guest->appliance != NULL)
		derive_images(from, guest);
	return 0;
}

/* "PORTAL IQN …": of another node. */
static void need_target(const char *words, struct refs *out)
{
	const char *at = words + strcspn(words, " ");
	at += strspn(at, " ");
	AUTO_FREE char *iqn = xstrndup(at, strcspn(at, " "));
	AUTO_FREE char *node = export_iqn_node(iqn);
	AUTO_FREE char *target = export_iqn_target(iqn);
	if (target != NULL)
		refs_add(out, node, "target", target);
}

/* The resource that this device of the host is. */
static void need_device(const char *device, struct refs *out)
{
	const char *volume = text_starts(device, "/dev/moyai-") ? strrchr(device, '/') : NULL;
	if (text_starts(device, GUEST_ISCSI))
		need_target(device + strlen(GUEST_ISCSI), out);
	else if (text_starts(device, "/dev/moyai/"))
		refs_add(out, NULL, "session", device + strlen("/dev/moyai/"));
	else if (volume != NULL)
		refs_add(out, NULL, "volume", volume + 1);
}

static void need_kept(const char *path, struct refs *out)
{
	if (path == NULL || !text_starts(path, APPLIANCE_ROOT "/"))
		return;
	const char *rest = path + strlen(APPLIANCE_ROOT "/");
	AUTO_FREE char *role = xstrndup(rest, strcspn(rest, "/"));
	refs_add(out, NULL, "appliance", role);
}

/* What is observed knows the files alone, and what is wanted does not when their images are missing. */
static void need_appliances(const struct guest *guest, struct refs *out)
{
	if (guest->appliance != NULL)
		refs_add(out, NULL, "appliance", guest->appliance);
	for (size_t i = 0; i < guest->serves.count; i++)
		refs_add(out, NULL, "appliance", guest->serves.items[i]);
	if (guest->appliance != NULL)
		return;
	need_kept(guest->kernel, out);
	for (size_t i = 0; i < guest->files.count; i++) {
		const char *space = strchr(guest->files.items[i], ' ');
		need_kept(space ? space + 1 : NULL, out);
	}
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
	need_appliances(guest, out);
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
	const struct guest *have = step->have ? step->have->body : NULL;
	(void)err;
	if (want != NULL)
		fetched_judge(step, want->missing);
	/* A stale clone of the site would start it anew as it was before. */
	if (want != NULL && have != NULL && have->epoch > want->epoch) {
		free(step->refused);
		step->refused = xasprintf("it has moved here since (its epoch is %" PRIu64
					  ", and %" PRIu64 " in its record); take the newest "
					  "revision of the site (git pull)",
					  have->epoch, want->epoch);
	}
	/* One that runs is told something: it starts nowhere. */
	if (want != NULL && have != NULL && step->action == STEP_CHANGE &&
	    text_equal(have->state, GUEST_RUNNING))
		for (size_t i = step->needs.count; i-- > 0;)
			if (step->needs.items[i].gone)
				refs_drop(&step->needs, i);
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
