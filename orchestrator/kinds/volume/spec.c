/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/volume/spec.h"

#include <stdlib.h>

#include "base/size.h"
#include "engine/device.h"
#include "engine/plan.h"
#include "kinds/volume/check.h"

#define AT(member) offsetof(struct volume, member)
#define SEEN (FIELD_DERIVED | FIELD_VOLATILE)
/* `on` is not compared: it says where a volume is put, not where it may be. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the logical volume's name" },
	{ "pool", FIELD_NAME, AT(pool), FIELD_REQUIRED | FIELD_FIXED, 0, 0, NULL, NULL,
	  "the pool it is cut from" },
	{ "type", FIELD_CHOICE, AT(type), FIELD_FIXED, 0, 0, "linear striped raid1 thin thin-pool",
	  NULL, "linear when not written, thin when `of` is" },
	{ "size", FIELD_BYTES, AT(size), FIELD_GROW_ONLY, 1, 1ULL << 60, NULL, NULL,
	  "rounded up to 4M per stripe; a clone has its golden volume's when not written" },
	{ "stripes", FIELD_NUMBER, AT(stripes), FIELD_FIXED, 2, 64, NULL, NULL,
	  "striped: over how many partitions" },
	{ "stripe_size", FIELD_BYTES, AT(stripe_size), FIELD_FIXED, 4096, DEVICE_EXTENT, NULL, NULL,
	  "striped: a power of two; 64K when not written" },
	{ "mirrors", FIELD_NUMBER, AT(mirrors), FIELD_FIXED, 1, 9, NULL, NULL,
	  "raid1: copies besides the first, each on another partition; 1 when not written" },
	{ "thin_pool", FIELD_NAME, AT(thin_pool), FIELD_FIXED, 0, 0, NULL, NULL,
	  "thin: the volume of type thin-pool that holds its data" },
	{ "of", FIELD_NAME, AT(of), FIELD_REPLACEABLE, 0, 0, NULL, NULL,
	  "the golden volume it begins as: a thin one of the same pool" },
	{ "reset", FIELD_NUMBER, AT(reset), FIELD_REPLACEABLE, 0, UINT32_MAX, NULL, NULL,
	  "of a clone: raise it to make it what its golden volume is now" },
	{ "snapshot_of", FIELD_NAME, AT(snapshot_of), FIELD_DERIVED | FIELD_REPLACEABLE, 0, 0, NULL,
	  NULL, "of a cluster's snapshot: the disk that it is a copy of" },
	{ "snapshot_at", FIELD_NUMBER, AT(snapshot_at), FIELD_DERIVED | FIELD_FIXED, 0, 0, NULL,
	  NULL, "of a cluster's snapshot: when it was asked for" },
	{ "begins_as", FIELD_NAME, AT(begins_as), SEEN, 0, 0, NULL, NULL,
	  "of a snapshot of a disk that is not there: the golden volume" },
	{ "keeper", FIELD_NAME, AT(keeper), SEEN, 0, 0, NULL, NULL,
	  "of a stopped cluster's disk: the node that offers it to nobody meanwhile" },
	{ "guest", FIELD_NAME, AT(guest), SEEN, 0, 0, NULL, NULL,
	  "of a stopped cluster's disk: who must not run while it is copied or set back" },
	{ "hosts", FIELD_LIST, AT(hosts), SEEN, 0, 0, NULL, NULL, "where that might run" },
	{ "on", FIELD_LIST, AT(on), FIELD_VOLATILE, 1, 64, NULL, NULL,
	  "partitions of the pool it is put on, and grows on; any when not written" },
	{ "overcommit_percent", FIELD_NUMBER, AT(overcommit_percent), FIELD_VOLATILE, 100, 100000,
	  NULL, NULL,
	  "thin-pool: how much of its size its volumes may promise; 100 when not written" },
	{ "warn_percent", FIELD_NUMBER, AT(warn_percent), FIELD_VOLATILE, 1, 100, NULL, NULL,
	  "thin-pool: plan and status warn from this use on; 80 when not written" },
	{ "scrub", FIELD_CHOICE, AT(scrub), 0, 0, 0, "none discard overwrite", NULL,
	  "what becomes of its content when it is removed: given back to the disk (overwritten "
	  "where that takes none back), or written over with zeros; none when not written" },
	{ "active", FIELD_BOOL, AT(active), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether there is a device for it" },
	{ "whole", FIELD_BOOL, AT(whole), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether every copy of a mirror is in use" },
	{ "metadata", FIELD_BYTES, AT(metadata), FIELD_DERIVED | FIELD_GROW_ONLY, 0, 0, NULL, NULL,
	  "what a thin pool keeps for its tables" },
	{ "takes", FIELD_BYTES, AT(takes), SEEN, 0, 0, NULL, NULL,
	  "what it takes of the pool, copies and metadata counted" },
	{ "pool_wanted", FIELD_BYTES, AT(pool_wanted), SEEN, 0, 0, NULL, NULL,
	  "what all volumes of the pool take" },
	{ "pool_members", FIELD_NUMBER, AT(pool_members), SEEN, 0, 0, NULL, NULL,
	  "how many partitions the pool is to have" },
	{ "pool_size", FIELD_BYTES, AT(pool_size), SEEN, 0, 0, NULL, NULL, "what the pool has" },
	{ "pool_free", FIELD_BYTES, AT(pool_free), SEEN, 0, 0, NULL, NULL,
	  "what is free in the pool" },
	{ "used_percent", FIELD_NUMBER, AT(used_percent), SEEN, 0, 0, NULL, NULL,
	  "how full a thin pool is" },
	{ "metadata_percent", FIELD_NUMBER, AT(metadata_percent), SEEN, 0, 0, NULL, NULL,
	  "how full a thin pool's metadata is" },
	{ "synced_percent", FIELD_NUMBER, AT(synced_percent), SEEN, 0, 0, NULL, NULL,
	  "how much of a mirror is in sync" },
	{ "health", FIELD_TEXT, AT(health), SEEN, 0, 0, NULL, NULL,
	  "what is wrong with a mirror, in LVM's words" },
	{ "foreign", FIELD_TEXT, AT(foreign), SEEN, 0, 0, NULL, NULL,
	  "why the logical volume of this name is not touched" },
	{ "dependent", FIELD_TEXT, AT(dependent), SEEN, 0, 0, NULL, NULL,
	  "what keeps it from being removed" },
	FIELD_END
};

enum { STRIPE_SIZE = 64 * 1024, WARN_PERCENT = 80 };

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct volume *volume = want->body;
	(void)err;
	volume->size = device_size(from->node, "volume", want->id);
	volume->takes = device_volume_takes(from->node, want);
	volume->pool_wanted = volume_pool_wanted(from->node, volume->pool);
	volume->pool_members = volume_pool_members(from->node, volume->pool);
	if (volume->type == NULL)
		volume->type = xstrdup(device_volume_type(want));
	volume->active = 1;
	if (volume->scrub == NULL)
		volume->scrub = xstrdup("none");
	if (text_equal(volume->type, "striped") && volume->stripe_size == FIELD_UNSET)
		volume->stripe_size = STRIPE_SIZE;
	if (text_equal(volume->type, "raid1")) {
		if (volume->mirrors == FIELD_UNSET)
			volume->mirrors = 1;
		volume->whole = 1;
	}
	if (text_equal(volume->type, "thin-pool")) {
		volume->metadata = device_thin_metadata(volume->size);
		if (volume->warn_percent == FIELD_UNSET)
			volume->warn_percent = WARN_PERCENT;
	}
	if (volume->of != NULL) {
		const char *thin_pool = volume_thin_pool(from->node, want);
		if (volume->thin_pool == NULL && thin_pool != NULL)
			volume->thin_pool = xstrdup(thin_pool);
		if (volume->reset == FIELD_UNSET)
			volume->reset = 0;
	}
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct volume *volume = spec->body;
	(void)err;
	if (volume->pool != NULL)
		refs_add(out, NULL, "pool", volume->pool);
	if (volume->thin_pool != NULL)
		refs_add(out, NULL, "volume", volume->thin_pool);
	if (volume->of != NULL)
		refs_add(out, NULL, "volume", volume->of);
	for (size_t i = 0; i < volume->hosts.count; i++)
		refs_add_gone(out, volume->hosts.items[i], "guest", volume->guest);
	if (volume->keeper != NULL && volume->snapshot_of != NULL)
		refs_add_gone(out, volume->keeper, "target", volume->snapshot_of);
	return 0;
}

/* What is already held of the pool; a mirror has all its copies. */
static uint64_t held(const struct volume *want, const struct volume *seen)
{
	if (seen->size == FIELD_UNSET || text_equal(seen->type, "thin"))
		return 0;
	if (want->mirrors != FIELD_UNSET)
		return (seen->size + DEVICE_EXTENT) * (want->mirrors + 1);
	return seen->size + (seen->metadata == FIELD_UNSET ? 0 : seen->metadata);
}

