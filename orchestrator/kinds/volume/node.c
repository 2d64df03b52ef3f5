/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/device.h"
#include "engine/plan.h"
#include "kinds/volume/spec.h"
#include "system/lvm.h"
#include "system/node.h"
#include "system/scrub.h"

#define TAG_OF "moyai.of="
#define TAG_RESET "moyai.reset="
#define TAG_SNAPSHOT "moyai.snapshot-of="
#define TAG_AT "moyai.snapshot-at="
#define TAG_SCRUB "moyai.scrub="
#define CHUNK_SIZE "64k"

/* How long a new mirror is waited for. One of terabytes takes hours, and may be used meanwhile:
   plan and status say how far it is. */
enum { SYNC_WAIT_MS = 20000, SYNC_POLL_MS = 250, STILL_WAIT_MS = 5000 };

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	size_t i;
	json_t *volume;
	if (lvm_read(node, err) != 0)
		return -1;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, volume)
	{
		if (lvm_pool_name(volume) && lvm_tagged(volume, "lv_tags"))
			text_list_add(owned, lvm_text(volume, "lv_name"));
	}
	return 0;
}

/* In the wanted pool, or else wherever one of ours has this name. */
static const json_t *locate(const struct node *node, const char *id, const char *pool)
{
	size_t i;
	const json_t *volume = pool ? lvm_volume(node, id, pool) : NULL;
	if (volume != NULL)
		return volume;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, volume)
	{
		if (strcmp(lvm_text(volume, "lv_name"), id) == 0 && lvm_pool_name(volume) &&
		    lvm_tagged(volume, "lv_tags"))
			return volume;
	}
	return NULL;
}

/* "raid,raid1" → "raid1"; what we never make has LVM's own word for it. */
static char *type_of(const json_t *volume)
{
	static const struct {
		const char *layout;
		const char *type;
	} TYPES[] = {
		{ "linear", "linear" },	   { "striped", "striped" },	 { "raid,raid1", "raid1" },
		{ "thin,sparse", "thin" }, { "thin,pool", "thin-pool" },
	};
	const char *layout = lvm_text(volume, "lv_layout");
	for (size_t i = 0; i < COUNT_OF(TYPES); i++)
		if (strcmp(layout, TYPES[i].layout) == 0)
			return xstrdup(TYPES[i].type);
	return xstrdup(layout);
}

/* lvremove takes what depends on a volume along, unasked: thin volumes with their pool, old-style
   snapshots with their origin. */
static char *dependent_of_others(const struct node *node, const json_t *volume)
{
	const char *name = lvm_text(volume, "lv_name");
	const char *group = lvm_text(volume, "vg_name");
	size_t i;
	const json_t *other;
	json_array_foreach(json_object_get(node->lvm, "lv"), i, other)
	{
		bool inside = strcmp(lvm_text(other, "pool_lv"), name) == 0;
		bool snapshot = strcmp(lvm_text(other, "origin"), name) == 0 &&
				lvm_text(other, "pool_lv")[0] == '\0';
		if ((inside || snapshot) && strcmp(lvm_text(other, "vg_name"), group) == 0 &&
		    !lvm_tagged(other, "lv_tags"))
			return xasprintf("the logical volume %s/%s needs it, and is not ours",
					 group, lvm_text(other, "lv_name"));
	}
	return NULL;
}

/* While partitions are still to be added nobody knows yet what the pool will have. */
static void look_at_pool(const struct node *node, const struct volume *want, struct volume *have)
{
	const json_t *group = lvm_group(node, want->pool);
	uint64_t members = 0;
	size_t i;
	const json_t *physical;
	if (group == NULL)
		return;
	json_array_foreach(json_object_get(node->lvm, "pv"), i, physical)
	{
		members += strcmp(lvm_text(physical, "vg_name"), lvm_text(group, "vg_name")) == 0;
	}
	if (want->pool_members != FIELD_UNSET && members < want->pool_members)
		return;
	have->pool_size = lvm_number(group, "vg_size");
	have->pool_free = lvm_number(group, "vg_free");
}

/* What the tag says; none: there is no tag. The caller frees. */
static char *scrub_of(const json_t *volume)
{
	char *tag = lvm_tag_value(volume, "lv_tags", TAG_SCRUB);
	return tag ? tag : xstrdup("none");
}

