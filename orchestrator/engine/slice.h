/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_SLICE_H
#define ENGINE_SLICE_H
#include <jansson.h>

#include "engine/kind.h"
/*
 * One host's share of the wanted state: a pure function of model and host.
 * Besides what the node and its role declare, it has what kinds imply: a vlan for each
 * tagged network the node has an address on (or a bridge in), the journal that goes to the
 * cluster manager.
 */
struct slice {
	char *site; /* site name: what the marks on the node say */
	char *node;
	char *who; /* who applies it, for the node's lock: "ann@desk"; NULL: not said */
	struct spec_list wants;
	struct text_list may_lose; /* consent in the configuration: "volume/old" */
	struct text_list
		given_up; /* the same, that clusters give: of what is gone nobody is to be told */
	struct text_list consent; /* consent on the command line, for this node */
};
int slice_make(const struct derive *from, struct slice *slice, struct err *err);
/* Of one guest alone that is moving to the node, as it is to be there. */
int slice_arriving(const struct derive *from, const char *guest, struct slice *slice,
		   struct err *err);
void slice_free(struct slice *slice);
json_t *slice_to_json(const struct slice *slice); /* includes secrets: only for the ssh channel */
int slice_from_json(const json_t *json, struct slice *slice, struct err *err);
#endif
