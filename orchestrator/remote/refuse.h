/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_REFUSE_H
#define REMOTE_REFUSE_H
#include "remote/host.h"
/*
 * What a node plans that the site as a whole is against, which the node cannot know: its slice is its own.
 * The step gets the reason. false: it is not even a step, since nobody attends who may change that.
 */
bool refuse_step(const char *node, const struct remote_options *options, struct remote_step *step);
#endif
