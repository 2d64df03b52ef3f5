/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/disk.h"

#include <parted/parted.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "system/content.h"
#include "system/gpt.h"
#include "system/library.h"
#include "system/signature.h"
#include "system/sysfs.h"

/* The second copy of a GPT: 16 KiB of entries and a header of one block. */
enum { GPT_TAIL_BYTES = 32 * 1024 };

/* Its constructor starts a shell and dmidecode, and half of what a start of moyai-node loads are its
   libraries: most nodes have no disk to ask it about. */
/* clang-format off */
#define FUNCTIONS(F) \
	F(constraint_destroy) F(constraint_exact) F(device_close) F(device_destroy) F(device_get) \
	F(device_open) F(device_read) F(device_sync) F(device_write) F(disk_add_partition) \
	F(disk_clobber) F(disk_commit) F(disk_delete_partition) F(disk_destroy) F(disk_new) \
	F(disk_new_fresh) F(disk_next_partition) F(disk_probe) F(disk_set_partition_geom) \
	F(disk_type_get) F(exception_set_handler) F(geometry_destroy) F(geometry_new) \
	F(partition_destroy) F(partition_get_name) F(partition_is_active) F(partition_is_busy) \
	F(partition_new) F(partition_set_flag) F(partition_set_name)
/* clang-format on */
static struct {
#define MEMBER(name) __typeof__(ped_##name) *name;
	FUNCTIONS(MEMBER)
} ped;

static int load(struct err *err)
{
#define ENTRY(function) { "ped_" #function, &ped.function },
	static const struct library_function ALL[] = { FUNCTIONS(ENTRY){ NULL, NULL } };
	return library_load("libparted.so.2", ALL, err);
}

/* libparted tells its errors through a callback without context. */
static char why_not[512];
static bool may_repair;
static bool is_torn;

static PedExceptionOption on_exception(PedException *exception)
{
	/* A table that does not fill its disk (the disk has grown) is repaired
	   when something is written anyway, and left alone otherwise. */
	if (may_repair && (exception->options & PED_EXCEPTION_FIX))
		return PED_EXCEPTION_FIX;
	if (exception->options & PED_EXCEPTION_IGNORE)
		return PED_EXCEPTION_IGNORE;
	/* One half of the table is damaged: go on with the other. Nothing is written by that. */
	if (is_torn && (exception->options & PED_EXCEPTION_OK))
		return PED_EXCEPTION_OK;
	size_t length = strnlen(exception->message, sizeof(why_not) - 1);
	memcpy(why_not, exception->message, length);
	why_not[length] = '\0';
	return PED_EXCEPTION_UNHANDLED;
}

static int parted_failed(struct err *err, const char *what)
{
	return err_set(err, "%s: %s", what, why_not[0] ? why_not : "libparted gave no reason");
}

static PedDevice *parted_open(const char *name, bool repair, struct err *err)
{
	AUTO_FREE char *path = xasprintf("/dev/%s", name);
	if (load(err) != 0)
		return NULL;
	ped.exception_set_handler(on_exception);
	why_not[0] = '\0';
	may_repair = repair;
	is_torn = false;
	PedDevice *device = ped.device_get(path);
	if (device == NULL || !ped.device_open(device)) {
		parted_failed(err, path);
		if (device != NULL)
			ped.device_destroy(device);
		return NULL;
	}
	return device;
}

/* libparted opens disks for writing whatever it wants of them; udev then looks
   at the disk again, and may for a moment take the partitions' links away. */
static int parted_close(PedDevice *device, struct err *err)
{
	ped.device_close(device);
	ped.device_destroy(device);
	return sysfs_settle(err);
}

void disk_free(struct disk *disk)
{
	if (disk == NULL)
		return;
	for (size_t i = 0; i < disk->count; i++)
		free(disk->items[i].label);
	free(disk->items);
	free(disk->name);
	free(disk->refusal);
	*disk = (struct disk){ 0 };
}

const struct disk_partition *disk_find(const struct disk *disk, const char *label)
{
	for (size_t i = 0; i < disk->count; i++)
		if (strcmp(disk->items[i].label, label) == 0)
			return &disk->items[i];
	return NULL;
}

