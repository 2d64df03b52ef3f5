/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_VOLUME_CHECK_H
#define KINDS_VOLUME_CHECK_H
#include "kinds/volume/spec.h"
/* What has to fit together among the volumes of a node, by the declarations alone. */
void volume_check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes);

/* Of a thin volume; a clone's is its golden volume's. Borrowed; NULL: none. */
const char *volume_thin_pool(const struct site_node *node, const struct spec *volume);
/* Bytes that all volumes of the pool take. */
uint64_t volume_pool_wanted(const struct site_node *node, const char *pool);
/* Partitions it is to have; FIELD_UNSET: there is no such pool. */
uint64_t volume_pool_members(const struct site_node *node, const char *pool);
#endif
