/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/device.h"

#include <stdlib.h>

#include "base/size.h"
#include "engine/refer.h"

/* A golden volume may be a clone itself. */
enum { CLONES_DEEP = 64 };

const char *device_volume_type(const struct spec *volume)
{
	const char *type = refer_text(volume, "type");
	if (type != NULL)
		return type;
	return refer_text(volume, "of") ? "thin" : "linear";
}

static const struct spec *golden_of(const struct site_node *node, const struct spec *volume)
{
	const char *of = refer_text(volume, "of");
	return of ? refer_find(node, "volume", of) : NULL;
}

bool device_volume_circles(const struct site_node *node, const struct spec *volume)
{
	for (int depth = 0; volume != NULL; depth++) {
		if (depth == CLONES_DEEP)
			return true;
		volume = golden_of(node, volume);
	}
	return false;
}

/* A clone is at least as big as what it is a clone of. */
static uint64_t volume_size(const struct site_node *node, const struct spec *volume)
{
	uint64_t size = 0;
	for (int depth = 0; volume != NULL && depth < CLONES_DEEP; depth++) {
		uint64_t declared = refer_number(volume, "size");
		uint64_t stripes = refer_number(volume, "stripes");
		uint64_t unit = DEVICE_EXTENT * (stripes == FIELD_UNSET ? 1 : stripes);
		uint64_t rounded = declared == FIELD_UNSET ? 0 : size_round_up(declared, unit);
		size = rounded > size ? rounded : size;
		volume = golden_of(node, volume);
	}
	return size ? size : FIELD_UNSET;
}

/*
 * A chunk of 64 KiB costs 64 bytes per volume that maps it: 1/1024 for each chunk mapped once, and
 * twice that leaves room for snapshots. lvmthin(7): 2 MiB at least, 16 GiB at most (a little less,
 * or lvm warns).
 */
uint64_t device_thin_metadata(uint64_t size)
{
	uint64_t metadata = size_round_up(size / 512, DEVICE_EXTENT);
	uint64_t most = 15ULL << 30;
	return metadata < DEVICE_EXTENT ? DEVICE_EXTENT : metadata > most ? most : metadata;
}

uint64_t device_volume_takes(const struct site_node *node, const struct spec *volume)
{
	const char *type = device_volume_type(volume);
	uint64_t size = volume_size(node, volume);
	uint64_t mirrors = refer_number(volume, "mirrors");
	if (size == FIELD_UNSET || text_equal(type, "thin"))
		return 0;
	/* Each copy has an extent of metadata beside it. */
	if (text_equal(type, "raid1"))
		return (size + DEVICE_EXTENT) * ((mirrors == FIELD_UNSET ? 1 : mirrors) + 1);
	return text_equal(type, "thin-pool") ? size + device_thin_metadata(size) : size;
}

char *device_path(const struct site_node *node, const char *kind, const char *id)
{
	const struct spec *spec = id ? refer_find(node, kind, id) : NULL;
	if (spec == NULL)
		return NULL;
	if (text_equal(kind, "volume"))
		return xasprintf("/dev/moyai-%s/%s", refer_text(spec, "pool"), id);
	if (text_equal(kind, "memory"))
		return xasprintf("/run/moyai/memory/%s/image", id);
	if (text_equal(kind, "partition"))
		return xasprintf("/dev/disk/by-partlabel/moyai.%s", id);
	if (text_equal(kind, "session"))
		return xasprintf("/dev/moyai/%s", id);
	abort();
}

uint64_t device_size(const struct site_node *node, const char *kind, const char *id)
{
	const struct spec *spec = id ? refer_find(node, kind, id) : NULL;
	if (spec == NULL)
		return FIELD_UNSET;
	if (text_equal(kind, "volume"))
		return volume_size(node, spec);
	return size_round_up(refer_number(spec, "size"), spec->kind->unit);
}

