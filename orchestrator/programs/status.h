/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_STATUS_H
#define PROGRAMS_STATUS_H
#include <jansson.h>

#include "programs/reach.h"
/*
 * What is said of hosts after host_status(): by `moyai status` once, with
 * --watch again and again.
 */

/* The table and what belongs under it, or JSON lines. */
void status_text(const struct reach *reach, bool json, struct str *out);

/* One node without what changes all the time; no newline:
   "vm1: image 1f0c22aa9d3e, holds 2 sessions, drift none". */
void status_line(const struct reach *reach, const struct host *host, struct str *out);
json_t *status_json(const struct reach *reach, const struct host *host);

/* What is known of the node's last boot, STATE/boot/NODE.json: a new reference; NULL: nothing. */
json_t *status_boot(const char *state_dir, const char *node);

/*
 * Until Ctrl-C, every few seconds, each time with the site and the state
 * directory as they are then. On a terminal the screen is drawn anew; else
 * there is a line per node, and then one per change. nodes: as for reach_open().
 */
int status_watch(const struct options *options, const char *nodes);
#endif
