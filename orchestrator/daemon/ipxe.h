/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_IPXE_H
#define DAEMON_IPXE_H
#include "base/err.h"
#include "base/str.h"
#include "model/manifest.h"
/*
 * The scripts that iPXE gets, from the templates pxe/NAME.ipxe.in. Pure but for
 * reading the templates.
 */
struct ipxe_boot {
	const char *url; /* of this server: "http://10.77.0.1:8077" */
	const char *node;
	const char *mac;
	const char *token;
	const char *console; /* NULL: none */
	const struct manifest *manifest;
	uint64_t seed; /* of the pauses between tries: see below */
};

/*
 * When the server does not answer, a script asks it again after growing pauses, so that
 * the machine is still there when it comes back. How long they are follows from the seed
 * and the MAC: iPXE has no random numbers, and a room full of machines must not ask at once.
 */

/* Kernel, initrd, arguments. */
int ipxe_boot_script(const char *share_dir, const struct ipxe_boot *boot, struct str *out,
		     struct err *err);

/* "unknown" or "refused": says so, waits, and powers off. */
int ipxe_stop_script(const char *share_dir, const char *mac, const char *message, struct str *out,
		     struct err *err);

/* Says what is wrong, waits, and asks again: for what an operator can put right. */
int ipxe_retry_script(const char *share_dir, const char *url, const char *mac, const char *message,
		      uint64_t seed, struct str *out, struct err *err);

/* "52:54:00:4D:00:11", also with "-": lower case with ":". -1 when it is none. */
int ipxe_mac(const char *text, char mac[18]);
#endif
