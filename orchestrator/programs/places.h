/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_PLACES_H
#define PROGRAMS_PLACES_H
/*
 * Where things are, beside the program that runs: in the source tree it was built in
 * (TREE/build/moyai) or under the prefix it was installed in (PREFIX/bin/moyai). The caller
 * frees what it gets.
 */

/* roles/, images/ and pxe/: TREE or PREFIX/share/moyai. */
char *places_share(void);
/* The appliance images: TREE/build/images, or /var/lib/moyai/images. */
char *places_images(void);
/* FILE of ours that is for nodes, like moyai-node: TREE/build/FILE or PREFIX/lib/moyai/FILE. */
char *places_for_nodes(const char *file);
#endif
