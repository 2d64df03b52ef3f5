/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/pool/spec.h"

#include <string.h>

#include "base/size.h"
#include "engine/device.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct pool, member)
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 40, NULL, NULL,
	  "the volume group is moyai-NAME" },
	{ "partitions", FIELD_LIST, AT(partitions), FIELD_REQUIRED, 1, 64, NULL, NULL,
	  "names of partitions of the same node; more can be added later" },
	{ "filled", FIELD_BOOL, AT(filled), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether the physical volumes fill their partitions and carry their names as tags" },
	{ "free", FIELD_BYTES, AT(free), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what new volumes can have" },
	{ "partitions_hold", FIELD_TEXT, AT(partitions_hold), FIELD_DERIVED | FIELD_VOLATILE, 0, 0,
	  NULL, NULL, "why a partition is not used" },
	FIELD_END
};

struct sum {
	const struct site_node *node;
	const char *pool;
	uint64_t bytes;
};

static void add_volume(const struct spec *spec, void *context)
{
	struct sum *sum = context;
	if (text_equal(refer_text(spec, "pool"), sum->pool))
		sum->bytes += device_volume_takes(sum->node, spec);
}

/* Only when every partition has a declared size can it be said beforehand. */
static void check_sum(const struct site_node *node, const struct spec *want,
		      struct mistakes *mistakes)
{
	const struct pool *pool = want->body;
	struct sum volumes = { .node = node, .pool = pool->name };
	uint64_t room = 0;
	for (size_t i = 0; i < pool->partitions.count; i++) {
		uint64_t size = device_size(node, "partition", pool->partitions.items[i]);
		if (size == FIELD_UNSET)
			return;
		/* LVM's own megabyte at the start, then whole extents. */
		room += (size - (1 << 20)) / DEVICE_EXTENT * DEVICE_EXTENT;
	}
	refer_each(node, "volume", add_volume, &volumes);
	if (volumes.bytes <= room)
		return;
	AUTO_FREE char *wanted = size_text(volumes.bytes);
	AUTO_FREE char *there = size_text(room);
	mistake_add(mistakes, place_of(want->place, "partitions"),
		    "pool \"%s\": its volumes need %s; its partitions have room for %s", want->id,
		    wanted, there);
}

/* The first partition of the one that the other has, too. */
static const char *shared_partition(const struct spec *a, const struct spec *b)
{
	const struct pool *one = a->body;
	const struct pool *other = b->body;
	for (size_t i = 0; i < one->partitions.count; i++)
		if (text_list_has(&other->partitions, one->partitions.items[i]))
			return one->partitions.items[i];
	return NULL;
}

static bool share(const struct spec *a, const struct spec *b)
{
	return shared_partition(a, b) != NULL;
}

static void check_partition(const struct site_node *node, const struct spec *want, size_t index,
			    struct mistakes *mistakes)
{
	const struct pool *pool = want->body;
	const char *name = pool->partitions.items[index];
	for (size_t i = 0; i < index; i++)
		if (text_equal(pool->partitions.items[i], name)) {
			mistake_add(mistakes, place_of_item(want->place, "partitions", index),
				    "pool \"%s\": partition \"%s\" is there twice", want->id, name);
			return;
		}
	if (refer_find(node, "partition", name) != NULL)
		return;
	AUTO_STR struct str known = STR_INIT;
	refer_choices(node, "partition", &known);
	mistake_add(mistakes, place_of_item(want->place, "partitions", index),
		    "pool \"%s\": there is no partition \"%s\"%s", want->id, name,
		    str_text(&known));
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct pool *pool = want->body;
	(void)site;
	for (size_t i = 0; i < pool->partitions.count; i++)
		check_partition(node, want, i, mistakes);
	const struct spec *earlier = refer_earlier(node, want, share);
	if (earlier != NULL)
		mistake_add(mistakes, place_of(want->place, "partitions"),
			    "pool \"%s\": partition \"%s\" is in pool \"%s\" already", want->id,
			    shared_partition(want, earlier), earlier->id);
	check_sum(node, want, mistakes);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct pool *pool = want->body;
	(void)from;
	(void)err;
	pool->filled = 1;
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct pool *pool = spec->body;
	(void)err;
	for (size_t i = 0; i < pool->partitions.count; i++)
		refs_add(out, NULL, "partition", pool->partitions.items[i]);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct pool *want = step->want ? step->want->body : NULL;
	const struct pool *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (want == NULL || seen == NULL)
		return 0;
	if (seen->partitions_hold != NULL) {
		step->refused = xstrdup(seen->partitions_hold);
		return 0;
	}
	for (size_t i = 0; i < seen->partitions.count; i++) {
		const char *name = seen->partitions.items[i];
		if (text_list_has(&want->partitions, name))
			continue;
		step->refused = xasprintf("pool %s: partition %s is in use; Moyai does not take "
					  "partitions out of a pool",
					  step->id, name);
		return 0;
	}
	return 0;
}

const struct kind_spec pool_spec = {
	.name = "pool",
	.section = "pools",
	.doc = "an LVM volume group that volumes are cut from",
	.example = "{ name = \"main\"; partitions = [ \"main\" ]; }",
	.package = "lvm2",
	.size = sizeof(struct pool),
	.fields = FIELDS,
	.holds_data = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
