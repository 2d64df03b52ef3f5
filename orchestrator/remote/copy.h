/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_COPY_H
#define REMOTE_COPY_H
#include "remote/host.h"
/*
 * Files to nodes, over the connection that all else goes over. Each arrives as
 * a whole or not at all.
 */
struct copy {
	struct copy_file {
		const char *path; /* as written on the command line; borrowed */
		const char *name; /* the last part of it; borrowed */
		int fd;		  /* read with pread() by all hosts at once */
		mode_t mode;
		uint64_t bytes;
	} * files;
	size_t count;
	const char *to; /* on the nodes; ends with "/": must be a directory */
	uint64_t sent;	/* bytes, to all hosts; atomic */
};

/* Open all files; only regular ones. */
int copy_open(struct copy *copy, char *const *paths, size_t count, const char *to, struct err *err);
void copy_close(struct copy *copy);
uint64_t copy_bytes(const struct copy *copy); /* per host */

/* A phase: options->copy to the host. host->failed says what did not arrive. */
void host_copy(struct host *host, const struct remote_options *options);
#endif
