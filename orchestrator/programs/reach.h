/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_REACH_H
#define PROGRAMS_REACH_H
#include "model/manifest.h"
#include "model/runtime.h"
#include "programs/command.h"
#include "programs/progress.h"
#include "programs/takeover.h"
#include "remote/conduct.h"
/*
 * What every subcommand that talks to nodes does first: the site, its state
 * directory and key, the nodes meant and how they are reached, what Ctrl-C does
 * and where progress is shown. Environment, for tests: MOYAI_TRANSPORT, MOYAI_SSH_PORT, MOYAI_NODE_PROGRAM,
 * MOYAI_MANAGER_TRANSPORT. And
 * MOYAI_TAKEOVER=ignore, by which bootstrap has the images that are here applied.
 */
struct reach {
	struct site site;
	struct site_key key;
	struct image_set images;
	struct text_list names;
	struct runtime runtime;
	struct text_list left_alone; /* see reach_leave_alone() */
	size_t unchanged;	     /* see changed_keep() */
	struct text_list may_lose;   /* --allow-data-loss, each cluster as the disks it has */
	char *state_dir;
	struct takeover takeover; /* all NULL, too, when bootstrap has it ignored */
	bool heard;		  /* the cluster manager has answered, just now */
	char *node_program;
	char *who;
	char *images_url;
	const bool *stop; /* set by Ctrl-C */
	struct remote_options remote;
	struct progress progress; /* close it before something is printed */
	struct fleet fleet;
};

/*
 * nodes: a node set from the command line, of which --limit leaves a part; NULL for
 * those of --limit or all. note: written at the first Ctrl-C; NULL: nothing.
 * -1 after having printed why; *reach needs reach_close() in any case, and stays
 * where it is until then.
 */
int reach_open(const struct options *options, const char *nodes, const char *note,
	       struct reach *reach);
/* The two halves of it, for what has to be done between them: first the site, the key, what the
   cluster manager knows and the names of the nodes; then the nodes in reach->names are got ready to be spoken to. */
int reach_site(const struct options *options, const char *nodes, const char *note,
	       struct reach *reach);
int reach_nodes(const struct options *options, struct reach *reach);
/*
 * For what changes nodes, or would: names in maintenance go from `names` to
 * `left_alone`, unless somebody named them with --limit. It says so, as every
 * plan does.
 */
void reach_leave_alone(const struct options *options, struct reach *reach);
/* Why apply refuses what was decided of a cluster and is not recorded: what is carried out has to be
   the same tomorrow, on whichever machine. NULL: all is recorded; else the caller frees. */
char *reach_unrecorded(const struct site *site);
/* Whether Ctrl-C was pressed. */
bool reach_stopped(const struct reach *reach);
/* NODES of the command line, and of these only what --limit leaves. */
int reach_choose(const struct options *options, const char *nodes, const struct site *site,
		 struct text_list *names, struct err *err);
/* Where a cluster manager has taken over, what it knows is taken before it is changed here: somebody
   else may have set something. One that does not answer is told of, and no error. */
int reach_hear_manager(const struct options *options, const char *state_dir, struct err *err);
/* Where a cluster manager has taken over, it gets these files of the state directory:
   it applies nodes, and is backed up, in our absence. */
int reach_tell_manager(const struct options *options, const char *state_dir,
		       const struct text_list *files, struct err *err);
/* How nodes are logged in to with the keys of this state directory, which is borrowed. */
int reach_ssh(const char *state_dir, struct ssh_options *ssh, struct err *err);
void reach_close(struct reach *reach);
#endif