uint64_t device_size_on(const struct derive *from, const char *kind, const char *id)
{
	if (!text_equal(kind, "session"))
		return device_size(from->node, kind, id);
	const struct spec *session = refer_find(from->node, kind, id);
	const struct site_node *other =
		session ? site_find_node(from->site, refer_text(session, "from")) : NULL;
	const struct spec *target =
		other ? refer_find(other, "target", refer_text(session, "name")) : NULL;
	if (target == NULL)
		return FIELD_UNSET;
	const char *volume = refer_text(target, "volume");
	return device_size(other, volume ? "volume" : "memory",
			   volume ? volume : refer_text(target, "memory"));
}

char *device_below(const struct spec *spec)
{
	return text_equal(refer_text(spec, "on"), "session")
		       ? xasprintf("%s/%s", refer_text(spec, "from"), spec->id)
		       : xstrdup(spec->id);
}

struct user {
	const char *kind;
	const char *name;
	const struct spec *found;
};

static void look_at_user(const struct spec *spec, void *context)
{
	struct user *user = context;
	const struct text_list *parts;
	bool uses;
	if (user->found != NULL)
		return;
	if (text_equal(spec->kind->name, "pool")) {
		parts = refer_list(spec, "partitions");
		uses = text_equal(user->kind, "partition") && text_list_has(parts, user->name);
	} else if (text_equal(spec->kind->name, "target")) {
		uses = text_equal(user->kind, "volume") &&
		       text_equal(refer_text(spec, "volume"), user->name);
	} else {
		AUTO_FREE char *below = device_below(spec);
		uses = text_equal(below, user->name) &&
		       text_equal(refer_text(spec, "on"), user->kind);
	}
	if (uses)
		user->found = spec;
}

/* `target "home"`, a copy; NULL: nobody. Of two that stand on the same device the later kind says
   so, and the earlier one does not. */
static char *user_of(const struct site_node *node, const char *kind, const char *name,
		     const char *self)
{
	static const char *const USERS[] = { "pool", "target", "filesystem", "swap" };
	struct user user = { .kind = kind, .name = name };
	for (size_t i = 0; i < COUNT_OF(USERS) && !text_equal(USERS[i], self); i++)
		refer_each(node, USERS[i], look_at_user, &user);
	return user.found ? xasprintf("%s \"%s\"", user.found->kind->name, user.found->id) : NULL;
}

void device_check(const struct site_node *node, const struct spec *want, struct mistakes *mistakes)
{
	const char *kind = want->kind->name;
	const char *on = refer_text(want, "on");
	bool session = text_equal(on, "session");
	if (session != (refer_text(want, "from") != NULL)) {
		mistake_add(
			mistakes, place_of(want->place, session ? "on" : "from"),
			session ? "%s \"%s\": from is missing; name the node that the session is to"
				: "%s \"%s\": from is for on = \"session\"; leave it out",
			kind, want->id);
		return;
	}
	AUTO_FREE char *id = device_below(want);
	const struct spec *below = refer_find(node, on, id);
	AUTO_FREE char *user = user_of(node, on, id, kind);
	if (below == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_choices(node, on, &known);
		mistake_add(mistakes, place_of(want->place, "name"),
			    "%s \"%s\": there is no %s \"%s\" for it to be on%s", kind, want->id,
			    on, id, str_text(&known));
	} else if (text_equal(on, "volume") && text_equal(device_volume_type(below), "thin-pool")) {
		mistake_add(mistakes, place_of(want->place, "name"),
			    "%s \"%s\": volume \"%s\" is a thin-pool, which holds thin volumes and "
			    "nothing else",
			    kind, want->id, id);
	} else if (user != NULL) {
		mistake_add(mistakes, place_of(want->place, "name"),
			    "%s \"%s\": %s \"%s\" is used by %s already", kind, want->id, on, id,
			    user);
	}
}

char *device_warn(int silent)
{
	return silent == 1 ? xstrdup("its disk does not answer; what is on it was not looked at")
			   : NULL;
}
