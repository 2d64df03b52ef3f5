/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_RELOCATION_H
#define PROGRAMS_RELOCATION_H
#include "engine/balance.h"
#include "model/runtime.h"
#include "programs/moves.h"
/* What `balance` and `pack` have in common: they look at the hosts for a while, and propose moves. */
struct relocation {
	struct site site;
	struct allocations allocations;
	struct runtime runtime;
	char *state_dir;
	struct load load;
	struct balance_moves moves;
};

/* Hosts that `pack` has switched off are in maintenance for this reason; others that were to come back and did not, for
   another one. */
#define RELOCATION_PACKED "packed: no guest needed it"
#define RELOCATION_LOST "packed, and it did not come back"
/* Hosts that give something to guests, have a board and are packed. */
void relocation_packed(const struct site *site, const struct runtime *runtime,
		       struct text_list *names);

/* Reads the site, and what is true only for now, and looks at the hosts; those that are packed are not in the load. A
   guest that is on its way is an error: it comes first. -1 after having printed why. The caller has to call
   relocation_end() in any case, and for this to be all 0 before. */
int relocation_begin(const struct options *options, struct relocation *relocation);
void relocation_end(struct relocation *relocation);

/* Hosts with what they are wanted for, and the moves: tables, or JSON lines. */
void relocation_print(const struct options *options, const struct relocation *relocation);

/* Whether it is to be carried out: with --yes, or after a question. Without somebody to ask it is a proposal. */
bool relocation_agreed(const struct options *options, const char *question);

/* For moves_run(): those to these hosts alone (to_these), or those to all others. */
void relocation_moves(const struct relocation *relocation, const struct text_list *hosts,
		      bool to_these, struct moves *moves);

/* Switches packed hosts on, waits until they answer, applies them, and ends their maintenance. The exit code of a
   command. */
int relocation_wake(const struct options *options, const struct site *site,
		    const struct text_list *names);
#endif