static void judge_room(struct step *step, const struct volume *want, const struct volume *seen)
{
	uint64_t has = held(want, seen);
	if (seen->pool_free == FIELD_UNSET || want->takes == FIELD_UNSET || want->takes <= has)
		return;
	AUTO_FREE char *missing = size_text(want->takes - has);
	AUTO_FREE char *left = size_text(seen->pool_free);
	AUTO_FREE char *room = size_text(seen->pool_size);
	AUTO_FREE char *declared = size_text(want->pool_wanted);
	if (want->takes - has > seen->pool_free)
		step->refused = xasprintf("pool %s has %s free; volume %s needs %s%s", want->pool,
					  left, step->id, missing, has ? " more" : "");
	else if (want->pool_wanted != FIELD_UNSET && want->pool_wanted > seen->pool_size)
		step->refused = xasprintf("pool %s has room for %s of volumes; %s are declared",
					  want->pool, room, declared);
}

/* A copy that was away is taken back by itself; one that is gone takes a disk. */
static void judge_health(struct step *step, const struct volume *seen)
{
	if (step->refused == NULL && seen->whole == 0 && seen->health != NULL &&
	    !text_equal(seen->health, VOLUME_REFRESH))
		step->refused = xasprintf(
			"volume %s has lost a copy (%s); it goes on with the others; bring the "
			"disk "
			"back, or give the pool another and run lvconvert --repair by hand",
			step->id, seen->health);
}

