/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_SIGNATURE_H
#define SYSTEM_SIGNATURE_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/* What is recognised on block devices by its magic bytes, as wipefs(8) sees it. */
struct signature {
	uint64_t offset; /* bytes */
	char *type;	 /* "ext4", "LVM2_member", "gpt", "PMBR", … */
	char *label;	 /* NULL: none */
	char *uuid;	 /* NULL: none */
};
struct signatures {
	struct signature *items;
	size_t count;
};
/* Only reads. */
int signatures_read(const char *device, struct signatures *out, struct err *err);
void signatures_free(struct signatures *signatures);

/* For people: `an ext4 filesystem labelled "photos"`, `swap space`. */
void signature_describe(const struct signature *signature, struct str *out);
#endif
