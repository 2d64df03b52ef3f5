/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
/*
 * What a cluster manager keeps under its directory (docs/manager.md, "What is
 * where"), and the archive in which site and state travel: a tar file with
 *   site.bundle       the site's repository: HEAD, and refs/moyai/applied where it is
 *   state/…           what --state is on the operator's machine
 * It has the site key: mode 0600, and over ssh only.
 */
#define STORE_DIR "/var/lib/moyai"
#define STORE_MAIN "refs/heads/main"
#define STORE_APPLIED "refs/moyai/applied"
#define STORE_NOTE ".revision" /* in site/: which revision its files are */

/* An archive of the site directory (a git repository) and a state directory, to a new
   file; site_dir may be a bare repository. commit: what is HEAD in the archive; NULL: what it is there. */
int store_pack(const char *site_dir, const char *commit, const char *state_dir, const char *file,
	       struct err *err);

/*
 * Take an archive over into dir. The site's last revision replaces that which is there;
 * a state that is there stays, and another site's is an error. applied: it comes from an
 * apply, and what that applied counts from now on; else, from somebody who may have been
 * away for long, refs/moyai/applied is taken only where there is none. Killed anywhere,
 * the next one comes to its end.
 */
int store_unpack(const char *dir, const char *file, bool applied, struct err *err);

/* Take over what an operator has set since: a tar file of runtime.cfg or of bmc/NODE. */
int store_keep(const char *dir, const char *file, struct err *err);

/*
 * Take an archive back on the operator's machine: the site into site_dir where there is no
 * site.cfg, the state into state_dir where there is no site key. Another site's key is an error.
 */
int store_restore_site(const char *file, const char *site_dir, struct err *err);
int store_restore_state(const char *file, const char *state_dir, struct err *err);

/* A number that changes with a ref of dir/site.git: cheap, where git would be asked again and
   again. */
uint64_t store_stamp(const char *dir, const char *ref);

/* Bring dir/site to a revision of dir/site.git; changed: it was another one. Not there is
   fine: nothing changes. */
int store_checkout(const char *dir, const char *name, bool *changed, struct err *err);

/* Known hosts, runtime.cfg, boot reports, the images' manifests, and `main`, which says what the last
   revision of the site is, as a tar file on our stdout. */
int store_view(const char *dir, struct err *err);
#endif