static char *warn(const struct spec *wanted, const struct spec *seen)
{
	const struct volume *want = wanted->body;
	const struct volume *have = seen->body;
	if (want->warn_percent != FIELD_UNSET && have->used_percent != FIELD_UNSET &&
	    (have->used_percent >= want->warn_percent ||
	     have->metadata_percent >= want->warn_percent))
		return xasprintf(
			"%llu%% of it are used, and %llu%% of its metadata; make it bigger "
			"before writes fail in the volumes that it holds",
			(unsigned long long)have->used_percent,
			(unsigned long long)have->metadata_percent);
	if (have->synced_percent < 100)
		return xasprintf("its copies are in sync to %llu%%",
				 (unsigned long long)have->synced_percent);
	return NULL;
}

static int judge(struct step *step, struct err *err)
{
	const struct volume *want = step->want ? step->want->body : NULL;
	const struct volume *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (seen == NULL)
		return 0;
	if (seen->foreign != NULL) {
		step->refused = xstrdup(seen->foreign);
	} else if (step->action == STEP_REMOVE || step->action == STEP_REPLACE) {
		step->refused = xstrdup(seen->dependent);
	} else if (want != NULL) {
		judge_room(step, want, seen);
		judge_health(step, seen);
	}
	return 0;
}

const struct kind_spec volume_spec = {
	.name = "volume",
	.section = "volumes",
	.doc = "a logical volume, to be exported or used on the node",
	.example = "{ name = \"home\"; pool = \"main\"; size = \"20G\"; }",
	.size = sizeof(struct volume),
	.fields = FIELDS,
	.in_status = true,
	.unit = DEVICE_EXTENT,
	.holds_data = true,
	.check = volume_check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
	.warn = warn,
};