static uint64_t align_up(uint64_t at)
{
	return (at + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
}

static uint64_t usable_end(uint64_t disk_bytes)
{
	return disk_bytes < GPT_TAIL_BYTES
		       ? 0
		       : (disk_bytes - GPT_TAIL_BYTES) / DISK_ALIGN * DISK_ALIGN;
}

/* The gap in front of partition i, or behind the last one. */
static uint64_t gap_before(const struct disk *disk, size_t i, uint64_t *start)
{
	uint64_t end = i < disk->count ? disk->items[i].start / DISK_ALIGN * DISK_ALIGN
				       : disk->size + DISK_ALIGN;
	*start = i == 0 ? DISK_ALIGN : align_up(disk->items[i - 1].start + disk->items[i - 1].size);
	return end > *start ? end - *start : 0;
}

static void measure(struct disk *disk)
{
	uint64_t start;
	for (size_t i = 0; i <= disk->count; i++) {
		uint64_t gap = gap_before(disk, i, &start);
		if (gap > disk->gap)
			disk->gap = gap;
		if (i > 0 && gap > 0)
			disk->items[i - 1].room = start + gap - disk->items[i - 1].start;
	}
}

static void add_partition(struct disk *disk, PedPartition *part, uint64_t sector)
{
	const char *label = ped.partition_get_name(part);
	disk->items = xrealloc(disk->items, disk->count + 1, sizeof(*disk->items));
	disk->items[disk->count++] = (struct disk_partition){
		.number = (unsigned)part->num,
		.start = (uint64_t)part->geom.start * sector,
		.size = (uint64_t)part->geom.length * sector,
		.room = (uint64_t)part->geom.length * sector,
		.label = xstrdup(label ? label : ""),
	};
}

static int read_table(struct disk *disk, PedDevice *device, struct err *err)
{
	PedDisk *table = ped.disk_new(device);
	if (table == NULL)
		return parted_failed(err, "its partition table cannot be read");
	for (PedPartition *part = ped.disk_next_partition(table, NULL); part != NULL;
	     part = ped.disk_next_partition(table, part))
		if (ped.partition_is_active(part))
			add_partition(disk, part, (uint64_t)device->sector_size);
	ped.disk_destroy(table);
	return 0;
}

static void refuse(struct disk *disk, const char *path, const char *what, const char *wipe)
{
	if (disk->refusal == NULL)
		disk->refusal = xasprintf("disk %s holds %s; Moyai does not touch it; wipe it by "
					  "hand (%s %s) or name another disk",
					  path, what, wipe, path);
}

static bool ours(const struct disk *disk, const char *prefix)
{
	for (size_t i = 0; i < disk->count; i++)
		if (text_starts(disk->items[i].label, prefix))
			return true;
	return false;
}

/* With ours on it, a signature inside a partition is the partition's matter. */
static bool inside_partition(const struct disk *disk, uint64_t offset)
{
	for (size_t i = 0; i < disk->count; i++)
		if (offset >= disk->items[i].start &&
		    offset < disk->items[i].start + disk->items[i].size)
			return true;
	return false;
}

static int judge_signatures(struct disk *disk, const char *path, struct err *err)
{
	AUTO_FREE char *device = xasprintf("/dev/%s", disk->name);
	struct signatures found = { 0 };
	if (signatures_read(device, &found, err) != 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		AUTO_STR struct str what = STR_INIT;
		if ((disk->gpt || disk->begun) && (strcmp(found.items[i].type, "gpt") == 0 ||
						   strcmp(found.items[i].type, "PMBR") == 0))
			continue;
		if (disk->count > 0 && inside_partition(disk, found.items[i].offset))
			continue;
		signature_describe(&found.items[i], &what);
		refuse(disk, path, str_text(&what), "wipefs --all");
	}
	signatures_free(&found);
	return 0;
}

/* `partition 1 "photos" with an ext4 filesystem labelled "x"` */
static int judge_foreign(struct disk *disk, const char *path, struct err *err)
{
	const struct disk_partition *part = &disk->items[0];
	AUTO_STR struct str what = STR_INIT;
	struct signatures found = { 0 };
	const char *last = disk->name + strlen(disk->name) - 1;
	AUTO_FREE char *device = xasprintf("/dev/%s%s%u", disk->name,
					   *last >= '0' && *last <= '9' ? "p" : "", part->number);
	if (signatures_read(device, &found, err) != 0)
		return -1;
	str_addf(&what, "partition %u", part->number);
	if (part->label[0] != '\0')
		str_addf(&what, " named \"%s\"", part->label);
	if (found.count > 0) {
		str_add(&what, " with ");
		signature_describe(&found.items[0], &what);
	}
	if (disk->count > 1)
		str_addf(&what, " and %zu more", disk->count - 1);
	signatures_free(&found);
	refuse(disk, path, str_text(&what), "wipefs --all");
	return 0;
}

static int judge_bytes(struct disk *disk, const char *path, uint64_t sector_bytes, struct err *err)
{
	AUTO_FREE char *device = xasprintf("/dev/%s", disk->name);
	/* What a table that was begun takes was looked at already. */
	uint64_t table = disk->begun ? gpt_head_bytes(sector_bytes) : 0;
	int64_t at;
	if (content_find(device, table, table ? table - sector_bytes : 0, &at, err) != 0)
		return -1;
	if (at < 0)
		return 0;
	AUTO_FREE char *what =
		xasprintf("data of an unknown kind (byte %lld is not zero)", (long long)at);
	refuse(disk, path, what, "blkdiscard --zeroout");
	return 0;
}

/* Half a table is repaired only where all of it is ours. */
static void judge_torn(struct disk *disk, const char *path, const char *prefix)
{
	for (size_t i = 0; i < disk->count && disk->torn && disk->refusal == NULL; i++)
		if (!text_starts(disk->items[i].label, prefix))
			disk->refusal = xasprintf(
				"disk %s has a GPT whose two halves do not agree, and partition %u "
				"in it is not Moyai's; repair it by hand (gdisk %s) or name "
				"another disk",
				path, disk->items[i].number, path);
}

/* What keeps us from the disk, the most telling reason first. */
static int judge_disk(struct disk *disk, const char *path, const char *prefix,
		      uint64_t sector_bytes, struct err *err)
{
	judge_torn(disk, path, prefix);
	if (disk->refusal != NULL)
		return 0;
	if (disk->count > 0 && !ours(disk, prefix))
		return judge_foreign(disk, path, err);
	if (judge_signatures(disk, path, err) != 0)
		return -1;
	if (!disk->gpt && disk->refusal == NULL)
		return judge_bytes(disk, path, sector_bytes, err);
	return 0;
}

static void refuse_missing(struct disk *disk, const char *path)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	str_addf(&text, "there is no disk %s", path);
	sysfs_disks(&names);
	str_add(&text, names.count ? "; disks: " : "; this node has no disks");
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0)
			str_add(&text, ", ");
		sysfs_disk_describe(names.items[i], &text);
	}
	disk->refusal = str_take(&text);
}

