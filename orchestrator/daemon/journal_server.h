/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_SERVER_H
#define DAEMON_JOURNAL_SERVER_H
#include <stdint.h>

#include "base/err.h"
/*
 * Where the journals of the site's nodes come to, on the cluster manager: `moyaid journal`, a process of
 * its own, so that nothing of this keeps a node from booting. Two ways lead to it:
 *   POST /upload over HTTPS  from systemd-journal-upload. Both sides have certificates of the site
 *                            (model/certificate.h); an entry is the node's that the certificate names.
 *   UDP datagrams            from netconsole: the kernel's last lines. They are the node's whose boot
 *                            address they come from, which somebody on the boot network can forge.
 * Debian's systemd-journal-remote is built without GnuTLS and so asks nobody for a certificate; it
 * writes the files (journal_writer.h).
 */
struct journal_options {
	const char *site_dir, *share_dir, *state_dir, *journal_dir; /* borrowed */
	uint64_t file_max_bytes, all_max_bytes;			    /* 0: journal_writer.h's */
};
/* Until SIGTERM or SIGINT (0) or something that cannot be put right (-1). */
int journal_serve(const struct journal_options *options, struct err *err);
#endif
