/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_RECIPE_H
#define IMAGE_RECIPE_H
#include "base/err.h"
#include "base/str.h"
/*
 * images/base.cfg: what every role has below it, and what differs between
 * kernel flavours. Shipped with Moyai, so the first mistake ends the reading.
 */
struct recipe_kernel {
	char *name;			  /* "cloud", "generic" */
	char *package;			  /* Debian's: "linux-image-amd64" */
	char *console;			  /* serial console when the role names none; NULL: none */
	struct text_list direct;	  /* modules the initramfs loads, in this order */
	struct text_list by_alias;	  /* drivers it loads when the hardware asks for them */
	struct text_list disk;		  /* as direct, when it starts from its own disk */
	struct text_list disk_by_alias;	  /* as by_alias, then */
	struct text_list exclude_modules; /* below kernel/, removed */
	struct text_list kernel_arguments;
};
struct recipe {
	char *suite; /* of Debian */
	struct text_list packages, enable, mask, kernel_arguments, trim;
	struct recipe_kernel *kernels;
	size_t kernel_count;
};
int recipe_read(const char *path, struct recipe *recipe, struct err *err);
void recipe_free(struct recipe *recipe);
const struct recipe_kernel *recipe_kernel(const struct recipe *recipe, const char *name);
#endif