/* Whether there is a disk under this path that could be ours at all. */
static bool disk_locate(const char *path, struct disk *disk)
{
	AUTO_FREE char *name = sysfs_block_name(path);
	const char *what = name ? sysfs_not_disk(name) : NULL;
	if (name == NULL || sysfs_block_size(name) == 0) {
		refuse_missing(disk, path);
		return false;
	}
	if (what != NULL) {
		disk->refusal = xasprintf("disk %s is %s; name a whole local disk", path, what);
		return false;
	}
	disk->name = xstrdup(name);
	return true;
}

/* The table, as far as there is one that libparted can read. */
static int find_table(struct disk *disk, PedDevice *device, const char *prefix, struct err *err)
{
	enum gpt_state state;
	if (gpt_read_state(device->path, (uint64_t)device->sector_size, prefix, &state, err) != 0)
		return -1;
	disk->torn = state == GPT_TORN;
	disk->begun = state == GPT_BEGUN;
	is_torn = disk->torn;
	PedDiskType *type = disk->begun ? NULL : ped.disk_probe(device);
	disk->gpt = type != NULL && strcmp(type->name, "gpt") == 0;
	return 0;
}

int disk_read(const char *path, const char *our_prefix, struct disk *out, struct err *err)
{
	struct disk disk = { 0 };
	struct err why = ERR_INIT;
	if (!disk_locate(path, &disk)) {
		*out = disk;
		return 0;
	}
	PedDevice *device = parted_open(disk.name, false, err);
	if (device == NULL)
		goto fail;
	uint64_t disk_bytes = (uint64_t)device->length * (uint64_t)device->sector_size;
	uint64_t end = usable_end(disk_bytes);
	disk.size = end > DISK_ALIGN ? end - DISK_ALIGN : 0;
	if (find_table(&disk, device, our_prefix, err) != 0) {
		parted_close(device, NULL);
		goto fail;
	}
	uint64_t sector_bytes = (uint64_t)device->sector_size;
	if (disk.gpt && read_table(&disk, device, &why) != 0)
		refuse(&disk, path, why.text, "wipefs --all");
	if (parted_close(device, err) != 0 ||
	    judge_disk(&disk, path, our_prefix, sector_bytes, err) != 0)
		goto fail;
	measure(&disk);
	*out = disk;
	return 0;
fail:
	disk_free(&disk);
	return err_context(err, "disk %s", path);
}