static void fill(const struct node *node, const json_t *volume, struct volume *have)
{
	const json_t *segment = lvm_segment(node, volume);
	const char *thin_pool = lvm_text(volume, "pool_lv");
	AUTO_FREE char *reset = lvm_tag_value(volume, "lv_tags", TAG_RESET);
	uint64_t areas = segment ? lvm_number(segment, "stripes") : 0;
	have->name = xstrdup(lvm_text(volume, "lv_name"));
	have->pool = xstrdup(lvm_pool_name(volume));
	have->type = type_of(volume);
	have->size = lvm_number(volume, "lv_size");
	have->scrub = scrub_of(volume);
	have->active = strcmp(lvm_text(volume, "lv_active"), "active") == 0;
	have->thin_pool = *thin_pool ? xstrdup(thin_pool) : NULL;
	have->of = lvm_tag_value(volume, "lv_tags", TAG_OF);
	have->snapshot_of = lvm_tag_value(volume, "lv_tags", TAG_SNAPSHOT);
	AUTO_FREE char *at = lvm_tag_value(volume, "lv_tags", TAG_AT);
	if (at != NULL)
		have->snapshot_at = strtoull(at, NULL, 10);
	/* Also of one that is no clone: that it is to be one now is another number. */
	if (strcmp(have->type, "thin") == 0)
		have->reset = reset ? strtoull(reset, NULL, 10) : 0;
	if (strcmp(have->type, "striped") == 0) {
		have->stripes = areas;
		have->stripe_size = lvm_number(segment, "stripe_size");
	} else if (strcmp(have->type, "raid1") == 0) {
		have->mirrors = areas - 1;
		const char *health = lvm_text(volume, "lv_health_status");
		have->whole = *health == '\0';
		have->health = *health ? xstrdup(health) : NULL;
		have->synced_percent = lvm_percent(volume, "sync_percent");
	} else if (strcmp(have->type, "thin-pool") == 0) {
		have->metadata = lvm_number(volume, "lv_metadata_size");
		have->used_percent = lvm_percent(volume, "data_percent");
		have->metadata_percent = lvm_percent(volume, "metadata_percent");
	}
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct volume *want = wanted ? wanted->body : NULL;
	struct volume *have = seen->body;
	*found = false;
	if (lvm_read(node, err) != 0)
		return -1;
	if (want != NULL)
		look_at_pool(node, want, have);
	const json_t *volume = locate(node, id, want ? want->pool : NULL);
	if (volume == NULL)
		return 0;
	/* Without the mark it is as if nothing was there, but for the name being taken. */
	if (!lvm_tagged(volume, "lv_tags")) {
		have->foreign =
			xasprintf("the logical volume %s/%s is there without the tag \"%s\", "
				  "so it is not ours",
				  lvm_text(volume, "vg_name"), id, LVM_TAG);
		return 0;
	}
	fill(node, volume, have);
	/* It was set back later than is asked for: what asks is older, and is not to undo that. */
	if (want != NULL && want->of != NULL && have->reset != FIELD_UNSET &&
	    have->reset > want->reset) {
		have->reset = want->reset;
		free(have->of);
		have->of = xstrdup(want->of);
	}
	have->dependent = dependent_of_others(node, volume);
	*found = true;
	return 0;
}

static void add_number(struct text_list *args, const char *option, uint64_t number)
{
	text_list_add(args, option);
	text_list_take(args, xasprintf("%llu", (unsigned long long)number));
}

static void add_bytes(struct text_list *args, const char *option, uint64_t bytes)
{
	text_list_add(args, option);
	text_list_take(args, xasprintf("%llub", (unsigned long long)bytes));
}

static void add_all(struct text_list *args, const char *const *items)
{
	for (; *items; items++)
		text_list_add(args, *items);
}
#define ADD(args, ...) add_all(args, (const char *const[]){ __VA_ARGS__, NULL })

/* The partitions it may lie on, by the tags of their physical volumes. */
static void add_places(struct text_list *args, const struct volume *want)
{
	for (size_t i = 0; i < want->on.count; i++)
		text_list_take(args, xasprintf("@" LVM_PLACE "%s", want->on.items[i]));
}

