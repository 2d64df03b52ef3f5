/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_IMAGES_H
#define MODEL_IMAGES_H
#include "model/site.h"
/*
 * images.cfg, beside site.cfg: which nodes boot another generation of their role's
 * image than the newest. Machine-written by `moyai image use`, and committed like a
 * lock file; read with the site into site_node.image.
 */
#define IMAGES_FILE "images.cfg"

/* The file's text as the nodes of the site say. */
void images_print(const struct site *site, struct str *out);
#endif