/* Zeros at both ends of a region that is about to become a partition. */
static int blank(PedDevice *device, uint64_t start, uint64_t size, struct err *err)
{
	PedSector sector = device->sector_size;
	PedSector count = (PedSector)DISK_ALIGN / sector;
	AUTO_FREE char *zeros = xcalloc(1, DISK_ALIGN);
	uint64_t ends[2] = { start, start + size - DISK_ALIGN };
	point_pass("disk blank");
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		if (!ped.device_write(device, zeros, (PedSector)ends[i] / sector, count))
			return parted_failed(err, "write");
	if (!ped.device_sync(device))
		return parted_failed(err, "sync");
	point_pass("disk blank");
	return 0;
}

/* Before there is a table, for libparted keeps the code; anew: even where there is other code. */
static int pass_on(PedDevice *device, bool anew, struct err *err)
{
	AUTO_FREE unsigned char *mbr = xcalloc(1, (size_t)device->sector_size);
	if (!ped.device_read(device, mbr, 0, 1))
		return parted_failed(err, "read");
	for (size_t i = 0; i < sizeof(GPT_PASS_ON); i++)
		if (mbr[i] != 0 && !anew)
			return 0;
	memcpy(mbr, GPT_PASS_ON, sizeof(GPT_PASS_ON));
	point_pass("disk boot code");
	if (!ped.device_write(device, mbr, 0, 1) || !ped.device_sync(device))
		return parted_failed(err, "boot code");
	point_pass("disk boot code");
	return 0;
}

static int commit(PedDisk *table, struct err *err)
{
	/* libparted would do this, and take the code away with it, after us. */
	if (table->needs_clobber && !ped.disk_clobber(table->dev))
		return parted_failed(err, "old table");
	table->needs_clobber = 0;
	if (pass_on(table->dev, false, err) != 0)
		return -1;
	point_pass("disk commit");
	if (!ped.disk_commit(table))
		return parted_failed(err, "partition table");
	point_pass("disk commit");
	return 0;
}

static PedPartition *find_part(PedDisk *table, const char *label)
{
	for (PedPartition *part = ped.disk_next_partition(table, NULL); part != NULL;
	     part = ped.disk_next_partition(table, part))
		if (ped.partition_is_active(part) &&
		    text_equal(ped.partition_get_name(part), label))
			return part;
	return NULL;
}

/* In memory; commit() writes it. */
static int add_part(PedDisk *table, const char *label, uint64_t start, uint64_t size,
		    enum disk_use use, struct err *err)
{
	PedSector sector = table->dev->sector_size;
	PedSector first = (PedSector)start / sector;
	PedSector last = (PedSector)(start + size) / sector - 1;
	PedPartition *part = ped.partition_new(table, PED_PARTITION_NORMAL, NULL, first, last);
	if (part == NULL)
		return parted_failed(err, "new partition");
	PedConstraint *exact = ped.constraint_exact(&part->geom);
	int added = ped.partition_set_name(part, label) &&
		    (use != DISK_FOR_GRUB ||
		     ped.partition_set_flag(part, PED_PARTITION_BIOS_GRUB, 1)) &&
		    (use != DISK_FOR_EFI || ped.partition_set_flag(part, PED_PARTITION_ESP, 1)) &&
		    ped.disk_add_partition(table, part, exact);
	ped.constraint_destroy(exact);
	if (added)
		return 0;
	ped.partition_destroy(part);
	return parted_failed(err, "new partition");
}

static int add_new(const struct disk *disk, PedDisk *table, const char *label, uint64_t size,
		   struct err *err)
{
	uint64_t wanted = size ? size : disk->gap;
	uint64_t start = 0;
	size_t i = 0;
	while (i <= disk->count && (wanted == 0 || gap_before(disk, i, &start) < wanted))
		i++;
	if (i > disk->count)
		return err_set(err, "no gap is big enough");
	if (blank(table->dev, start, wanted, err) != 0)
		return -1;
	return add_part(table, label, start, wanted, DISK_FOR_LINUX, err) == 0 ? commit(table, err)
									       : -1;
}