static void add_type(struct text_list *args, const struct volume *want)
{
	ADD(args, "--type", want->type);
	if (strcmp(want->type, "thin") == 0) {
		ADD(args, "--thinpool", want->thin_pool);
		add_bytes(args, "--virtualsize", want->size);
		return;
	}
	add_bytes(args, "--size", want->size);
	if (strcmp(want->type, "thin-pool") == 0) {
		/* The spare is for repairs, and room for one is as good: a pool takes what it
		   says and no more. New chunks are zeroed, so that nobody sees what was there. */
		add_bytes(args, "--poolmetadatasize", want->metadata);
		ADD(args, "--poolmetadataspare", "n", "--chunksize", CHUNK_SIZE, "--zero", "y",
		    "--discards", "passdown");
		return;
	}
	if (strcmp(want->type, "striped") == 0) {
		add_number(args, "--stripes", want->stripes);
		add_bytes(args, "--stripesize", want->stripe_size);
	} else if (strcmp(want->type, "raid1") == 0) {
		add_number(args, "--mirrors", want->mirrors);
	}
	/* Extents may have held another volume: what it left must not be found. */
	ADD(args, "--wipesignatures", "y", "--zero", "y");
}

/* It begins as that one is now. */
static void add_origin(struct text_list *args, const struct volume *want, const char *origin)
{
	ADD(args, "--snapshot", "--setactivationskip", "n");
	text_list_take(args, xasprintf(LVM_GROUP "%s/%s", want->pool, origin));
}

static void add_new(struct text_list *args, const struct volume *want)
{
	add_type(args, want);
	text_list_take(args, xasprintf(LVM_GROUP "%s", want->pool));
	add_places(args, want);
}

/* A snapshot is of a disk that nobody writes to. What looks at a disk that was just closed is gone soon. */
static int check_still(struct node *node, const struct volume *want, struct err *err)
{
	for (unsigned waited_ms = 0;; waited_ms += SYNC_POLL_MS) {
		const json_t *origin = lvm_volume(node, want->snapshot_of, want->pool);
		if (origin == NULL || strcmp(lvm_text(origin, "lv_device_open"), "open") != 0)
			return 0;
		if (waited_ms >= STILL_WAIT_MS)
			break;
		nanosleep(&(struct timespec){ 0, SYNC_POLL_MS * 1000000L }, NULL);
		node_forget(node);
		if (lvm_read(node, err) != 0)
			return -1;
	}
	return err_set(err,
		       "%s is in use, and a snapshot is of a disk that is not; stop its cluster",
		       want->snapshot_of);
}

/* A disk that is not there has what it would begin with. */
static void add_snapshot(struct node *node, const struct volume *want, struct text_list *args)
{
	text_list_add(args, "--addtag");
	text_list_take(args, xasprintf(TAG_SNAPSHOT "%s", want->snapshot_of));
	text_list_add(args, "--addtag");
	text_list_take(args, xasprintf(TAG_AT "%llu", (unsigned long long)want->snapshot_at));
	if (lvm_volume(node, want->snapshot_of, want->pool) != NULL)
		add_origin(args, want, want->snapshot_of);
	else if (want->begins_as != NULL)
		add_origin(args, want, want->begins_as);
	else
		add_new(args, want);
}

static int create(struct node *node, const struct volume *want, struct err *err)
{
	AUTO_LIST struct text_list args = TEXT_LIST_INIT;
	ADD(&args, "lvcreate", "--yes", "--addtag", LVM_TAG, "--name", want->name);
	if (want->scrub != NULL && !text_equal(want->scrub, "none")) {
		text_list_add(&args, "--addtag");
		text_list_take(&args, xasprintf(TAG_SCRUB "%s", want->scrub));
	}
	if (want->of != NULL) {
		text_list_add(&args, "--addtag");
		text_list_take(&args, xasprintf(TAG_OF "%s", want->of));
		text_list_add(&args, "--addtag");
		text_list_take(&args, xasprintf(TAG_RESET "%llu", (unsigned long long)want->reset));
		add_origin(&args, want, want->of);
	} else if (want->snapshot_of != NULL) {
		if (check_still(node, want, err) != 0)
			return -1;
		add_snapshot(node, want, &args);
	} else {
		add_new(&args, want);
	}
	return lvm_change_list(&args, err);
}

