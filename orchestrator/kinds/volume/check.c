/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/volume/check.h"

#include <string.h>

#include "base/size.h"
#include "engine/device.h"
#include "engine/refer.h"

/* One volume being checked, and where to say what is wrong with it. */
struct check {
	const struct site_node *node;
	const struct spec *want;
	const struct volume *volume;
	const char *type;
	struct mistakes *mistakes;
};

/* key: whose value is wrong, or lacks something; NULL: no one's. */
static void mistake(const struct check *check, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void mistake(const struct check *check, const char *key, const char *fmt, ...)
{
	AUTO_STR struct str text = STR_INIT;
	va_list args;
	va_start(args, fmt);
	str_addv(&text, fmt, args);
	va_end(args);
	struct place place = check->want->place;
	mistake_add(check->mistakes, key ? place_of(place, key) : place, "volume \"%s\": %s",
		    check->want->id, str_text(&text));
}

/* In the kernel's name of the device, VG-LV, the dashes of both are doubled. */
static size_t mapper_length(const char *name)
{
	size_t length = strlen(name);
	for (const char *at = name; *at; at++)
		length += *at == '-';
	return length;
}

static void check_device_name(const struct check *check)
{
	enum { DM_NAME_MAX = 127 }; /* DM_NAME_LEN of linux/dm-ioctl.h, with its NUL */
	/* What it is made of has names of its own: NAME_rimage_1, NAME-tpool. */
	bool parts = text_equal(check->type, "raid1") || text_equal(check->type, "thin-pool");
	size_t length = mapper_length("moyai-") + mapper_length(check->volume->pool) + 1 +
			mapper_length(check->want->id) + (parts ? strlen("_rimage_1") : 0);
	if (length > DM_NAME_MAX)
		mistake(check, "name",
			"its name and its pool's make a device name of %zu characters, each \"-\" "
			"counted twice; at most %d",
			length, DM_NAME_MAX);
}

/* Fields that mean something for one type only. */
static void check_fields(const struct check *check)
{
	static const struct {
		const char *field;
		const char *type;
	} ONLY[] = {
		{ "stripes", "striped" },
		{ "stripe_size", "striped" },
		{ "mirrors", "raid1" },
		{ "thin_pool", "thin" },
		{ "of", "thin" },
		{ "overcommit_percent", "thin-pool" },
		{ "warn_percent", "thin-pool" },
	};
	for (size_t i = 0; i < COUNT_OF(ONLY); i++) {
		const struct field *field = field_find(volume_spec.fields, ONLY[i].field);
		if (field_given(field, check->volume) && !text_equal(check->type, ONLY[i].type))
			mistake(check, field->name,
				"%s is for type \"%s\", and this is %s; leave one out", field->name,
				ONLY[i].type, check->type);
	}
	if (check->volume->on.count > 0 && text_equal(check->type, "thin"))
		mistake(check, "on",
			"`on` is for what lies on partitions, and a thin volume lies in its "
			"thin pool; write it there");
	if (check->volume->reset != FIELD_UNSET && check->volume->of == NULL)
		mistake(check, "reset", "reset is for clones; write `of`, or leave it out");
	if (check->volume->size == FIELD_UNSET && check->volume->of == NULL)
		mistake(check, NULL, "size is missing; write size = \"512M\"");
}

/* A thin pool zeroes what it gives to another volume: nothing of this one is seen again. */
static void check_scrub(const struct check *check)
{
	const char *scrub = check->volume->scrub;
	if (text_equal(check->type, "thin-pool") && scrub != NULL && !text_equal(scrub, "none"))
		mistake(check, "scrub", "scrub is for volumes with content; leave it out");
	if (text_equal(check->type, "thin") && text_equal(scrub, "overwrite"))
		mistake(check, "scrub",
			"scrub: to overwrite a thin volume would take all its size of the thin "
			"pool; write scrub = \"discard\"");
}

/* Copies and stripes are worth something on partitions of their own only. */
static void check_places(const struct check *check)
{
	const struct volume *volume = check->volume;
	const struct spec *pool = refer_find(check->node, "pool", volume->pool);
	for (size_t i = 0; pool != NULL && !pool->broken && i < volume->on.count; i++)
		if (!text_list_has(refer_list(pool, "partitions"), volume->on.items[i]))
			mistake(check, "on", "partition \"%s\" is not in pool \"%s\"",
				volume->on.items[i], volume->pool);
	uint64_t members = volume_pool_members(check->node, volume->pool);
	uint64_t wanted = 1;
	if (text_equal(check->type, "striped"))
		wanted = volume->stripes;
	else if (text_equal(check->type, "raid1"))
		wanted = volume->mirrors == FIELD_UNSET ? 2 : volume->mirrors + 1;
	if (wanted == FIELD_UNSET)
		mistake(check, NULL, "stripes is missing; write stripes = 2");
	else if (volume->on.count > 0 ? wanted > volume->on.count : wanted > members)
		mistake(check, text_equal(check->type, "striped") ? "stripes" : "mirrors",
			"needs %llu partitions; %s has %llu", (unsigned long long)wanted,
			volume->on.count ? "`on`" : "its pool",
			(unsigned long long)(volume->on.count ? volume->on.count : members));
	if (volume->stripe_size != FIELD_UNSET &&
	    (volume->stripe_size & (volume->stripe_size - 1)) != 0)
		mistake(check, "stripe_size", "stripe_size is not a power of two; write \"64K\"");
}

/* A volume that this one names: there, of this type, in the same pool. */
static void check_named(const struct check *check, const char *field, const char *name,
			const char *type)
{
	const struct spec *other = refer_find(check->node, "volume", name);
	if (other == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_choices(check->node, "volume", &known);
		mistake(check, field, "%s: there is no volume \"%s\"%s", field, name,
			str_text(&known));
	} else if (!text_equal(device_volume_type(other), type)) {
		mistake(check, field, "%s: volume \"%s\" is %s, not %s", field, name,
			device_volume_type(other), type);
	} else if (!text_equal(refer_text(other, "pool"), check->volume->pool)) {
		mistake(check, field, "%s: volume \"%s\" is in pool \"%s\"; take the same", field,
			name, refer_text(other, "pool"));
	}
}

const char *volume_thin_pool(const struct site_node *node, const struct spec *volume)
{
	if (device_volume_circles(node, volume))
		return NULL;
	while (volume != NULL && refer_text(volume, "thin_pool") == NULL) {
		const char *of = refer_text(volume, "of");
		volume = of ? refer_find(node, "volume", of) : NULL;
	}
	return volume ? refer_text(volume, "thin_pool") : NULL;
}

static void check_thin(const struct check *check)
{
	const struct volume *volume = check->volume;
	if (device_volume_circles(check->node, check->want)) {
		mistake(check, "of", "of: \"%s\" is a clone of this one, by way of others",
			volume->of);
		return;
	}
	if (volume->of != NULL) {
		const struct spec *golden = refer_find(check->node, "volume", volume->of);
		const char *thin_pool = golden ? volume_thin_pool(check->node, golden) : NULL;
		check_named(check, "of", volume->of, "thin");
		if (volume->thin_pool && thin_pool && !text_equal(volume->thin_pool, thin_pool))
			mistake(check, "thin_pool",
				"is in thin pool \"%s\" as its golden volume is; leave "
				"thin_pool out",
				thin_pool);
		uint64_t least = device_size(check->node, "volume", volume->of);
		if (least != FIELD_UNSET && volume->size < least) {
			AUTO_FREE char *has = size_text(volume->size);
			AUTO_FREE char *needs = size_text(least);
			mistake(check, "size",
				"has %s, and its golden volume \"%s\" has %s; leave the size "
				"out, or write more",
				has, volume->of, needs);
		}
	} else if (volume->thin_pool == NULL) {
		mistake(check, NULL, "thin_pool is missing; name a volume of type thin-pool");
	}
	if (volume->thin_pool != NULL)
		check_named(check, "thin_pool", volume->thin_pool, "thin-pool");
}

struct sum {
	const struct site_node *node;
	const char *name; /* of the pool, or of the thin pool */
	uint64_t bytes;
};

static void add_promise(const struct spec *volume, void *context)
{
	struct sum *sum = context;
	if (!text_equal(device_volume_type(volume), "thin") ||
	    !text_equal(volume_thin_pool(sum->node, volume), sum->name))
		return;
	uint64_t size = device_size(sum->node, "volume", volume->id);
	sum->bytes += size == FIELD_UNSET ? 0 : size;
}

/* A thin pool that runs full fails writes of everybody in it: only who says so takes the risk. */
static void check_promises(const struct check *check)
{
	struct sum sum = { check->node, check->want->id, 0 };
	uint64_t percent = check->volume->overcommit_percent;
	uint64_t size = device_size(check->node, "volume", check->want->id);
	if (size == FIELD_UNSET)
		return;
	refer_each(check->node, "volume", add_promise, &sum);
	uint64_t unit = size / 100 ? size / 100 : 1;
	if (percent == FIELD_UNSET ? sum.bytes <= size : sum.bytes / unit <= percent)
		return;
	AUTO_FREE char *promised = size_text(sum.bytes);
	AUTO_FREE char *has = size_text(size);
	mistake(check, "size",
		"its thin volumes promise %s, and it has %s; write overcommit_percent = %llu "
		"if they may",
		promised, has, (unsigned long long)((sum.bytes + unit - 1) / unit));
}

static void add_take(const struct spec *volume, void *context)
{
	struct sum *sum = context;
	if (text_equal(refer_text(volume, "pool"), sum->name))
		sum->bytes += device_volume_takes(sum->node, volume);
}

uint64_t volume_pool_wanted(const struct site_node *node, const char *pool)
{
	struct sum sum = { node, pool, 0 };
	refer_each(node, "volume", add_take, &sum);
	return sum.bytes;
}

uint64_t volume_pool_members(const struct site_node *node, const char *pool)
{
	const struct spec *spec = refer_find(node, "pool", pool);
	return spec && !spec->broken ? refer_list(spec, "partitions")->count : FIELD_UNSET;
}

void volume_check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct volume *volume = want->body;
	const struct check check = { node, want, volume, device_volume_type(want), mistakes };
	(void)site;
	if (volume->pool != NULL && refer_find(node, "pool", volume->pool) == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_choices(node, "pool", &known);
		mistake(&check, "pool", "there is no pool \"%s\"%s", volume->pool,
			str_text(&known));
	}
	if (volume->pool != NULL)
		check_device_name(&check);
	/* lvm(8): names that start so are reserved. */
	if (text_starts(want->id, "snapshot") || text_starts(want->id, "pvmove"))
		mistake(&check, "name",
			"LVM keeps names that start with \"snapshot\" or \"pvmove\" for "
			"itself; choose another");
	check_fields(&check);
	check_scrub(&check);
	check_places(&check);
	if (text_equal(check.type, "thin"))
		check_thin(&check);
	if (text_equal(check.type, "thin-pool")) {
		check_promises(&check);
		refer_check_package(node, want, "thin-provisioning-tools", check.type, mistakes);
	}
}