static int grow(const struct disk *disk, PedDisk *table, const char *label, uint64_t size,
		struct err *err)
{
	const struct disk_partition *have = disk_find(disk, label);
	PedPartition *part = find_part(table, label);
	PedSector sector = table->dev->sector_size;
	if (have == NULL || part == NULL || size == 0 || size <= have->size)
		return disk->torn ? commit(table, err) : 0; /* which writes both halves */
	if (size > have->room)
		return err_set(err, "what follows it is in the way");
	PedGeometry *geometry =
		ped.geometry_new(table->dev, part->geom.start, (PedSector)size / sector);
	if (geometry == NULL)
		return parted_failed(err, "growing");
	PedConstraint *exact = ped.constraint_exact(geometry);
	int done = ped.disk_set_partition_geom(table, part, exact, geometry->start, geometry->end);
	ped.constraint_destroy(exact);
	ped.geometry_destroy(geometry);
	return done ? commit(table, err) : parted_failed(err, "growing");
}

/* Read, check again that the disk may be touched, and open it for a change. */
static int change_begin(const char *path, const char *prefix, struct disk *disk, PedDevice **device,
			PedDisk **table, struct err *err)
{
	if (disk_read(path, prefix, disk, err) != 0)
		return -1;
	if (disk->refusal != NULL) {
		err_set(err, "%s", disk->refusal);
		disk_free(disk);
		return -1;
	}
	*device = parted_open(disk->name, true, err);
	if (*device == NULL) {
		disk_free(disk);
		return -1;
	}
	is_torn = disk->torn;
	*table = disk->gpt ? ped.disk_new(*device)
			   : ped.disk_new_fresh(*device, ped.disk_type_get("gpt"));
	if (*table != NULL)
		return 0;
	parted_failed(err, path);
	parted_close(*device, NULL);
	disk_free(disk);
	return -1;
}

static int change_end(struct disk *disk, PedDevice *device, PedDisk *table, int rc, struct err *err)
{
	ped.disk_destroy(table);
	disk_free(disk);
	if (parted_close(device, rc == 0 ? err : NULL) != 0)
		rc = -1;
	return rc;
}

int disk_partition_make(const char *path, const char *our_prefix, const char *label, uint64_t size,
			struct err *err)
{
	struct disk disk;
	PedDevice *device;
	PedDisk *table;
	if (change_begin(path, our_prefix, &disk, &device, &table, err) != 0)
		return -1;
	int rc = disk_find(&disk, label) ? grow(&disk, table, label, size, err)
					 : add_new(&disk, table, label, size, err);
	return change_end(&disk, device, table, rc, err);
}

static int add_all(const struct disk *disk, PedDisk *table, const struct disk_part *parts,
		   size_t count, struct err *err)
{
	uint64_t start = DISK_ALIGN;
	uint64_t end = DISK_ALIGN + disk->gap;
	if (disk->count > 0)
		return err_set(err, "there are partitions on it already");
	for (size_t i = 0; i < count; i++) {
		uint64_t size = parts[i].size ? parts[i].size : end - start;
		if (start + size > end || size < DISK_ALIGN)
			return err_set(err, "it is too small for %s", parts[i].label);
		if (blank(table->dev, start, size, err) != 0 ||
		    add_part(table, parts[i].label, start, size, parts[i].use, err) != 0)
			return -1;
		start += size;
	}
	return commit(table, err);
}

int disk_table_make(const char *path, const char *our_prefix, const struct disk_part *parts,
		    size_t count, struct err *err)
{
	struct disk disk;
	PedDevice *device;
	PedDisk *table;
	if (change_begin(path, our_prefix, &disk, &device, &table, err) != 0)
		return -1;
	int rc = add_all(&disk, table, parts, count, err);
	if (rc != 0)
		err_context(err, "disk %s", path);
	return change_end(&disk, device, table, rc, err);
}

int disk_pass_on(const char *path, const char *our_prefix, struct err *err)
{
	struct disk disk;
	PedDevice *device;
	PedDisk *table;
	if (change_begin(path, our_prefix, &disk, &device, &table, err) != 0)
		return -1;
	int rc = pass_on(device, true, err);
	return change_end(&disk, device, table, rc, err);
}

int disk_partition_remove(const char *path, const char *our_prefix, const char *label,
			  struct err *err)
{
	struct disk disk;
	PedDevice *device;
	PedDisk *table;
	int rc = 0;
	if (change_begin(path, our_prefix, &disk, &device, &table, err) != 0)
		return -1;
	PedPartition *part = find_part(table, label);
	if (part != NULL && ped.partition_is_busy(part))
		rc = err_set(err, "partition %d of %s is in use", part->num, path);
	else if (part != NULL)
		rc = ped.disk_delete_partition(table, part) ? commit(table, err)
							    : parted_failed(err, "deleting");
	return change_end(&disk, device, table, rc, err);
}