static int set_scrub(const struct volume *want, const json_t *there, const char *path,
		     struct err *err)
{
	AUTO_FREE char *have = scrub_of(there);
	AUTO_LIST struct text_list args = TEXT_LIST_INIT;
	if (want->scrub == NULL || text_equal(have, want->scrub))
		return 0;
	ADD(&args, "lvchange");
	if (!text_equal(have, "none")) {
		text_list_add(&args, "--deltag");
		text_list_take(&args, xasprintf(TAG_SCRUB "%s", have));
	}
	if (!text_equal(want->scrub, "none")) {
		text_list_add(&args, "--addtag");
		text_list_take(&args, xasprintf(TAG_SCRUB "%s", want->scrub));
	}
	text_list_add(&args, path);
	return lvm_change_list(&args, err);
}

/* Bigger, active and whole; from whatever is there. */
static int adjust(const struct volume *want, const json_t *there, struct err *err)
{
	AUTO_FREE char *path = xasprintf(LVM_GROUP "%s/%s", want->pool, want->name);
	const char *health = lvm_text(there, "lv_health_status");
	if (strcmp(lvm_text(there, "lv_active"), "active") != 0 &&
	    LVM_CHANGE(err, "lvchange", "--activate", "y", path) != 0)
		return -1;
	if (want->metadata != FIELD_UNSET &&
	    lvm_number(there, "lv_metadata_size") < want->metadata) {
		AUTO_LIST struct text_list args = TEXT_LIST_INIT;
		ADD(&args, "lvextend", "--poolmetadataspare", "n");
		add_bytes(&args, "--poolmetadatasize", want->metadata);
		text_list_add(&args, path);
		add_places(&args, want);
		if (lvm_change_list(&args, err) != 0)
			return -1;
	}
	if (lvm_number(there, "lv_size") < want->size) {
		AUTO_LIST struct text_list args = TEXT_LIST_INIT;
		ADD(&args, "lvextend");
		add_bytes(&args, "--size", want->size);
		text_list_add(&args, path);
		add_places(&args, want);
		if (lvm_change_list(&args, err) != 0)
			return -1;
	}
	if (set_scrub(want, there, path, err) != 0)
		return -1;
	/* A copy that was away for a while is taken back. */
	if (strcmp(health, VOLUME_REFRESH) == 0)
		return LVM_CHANGE(err, "lvchange", "--refresh", path);
	return 0;
}

static int wait_in_sync(struct node *node, const struct volume *want, struct err *err)
{
	for (unsigned waited_ms = 0; waited_ms < SYNC_WAIT_MS; waited_ms += SYNC_POLL_MS) {
		node_forget(node);
		if (lvm_read(node, err) != 0)
			return -1;
		const json_t *there = lvm_volume(node, want->name, want->pool);
		/* Not what is rounded: 99.98 is not in sync. */
		if (there == NULL || strcmp(lvm_text(there, "sync_percent"), "100.00") == 0)
			return 0;
		nanosleep(&(struct timespec){ 0, SYNC_POLL_MS * 1000000L }, NULL);
	}
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct volume *want = step->want->body;
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *there = lvm_volume(node, want->name, want->pool);
	if (there == NULL) {
		if (create(node, want, err) != 0)
			return -1;
		/* A clone begins with its golden volume's size. */
		node_forget(node);
		if (lvm_read(node, err) != 0)
			return -1;
		there = lvm_volume(node, want->name, want->pool);
	}
	if (there != NULL && adjust(want, there, err) != 0)
		return -1;
	return strcmp(want->type, "raid1") == 0 ? wait_in_sync(node, want, err) : 0;
}

/* A thin pool zeroes what it gives to another volume. */
static int scrub(struct node *node, const json_t *volume, const char *path, struct err *err)
{
	AUTO_FREE char *how = scrub_of(volume);
	AUTO_FREE char *type = type_of(volume);
	AUTO_FREE char *device = xasprintf("/dev/%s", path);
	if (text_equal(how, "none") || text_equal(type, "thin"))
		return 0;
	if (strcmp(lvm_text(volume, "lv_active"), "active") != 0 &&
	    LVM_CHANGE(err, "lvchange", "--activate", "y", path) != 0)
		return -1;
	return scrub_device(node, device, text_equal(how, "overwrite"), err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	if (lvm_read(node, err) != 0)
		return -1;
	const json_t *volume = locate(node, id, NULL);
	if (volume == NULL)
		return 0;
	AUTO_FREE char *path = xasprintf("%s/%s", lvm_text(volume, "vg_name"), id);
	return scrub(node, volume, path, err) == 0 ? LVM_CHANGE(err, "lvremove", "--yes", path)
						   : -1;
}

const struct kind_node volume_node = {
	.name = "volume",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
