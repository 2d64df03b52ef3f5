/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POWER_PASSWORD_H
#define POWER_PASSWORD_H
#include "base/err.h"
#include "base/str.h"
#include "model/site.h"
/*
 * Passwords of BMCs are the operator's, not derived: boards come with one, or
 * get one from whoever racks them. They are kept in STATE/bmc/NODE, mode 0600,
 * one line each, and nowhere else: not in the site, so not in git.
 */
char *password_file(const char *state_dir, const char *node); /* the caller frees */

int password_write(const char *state_dir, const struct site_node *node, const char *password,
		   struct err *err);
/* Refused when others may have read it. */
int password_read(const char *state_dir, const char *node, struct str *password, struct err *err);
#endif
