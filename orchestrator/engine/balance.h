/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_BALANCE_H
#define ENGINE_BALANCE_H
#include "engine/allocate.h"
#include "engine/load.h"
/*
 * Which guests are to move while they run: because processors are short where they are (balance), or because
 * fewer hosts would do (pack). Pure: the same load gives the same moves.
 *
 * Where they may go to is engine/allocate_move.h's: what is declared of hosts and groups always holds. Beyond
 * that a host is filled up to BALANCE_FULL_PERCENT of its processors, by what was measured; one without any
 * guest takes one that wants more.
 *
 * A move has to pay for itself: what is gained are the processors that are lacking less, for
 * BALANCE_AHEAD_S; what it costs is a processor on each of the two hosts for as long as it takes, which is what its
 * memory takes through one ssh connection at BALANCE_BYTES_PER_S (gigabit Ethernet, about what one processor
 * encrypts), half of it once more for pages that are written meanwhile (Clark et al., Live Migration of Virtual
 * Machines, NSDI 2005: few rounds for most work), and BALANCE_FIXED_S for the two applies (docs/figures.md).
 *
 * A guest that has come to its host less than stay_s ago stays, whether it was started there or has moved; so
 * none moves twice in that time. The host says how long that is, and nothing has to be remembered.
 */
enum {
	BALANCE_FULL_PERCENT = 80,
	BALANCE_AHEAD_S = 3600,
	BALANCE_STAY_S = 3600, /* the default of stay_s */
	BALANCE_BYTES_PER_S = 100000000,
	BALANCE_FIXED_S = 30,
	BALANCE_BOOT_S =
		300, /* how long all processors of a host are lost that is to be switched on first */
};

struct balance_move {
	const struct cluster_guest *guest; /* these three are borrowed from the site */
	const struct site_node *from, *to;
	double wants;		 /* processors */
	double gains_s, costs_s; /* seconds of a processor */
};
struct balance_moves {
	struct balance_move *items;
	size_t count;
};
void balance_moves_free(struct balance_moves *moves);

/* What lacks most is relieved first. The allocations are whole, and get the moves as their `to`. A host of the load
   that is off is used when no other one will do. */
void balance_find(const struct site *site, struct allocations *allocations, const struct load *load,
		  uint64_t stay_s, struct balance_moves *moves);

/*
 * Hosts that can be emptied, the least used first, and what has to move for that; those that have nothing are among
 * them. None that cannot be switched off and on (it has no BMC), serves others (targets, storage, a gateway, the
 * manager), has a frontend or what is no guest of the site, was booted less than stay_s ago or has a guest that came
 * then. One of the load's hosts stays in any case.
 */
void pack_find(const struct site *site, struct allocations *allocations, const struct load *load,
	       uint64_t stay_s, struct balance_moves *moves, struct text_list *emptied);
#endif
