/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/memory/spec.h"

#include "base/size.h"
#include "engine/plan.h"

#define AT(member) offsetof(struct memory, member)
#define PAGE_BYTES 4096ULL
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the file is /run/moyai/memory/NAME/image" },
	{ "size", FIELD_BYTES, AT(size), FIELD_REQUIRED | FIELD_GROW_ONLY, PAGE_BYTES, 1ULL << 50,
	  NULL, NULL, "rounded up to 4K; memory is used as it is written to" },
	{ "backing", FIELD_CHOICE, AT(backing), FIELD_FIXED, 0, 0, "ramfs tmpfs", "ramfs",
	  "ramfs is never swapped out; tmpfs gives memory back on discard, and can be" },
	{ "available", FIELD_BYTES, AT(available), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the node's available memory" },
	FIELD_END
};

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct memory *memory = want->body;
	(void)from;
	(void)err;
	memory->size = size_round_up(memory->size, PAGE_BYTES);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct memory *want = step->want ? step->want->body : NULL;
	const struct memory *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (want == NULL || seen == NULL || seen->available == FIELD_UNSET)
		return 0;
	uint64_t held = seen->size == FIELD_UNSET ? 0 : seen->size;
	if (want->size <= held || want->size - held <= seen->available)
		return 0;
	AUTO_STR struct str missing = STR_INIT;
	AUTO_STR struct str there = STR_INIT;
	size_print(want->size - held, &missing);
	size_print_short(seen->available, &there);
	step->refused =
		xasprintf("the node has %s of memory available; memory %s needs %s%s",
			  str_text(&there), step->id, str_text(&missing), held ? " more" : "");
	return 0;
}

const struct kind_spec memory_spec = {
	.name = "memory",
	.section = "memories",
	.doc = "an image file in memory, to be lent to another node",
	.example = "{ name = \"vm1-swap\"; size = \"4G\"; backing = \"tmpfs\"; }",
	.size = sizeof(struct memory),
	.fields = FIELDS,
	.in_status = true,
	.unit = PAGE_BYTES,
	.holds_data = true,
	.derive = derive,
	.judge = judge,
};
