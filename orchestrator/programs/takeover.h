/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_TAKEOVER_H
#define PROGRAMS_TAKEOVER_H
#include <stdbool.h>

#include "model/site.h"
#include "remote/ssh.h"
/*
 * The operator's side of a site that has a cluster manager (docs/manager.md):
 * STATE/takeover.json says that it has taken over, STATE/takeover/ is what it told
 * last. On the manager itself neither is there.
 */
struct takeover {
	char *node, *address, *since; /* all NULL: nobody has taken over */
};

/* A command in place of ssh to the manager, for tests: MOYAI_MANAGER_TRANSPORT; NULL: ssh. */
const char *takeover_transport(void);

/* The node that takes over: site_manager(), and an error when there is none. */
const struct site_node *takeover_node(const struct site *site, struct err *err);

/* Where the manager has everything, on the manager (STORE_DIR), and whether this machine is it: the
   state directory is the one there. */
const char *takeover_store(void);
bool takeover_is_here(const char *state_dir);

/* Not there is fine. */
int takeover_read(const char *state_dir, struct takeover *takeover, struct err *err);
int takeover_write(const char *state_dir, const struct site_node *node, const char *address,
		   struct err *err);
void takeover_free(struct takeover *takeover);

/* One command on the manager, as root: input to its stdin, its stdout to out (NULL: not
   wanted). An exit code other than 0 is an error that ends in the last line of its stderr. */
struct takeover_call {
	const char *const *words; /* none of them from the configuration */
	const char *input;	  /* NULL: none */
	size_t input_length;
	unsigned timeout_ms;
	const bool *stop;
	int empty_code; /* the exit code that says, without a word, that there is nothing; 0 */
};
int takeover_run(const struct ssh_options *ssh, const char *node, const char *address,
		 const struct takeover_call *call, struct str *out, struct err *err);

/* The same, its stdout line by line as it comes, without their ends. transport: a command in place of
   ssh, for tests; NULL: ssh. timeout_ms is for the time between two lines. */
int takeover_lines(const struct ssh_options *ssh, const char *transport,
		   const struct takeover *takeover, const struct takeover_call *call,
		   void (*line)(void *context, const char *text, size_t length), void *context,
		   struct err *err);

/*
 * Ask the manager for known hosts, runtime.cfg, boot reports, manifests and what its site's last
 * revision is, and keep them: in STATE/known_hosts, STATE/runtime.cfg, STATE/boot, STATE/takeover/images
 * and STATE/takeover/main. The manager's own pin stays as it is.
 */
int takeover_sync(const struct takeover *takeover, const struct ssh_options *ssh,
		  const char *state_dir, const bool *stop, struct err *err);

/* What an operator has set here since: runtime.cfg, bmc/NODE. */
int takeover_tell(const struct takeover *takeover, const struct ssh_options *ssh,
		  const char *state_dir, const struct text_list *files, const bool *stop,
		  struct err *err);

/* The manager's own line of STATE/known_hosts; nothing when it is not pinned here. */
int takeover_pin(const char *state_dir, const struct takeover *takeover, struct str *line,
		 struct err *err);

/* What STATE/log/applies.jsonl has that the manager was not told yet goes into its log of all applies; all:
   NULL, or gets that log. STATE/log/told says how much was told. */
int takeover_applies(const struct takeover *takeover, const struct ssh_options *ssh,
		     const char *state_dir, const bool *stop, struct str *all, struct err *err);

/* The archive of site and state (daemon/store.h), as the manager makes it. */
int takeover_export(const struct takeover *takeover, const struct ssh_options *ssh,
		    const bool *stop, struct str *archive, struct err *err);

/* The site's last revision there, as it was told last. Both NULL: it told none, as an older one does. */
struct takeover_main {
	char *commit; /* 40 digits, or 64 */
	char *about;  /* "WHO, WHEN: SUBJECT", for people, as it came: see show_safe() */
};
int takeover_main_read(const char *state_dir, struct takeover_main *main, struct err *err);
void takeover_main_free(struct takeover_main *main);

/* Where the manifests of the manager's images are; the caller frees. */
char *takeover_images(const char *state_dir);

/*
 * What goes to the manager: a revision of the site, which becomes its main, the one applied last, and the
 * state. A state that is there stays; so does what was applied last, unless applied: it was just now.
 */
struct takeover_site {
	const char *dir;
	const char *commit; /* NULL: HEAD */
	bool applied;
};
int takeover_send(const struct ssh_options *ssh, const char *node, const char *address,
		  const struct takeover_site *site, const char *state_dir, const bool *stop,
		  struct err *err);
#endif
