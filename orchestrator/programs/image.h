/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_IMAGE_H
#define PROGRAMS_IMAGE_H
#include "image/image.h"
#include "programs/command.h"

/* Read the site and find out what its images should be and are; the roles named,
   or all. -1 after having printed why. */
int image_command_plan(const struct options *options, int argc, char **argv, struct site *site,
		       struct image_plan *plan);
#endif
