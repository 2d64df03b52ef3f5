/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_CERTIFICATE_H
#define MODEL_CERTIFICATE_H
#include "base/err.h"
#include "base/str.h"
#include "model/secret.h"
/*
 * The site's certificate authority, for TLS in which both sides prove who they are. Its key and
 * those of all nodes are Ed25519 keys derived from the site key, and the certificates are signed
 * with that, so that everybody who holds the site key makes the same ones, byte by byte, and
 * nothing has to be kept or sent. A key follows from the site's and the node's name alone, a
 * certificate also from the node's addresses.
 *
 * They are valid from 2000 to 9999 (RFC 5280, 4.1.2.5): a machine without a clock that was kept
 * may be years off when it starts. What ends them is another site key.
 */
struct certificate {
	char *certificate; /* of the name, PEM */
	char *authority;   /* of the site, PEM: what it is verified by */
	char *key;	   /* PKCS #8, PEM: a secret */
};

/*
 * For `name`, its common name and a DNS name of it. addresses: IPv4 and IPv6 addresses that it
 * answers at; NULL: none. It serves as client and as server.
 */
int certificate_make(const struct site_key *key, const char *site, const char *name,
		     const struct text_list *addresses, struct certificate *certificate,
		     struct err *err);
void certificate_free(struct certificate *certificate); /* the key is overwritten */
#endif
