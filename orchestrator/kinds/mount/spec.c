/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/mount/spec.h"

#include <string.h>

#include "engine/device.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct mount, member)
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "what it is called here" },
	{ "filesystem", FIELD_NAME, AT(filesystem), FIELD_REQUIRED | FIELD_REPLACEABLE, 0, 0, NULL,
	  NULL, "the filesystem of the same node" },
	{ "where", FIELD_PATH, AT(where), FIELD_REQUIRED | FIELD_REPLACEABLE, 2, 200, NULL, NULL,
	  "the folder, made if need be" },
	{ "options", FIELD_LIST, AT(options), 0, 0, 32, NULL, NULL,
	  "as for mount(8), like [ \"noatime\" ]" },
	{ "what", FIELD_TEXT, AT(what), FIELD_DERIVED | FIELD_REPLACEABLE, 0, 0, NULL, NULL,
	  "the block device" },
	{ "type", FIELD_TEXT, AT(type), FIELD_DERIVED | FIELD_REPLACEABLE, 0, 0, NULL, NULL,
	  "the type of the filesystem" },
	{ "active", FIELD_BOOL, AT(active), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it is mounted" },
	FIELD_END
};

static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+-";

static const char OPTION[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+-=/";

/* What the system itself lives in would be hidden by it. */
static bool is_systems(const char *where)
{
	static const char *const ITSELF[] = { "/",    "/boot",	  "/root",   "/tmp",
					      "/var", "/var/lib", "/var/log" };
	static const char *const BELOW[] = { "/bin",  "/dev", "/etc",  "/lib", "/lib64",
					     "/proc", "/run", "/sbin", "/sys", "/usr" };
	for (size_t i = 0; i < COUNT_OF(BELOW); i++)
		if (text_starts(where, BELOW[i]) &&
		    (where[strlen(BELOW[i])] == '/' || where[strlen(BELOW[i])] == '\0'))
			return true;
	for (size_t i = 0; i < COUNT_OF(ITSELF); i++)
		if (strcmp(where, ITSELF[i]) == 0)
			return true;
	return text_starts(where, "/var/lib/moyai");
}

struct twin {
	const struct spec *self;
	const struct spec *found;
};

static void look_for_twin(const struct spec *spec, void *context)
{
	struct twin *twin = context;
	if (spec != twin->self &&
	    text_equal(refer_text(spec, "where"), refer_text(twin->self, "where")))
		twin->found = spec;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct mount *mount = want->body;
	struct twin twin = { .self = want };
	(void)site;
	if (refer_find(node, "filesystem", mount->filesystem) == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_choices(node, "filesystem", &known);
		mistake_add(mistakes, place_of(want->place, "filesystem"),
			    "mount \"%s\": there is no filesystem \"%s\"%s", want->id,
			    mount->filesystem, str_text(&known));
	}
	for (const char *at = mount->where; *at; at++)
		if (strchr(PLAIN, *at) == NULL && *at != '/') {
			mistake_add(mistakes, place_of(want->place, "where"),
				    "mount \"%s\": where: \"%s\" has more than letters, digits and "
				    "\"_.:@+-/\"",
				    want->id, mount->where);
			break;
		}
	if (is_systems(mount->where))
		mistake_add(mistakes, place_of(want->place, "where"),
			    "mount \"%s\": where: %s belongs to the system; write a folder like "
			    "\"/srv/%s\"",
			    want->id, mount->where, want->id);
	for (size_t i = 0; i < mount->options.count; i++) {
		const char *option = mount->options.items[i];
		if (*option == '\0' || strspn(option, OPTION) != strlen(option))
			mistake_add(
				mistakes, place_of_item(want->place, "options", i),
				"mount \"%s\": options: \"%s\" is not one option; write each as an "
				"item of its own",
				want->id, option);
	}
	refer_each(node, "mount", look_for_twin, &twin);
	if (twin.found != NULL && twin.found->place.line < want->place.line)
		mistake_add(mistakes, place_of(want->place, "where"),
			    "mount \"%s\": mount \"%s\" is at %s already", want->id, twin.found->id,
			    mount->where);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct mount *mount = want->body;
	const struct spec *filesystem = refer_find(from->node, "filesystem", mount->filesystem);
	if (filesystem == NULL)
		return err_set(err, "mount %s: there is no filesystem %s", want->id,
			       mount->filesystem);
	AUTO_FREE char *below = device_below(filesystem);
	mount->what = device_path(from->node, refer_text(filesystem, "on"), below);
	mount->type = xstrdup(refer_text(filesystem, "type"));
	mount->active = 1;
	/* So that leaving all options out again is a change. */
	if (mount->options.count == 0)
		text_list_add(&mount->options, "defaults");
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct mount *mount = spec->body;
	(void)err;
	if (mount->filesystem != NULL)
		refs_add(out, NULL, "filesystem", mount->filesystem);
	return 0;
}

const struct kind_spec mount_spec = {
	.name = "mount",
	.section = "mounts",
	.doc = "a filesystem of the node, mounted by a unit of systemd",
	.example = "{ name = \"home\"; filesystem = \"home\"; where = \"/srv/home\"; }",
	.size = sizeof(struct mount),
	.fields = FIELDS,
	.check = check,
	.derive = derive,
	.needs = needs,
};
