/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/partition/spec.h"

#include <string.h>

#include "base/size.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct partition, member)
/* "moyai." and the name have to fit into the 36 characters of a GPT name. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 30, NULL, NULL,
	  "its GPT label is moyai.NAME" },
	{ "disk", FIELD_TEXT, AT(disk), FIELD_REQUIRED | FIELD_FIXED, 0, 0, NULL, NULL,
	  "\"serial:XYZ\", or a path, best one under /dev/disk/by-id; see `moyai facts`" },
	{ "size", FIELD_BYTES, AT(size), FIELD_GROW_ONLY, PARTITION_ALIGN, 1ULL << 60, NULL, NULL,
	  "rounded up to 1M; what is left of the disk when not given" },
	{ "table", FIELD_CHOICE, AT(table), FIELD_DERIVED, 0, 0, "whole torn", NULL,
	  "whether the two halves of the disk's GPT agree" },
	{ "after", FIELD_NAME, AT(after), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the partition before it on the same disk" },
	{ "disk_wanted", FIELD_BYTES, AT(disk_wanted), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "what all partitions of the disk want" },
	{ "other_disks", FIELD_LIST, AT(other_disks), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "what the disks of the node's other partitions are called" },
	{ "disk_holds", FIELD_TEXT, AT(disk_holds), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "why the disk is not touched" },
	{ "disk_size", FIELD_BYTES, AT(disk_size), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what partitions of the disk can have" },
	{ "room", FIELD_BYTES, AT(room), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the biggest gap of the disk, or what the partition can grow to" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the kernel's name of it" },
	FIELD_END
};

/* What is written about the partition's neighbours on its disk. */
struct neighbours {
	const struct spec *self;
	const struct spec *before; /* the one written just before */
	bool passed;		   /* self was seen */
	bool followed;		   /* another one comes after self */
	const struct spec *spelt;  /* an earlier one, whose disk is this one by another name */
	uint64_t wanted;
};

static void look_at(const struct spec *spec, void *context)
{
	struct neighbours *found = context;
	const struct partition *self = found->self->body;
	const struct partition *other = spec->body;
	if (!text_equal(self->disk, other->disk))
		return;
	if (other->size != FIELD_UNSET)
		found->wanted += size_round_up(other->size, PARTITION_ALIGN);
	if (text_equal(self->name, other->name))
		found->passed = true;
	else if (found->passed)
		found->followed = true;
	else
		found->before = spec;
}

/* "/dev/./vda/" is "/dev/vda". */
static char *plain_path(const char *path)
{
	struct str out = STR_INIT;
	while (*path) {
		size_t length = strcspn(path + 1, "/") + 1;
		if (length > 1 && !(length == 2 && path[1] == '.'))
			str_add_bytes(&out, path, length);
		path += length;
	}
	return str_take(&out);
}

/* The names in by-id end in the serial number: BUS-MODEL_SERIAL, or BUS-SERIAL (systemd
   rules.d/60-persistent-storage.rules). */
static bool is_serial_of(const char *serial, const char *path)
{
	size_t length = strlen(path);
	size_t tail = strlen(serial);
	return text_starts(path, "/dev/disk/by-id/") && tail > 0 && length > tail &&
	       text_ends(path, serial) && strchr("-_", path[length - tail - 1]) != NULL;
}

/* Two spellings of one disk, as far as the names alone tell. */
static bool same_disk(const char *a, const char *b)
{
	static const char SERIAL[] = "serial:";
	if (text_starts(b, SERIAL)) {
		const char *other = a;
		a = b;
		b = other;
	}
	if (text_starts(a, SERIAL))
		return !text_starts(b, SERIAL) && is_serial_of(a + strlen(SERIAL), b);
	if (*a != '/' || *b != '/')
		return false;
	AUTO_FREE char *one = plain_path(a);
	AUTO_FREE char *other = plain_path(b);
	return text_equal(one, other);
}

