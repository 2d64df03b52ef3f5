/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_MIGRATE_H
#define REMOTE_MIGRATE_H
#include "remote/host.h"
/*
 * A guest moves, while it runs, from one host to another, which was made ready for it: `to` in its record, and
 * an apply. The one makes a key, the other lets it in for as long as this lasts; what goes between
 * them does not come by here.
 */
struct migration {
	const char *guest;
	struct host *from, *to;
	const char *from_address; /* what `to` sees of it */
	const char *to_address;
	const char *host_key; /* of `to`: "ssh-ed25519 AAAA…" */
	void (*progress)(void *context, unsigned percent);
	void *context;
};
/* 0: it runs there now. -1: it does not, and runs where it was, unless the connection to `from` was lost:
   nobody but the hosts can say then. */
int migrate(const struct migration *migration, const struct remote_options *options,
	    struct err *err);
#endif
