/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_PIPE_H
#define REMOTE_PIPE_H
#include "remote/stream.h"
/*
 * A child process in place of ssh and the network, for tests: the words of
 * `command` (separated by spaces), then the node's name, then the words that
 * ssh would have executed there. Chosen by MOYAI_TRANSPORT=command.
 */
struct link *pipe_link_open(const char *command, const char *node, struct err *err);
#endif