static bool is_digits(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* How much of the path is the disk's name, when it is that of a partition: /dev/vda1, /dev/nvme0n1p1,
   /dev/disk/by-id/…-part1 (devices.txt of the kernel; udev). 0: it is not. */
static size_t partition_parent(const char *path)
{
	static const char *const LETTERS[] = { "/dev/sd", "/dev/vd", "/dev/xvd", "/dev/hd" };
	static const char *const NUMBERS[] = { "/dev/nvme", "/dev/mmcblk" };
	for (size_t i = 0; i < COUNT_OF(LETTERS); i++) {
		size_t head = strlen(LETTERS[i]);
		size_t letters = text_starts(path, LETTERS[i])
					 ? strspn(path + head, "abcdefghijklmnopqrstuvwxyz")
					 : 0;
		if (letters > 0 && is_digits(path + head + letters))
			return head + letters;
	}
	for (size_t i = 0; i < COUNT_OF(NUMBERS); i++) {
		const char *p = text_starts(path, NUMBERS[i]) ? strrchr(path, 'p') : NULL;
		if (p != NULL && p > path + strlen(NUMBERS[i]) && is_digits(p + 1))
			return (size_t)(p - path);
	}
	const char *part = text_starts(path, "/dev/disk/by-") ? strstr(path, "-part") : NULL;
	return part && is_digits(part + strlen("-part")) ? (size_t)(part - path) : 0;
}

static void look_for_spelling(const struct spec *spec, void *context)
{
	struct neighbours *found = context;
	const struct partition *self = found->self->body;
	const struct partition *other = spec->body;
	if (text_equal(self->name, other->name))
		found->passed = true;
	else if (!found->passed && found->spelt == NULL && other->disk &&
		 !text_equal(self->disk, other->disk) && same_disk(self->disk, other->disk))
		found->spelt = spec;
}

static void check_spelling(const struct site_node *node, const struct spec *want,
			   struct mistakes *mistakes)
{
	const struct partition *partition = want->body;
	struct neighbours found = { .self = want };
	refer_each(node, "partition", look_for_spelling, &found);
	if (found.spelt != NULL)
		mistake_add(mistakes, place_of(want->place, "disk"),
			    "partition \"%s\": disk \"%s\" is what partition \"%s\" calls \"%s\"; "
			    "write a disk the same way each time",
			    want->id, partition->disk, found.spelt->id,
			    refer_text(found.spelt, "disk"));
}

static void check_disk(const struct spec *want, const char *disk, struct mistakes *mistakes)
{
	static const struct field PATH = { .name = "disk", .type = FIELD_PATH };
	AUTO_FREE char *path = NULL;
	struct err err = ERR_INIT;
	const char *serial = text_starts(disk, "serial:") ? disk + strlen("serial:") : NULL;
	/* As udev writes them: what is not plain it has made "_". */
	if (serial != NULL && (*serial == '\0' || strpbrk(serial, " \t\n/") != NULL))
		mistake_add(mistakes, place_of(want->place, "disk"),
			    "partition \"%s\": disk: \"%s\" is no serial number; write it as "
			    "`moyai facts` shows it",
			    want->id, disk);
	else if (serial == NULL && field_set_text(&PATH, &path, disk, &err) != 0)
		mistake_add(mistakes, place_of(want->place, "disk"), "partition \"%s\": disk: %s",
			    want->id, err.text);
	else if (serial == NULL && !text_starts(disk, "/dev/"))
		mistake_add(mistakes, place_of(want->place, "disk"),
			    "partition \"%s\": disk \"%s\" is not under /dev; "
			    "write a name like \"/dev/disk/by-id/…\" or \"serial:XYZ\"",
			    want->id, disk);
	else if (partition_parent(disk) > 0)
		mistake_add(mistakes, place_of(want->place, "disk"),
			    "partition \"%s\": disk \"%s\" is a partition itself; write \"%.*s\"",
			    want->id, disk, (int)partition_parent(disk), disk);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct partition *partition = want->body;
	struct neighbours found = { .self = want };
	(void)site;
	refer_each(node, "partition", look_at, &found);
	if (partition->disk != NULL && partition->size == FIELD_UNSET && found.followed)
		mistake_add(mistakes, want->place,
			    "partition \"%s\": without a size it takes what is left of %s; "
			    "write it last of the disk's partitions, or give it a size",
			    want->id, partition->disk);
	check_disk(want, partition->disk, mistakes);
	if (partition->disk != NULL)
		check_spelling(node, want, mistakes);
}

static void look_at_other(const struct spec *spec, void *context)
{
	struct partition *self = context;
	const struct partition *other = spec->body;
	if (other->disk != NULL && !text_equal(other->disk, self->disk) &&
	    !text_list_has(&self->other_disks, other->disk))
		text_list_add(&self->other_disks, other->disk);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct partition *partition = want->body;
	struct neighbours found = { .self = want };
	(void)err;
	refer_each(from->node, "partition", look_at, &found);
	partition->size = size_round_up(partition->size, PARTITION_ALIGN);
	partition->table = xstrdup("whole");
	partition->disk_wanted = found.wanted;
	refer_each(from->node, "partition", look_at_other, partition);
	partition->after = found.before ? xstrdup(found.before->id) : NULL;
	return 0;
}

/* In the order they are written, so that the layout of a disk is the same on
   every machine. */
static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct partition *partition = spec->body;
	(void)err;
	if (partition->after != NULL)
		refs_add(out, NULL, "partition", partition->after);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct partition *want = step->want ? step->want->body : NULL;
	const struct partition *seen = step->seen ? step->seen->body : NULL;
	AUTO_STR struct str wanted = STR_INIT;
	AUTO_STR struct str there = STR_INIT;
	(void)err;
	if (want == NULL || seen == NULL)
		return 0;
	if (seen->disk_holds != NULL) {
		step->refused = xstrdup(seen->disk_holds);
		return 0;
	}
	if (seen->disk_size != FIELD_UNSET && want->disk_wanted > seen->disk_size) {
		size_print(want->disk_wanted, &wanted);
		size_print(seen->disk_size, &there);
		step->refused = xasprintf("disk %s has room for %s of partitions; %s are declared",
					  want->disk, str_text(&there), str_text(&wanted));
	} else if (step->action == STEP_CREATE && want->size == FIELD_UNSET && seen->room == 0) {
		step->refused = xasprintf("nothing is left of disk %s", want->disk);
	} else if (want->size != FIELD_UNSET && seen->room != FIELD_UNSET &&
		   want->size > seen->room) {
		size_print(want->size, &wanted);
		size_print(seen->room, &there);
		step->refused = xasprintf("disk %s has %s in one piece for it; %s are declared",
					  want->disk, str_text(&there), str_text(&wanted));
	}
	return 0;
}

const struct kind_spec partition_spec = {
	.name = "partition",
	.section = "partitions",
	.doc = "a partition of a local disk that holds nothing else than ours",
	.example = "{ name = \"main\"; disk = \"/dev/disk/by-id/virtio-data\"; size = \"10G\"; }",
	.size = sizeof(struct partition),
	.fields = FIELDS,
	.unit = PARTITION_ALIGN,
	.holds_data = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
