/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which guests move because processors are short, or because fewer hosts would do. */
#include "campus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/allocate_move.h"
#include "engine/balance.h"

enum { HOSTS = 3, HOUR_S = 3600 };
static const char *const HOST_NAMES[HOSTS] = { "vm1", "vm2", "vm3" };
static double cpus_of[HOSTS] = { 16, 16, 64 };

/* What each guest of the site that runs on a VM server wants, by its number in the cluster; all have been there for
   two hours, and all hosts are up for a day. */
static struct load make_load(const struct allocations *allocations, const double *wants)
{
	struct load load = { .hosts = xcalloc(HOSTS, sizeof(*load.hosts)), .count = HOSTS };
	const struct cluster *cluster = site_find_cluster(&site, "genome");
	const struct allocation *made = &allocations->items[cluster - site.clusters];
	for (size_t i = 0; i < HOSTS; i++) {
		struct load_host *host = &load.hosts[i];
		*host = (struct load_host){ .node = site_find_node(&site, HOST_NAMES[i]),
					    .cpus = cpus_of[i],
					    .up_s = 24 * HOUR_S,
					    .times = 10 };
		host->guests = xcalloc(cluster->guest_count, sizeof(*host->guests));
		for (size_t j = 1; j < cluster->guest_count; j++)
			if (text_equal(made->guests[j].host, HOST_NAMES[i]))
				host->guests[host->guest_count++] =
					(struct load_guest){ .id = xstrdup(cluster->guests[j].id),
							     .here_s = 2 * HOUR_S,
							     .uses = wants[j] };
		host->short_times = load_host_wants(host) > host->cpus ? 10 : 0;
	}
	return load;
}

struct case_of {
	struct allocations allocations;
	struct load load;
	struct balance_moves moves;
	struct text_list emptied;
};

/* By number: 1 to 6 are compute1 to 6, on vm1, vm2, vm3, vm1, vm2, vm3; 7 and 8 are big1 and big2, on vm3. */
static void begin(struct case_of *case_of, const double *wants)
{
	struct mistakes mistakes = MISTAKES_INIT;
	*case_of = (struct case_of){ .emptied = TEXT_LIST_INIT };
	assert_int_equal(allocate(&site, &case_of->allocations, &mistakes, NULL), 0);
	assert_count(mistakes.count, 0);
	case_of->load = make_load(&case_of->allocations, wants);
}

static void end(struct case_of *case_of)
{
	balance_moves_free(&case_of->moves);
	text_list_free(&case_of->emptied);
	load_free(&case_of->load);
	allocations_free(&case_of->allocations);
}

static void assert_moves(const struct case_of *case_of, const char *expected)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < case_of->moves.count; i++)
		str_addf(&text, "%s%s %s>%s", i ? ", " : "", case_of->moves.items[i].guest->id,
			 case_of->moves.items[i].from->name, case_of->moves.items[i].to->name);
	assert_string_equal(str_text(&text), expected);
}

static void balance(struct case_of *case_of)
{
	balance_find(&site, &case_of->allocations, &case_of->load, HOUR_S, &case_of->moves);
}

static void pack(struct case_of *case_of)
{
	pack_find(&site, &case_of->allocations, &case_of->load, HOUR_S, &case_of->moves,
		  &case_of->emptied);
}

/* ---- balance ---- */

static void test_relieves(void **state)
{
	struct case_of at;
	(void)state;
	/* vm1 lacks 6 of its 16; the one that relieves it at the least cost goes to where the least is wanted. */
	begin(&at, (double[]){ 0, 12, 4, 1, 10, 4, 1, 1, 1 });
	balance(&at);
	assert_moves(&at, "genome-compute1 vm1>vm3");
	assert_true(at.moves.items[0].wants == 12);
	assert_true(at.moves.items[0].gains_s == 6 * BALANCE_AHEAD_S);
	/* 16 GiB at 100 MB/s, half of it once more, and 30 s, on both hosts. */
	assert_int_equal((int)at.moves.items[0].costs_s, 575);
	end(&at);
	/* Two hosts that are short: the one that lacks more comes first, and a host is not filled beyond 80 %. */
	begin(&at, (double[]){ 0, 10, 14, 20, 9, 9, 20, 1, 1 });
	balance(&at);
	assert_moves(&at, "genome-compute5 vm2>vm3");
	end(&at);
}

static void test_stays(void **state)
{
	struct case_of at;
	(void)state;
	/* One peak is no reason. */
	begin(&at, (double[]){ 0, 12, 4, 1, 10, 4, 1, 1, 1 });
	at.load.hosts[0].short_times = 5;
	balance(&at);
	assert_moves(&at, "");
	end(&at);
	/* Who has come a short while ago stays; then the other one goes. */
	begin(&at, (double[]){ 0, 12, 4, 1, 10, 4, 1, 1, 1 });
	at.load.hosts[0].guests[0].here_s = HOUR_S - 1;
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm3");
	end(&at);
	/* A tenth of a processor in an hour does not pay for ten minutes of one. */
	begin(&at, (double[]){ 0, 12, 4, 1, 4.1, 4, 1, 1, 1 });
	balance(&at);
	assert_moves(&at, "");
	end(&at);
	/* Nowhere is room by what is wanted. */
	begin(&at, (double[]){ 0, 12, 8, 15, 10, 4, 15, 14, 1 });
	balance(&at);
	assert_moves(&at, "");
	end(&at);
	/* Nowhere is room by what is declared: 160G. */
	begin(&at, (double[]){ 0, 1, 1, 1, 1, 1, 1, 8, 60 });
	balance(&at);
	assert_moves(&at, "genome-compute3 vm3>vm1, genome-compute6 vm3>vm2");
	end(&at);
	/* What is on its way is counted where it is, and does not move. */
	begin(&at, (double[]){ 0, 12, 4, 1, 10, 4, 1, 1, 1 });
	at.allocations.items[1].guests[1].to = xstrdup("vm2");
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm3");
	end(&at);
}

/* A host that is off is the last resort, and its boot has to pay, by the share that is filled. */
static void test_wakes(void **state)
{
	struct case_of at;
	(void)state;
	for (int off = 0; off < 2; off++) {
		begin(&at, (double[]){ 0, 12, 4, 0, 4.2, 4, 0, 0, 0 });
		at.load.hosts[1].cpus = 8; /* no room */
		at.load.hosts[2].off = off;
		balance(&at);
		assert_moves(&at, off ? "" : "genome-compute1 vm1>vm3");
		end(&at);
	}
	begin(&at, (double[]){ 0, 12, 4, 0, 10, 4, 0, 0, 0 });
	at.load.hosts[1].cpus = 8;
	at.load.hosts[2].off = true;
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm3");
	assert_int_equal((int)at.moves.items[0].costs_s, 575 + BALANCE_BOOT_S * 10 * 100 / 80);
	end(&at);
	begin(&at, (double[]){ 0, 12, 1, 1, 10, 1, 1, 1, 1 });
	at.load.hosts[2].off = true;
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm2");
	end(&at);
	/* A guest that wants more than 80 % of any host goes to one that has none. */
	begin(&at, (double[]){ 0, 15, 1, 0, 14, 1, 0, 0, 0 });
	at.load.hosts[2].off = true;
	at.load.hosts[2].cpus = 16;
	while (at.load.hosts[2].guest_count > 0)
		free(at.load.hosts[2].guests[--at.load.hosts[2].guest_count].id);
	balance(&at);
	assert_moves(&at, "");
	struct allocation *made = &at.allocations.items[1];
	for (size_t i = 1; i < made->guest_count; i++)
		if (text_equal(made->guests[i].host, "vm3")) {
			free(made->guests[i].host);
			made->guests[i].host = NULL;
		}
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm3");
	end(&at);
	/* One that is short itself takes nothing, however little it wants. */
	begin(&at, (double[]){ 0, 12, 1, 1, 10, 1, 1, 1, 1 });
	at.load.hosts[2].short_times = 6;
	balance(&at);
	assert_moves(&at, "genome-compute4 vm1>vm2");
	end(&at);
}

/* ---- pack ---- */

static void give_bmcs(void)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (site_find_node(&site, HOST_NAMES[i])->bmc.type == NULL)
			site_find_node(&site, HOST_NAMES[i])->bmc.type = xstrdup("ipmi");
}

static void assert_emptied(const struct case_of *at, const char *expected)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < at->emptied.count; i++)
		str_addf(&text, "%s%s", i ? " " : "", at->emptied.items[i]);
	assert_string_equal(str_text(&text), expected);
}

static void test_packs(void **state)
{
	static const double IDLE[] = { 0, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct case_of at;
	(void)state;
	/* Nobody could switch them on again. */
	begin(&at, IDLE);
	pack(&at);
	assert_emptied(&at, "");
	assert_moves(&at, "");
	end(&at);
	give_bmcs();
	/* Others need what they keep, or are. */
	begin(&at, IDLE);
	for (size_t i = 0; i < HOSTS; i++)
		site_find_node(&site, HOST_NAMES[i])->guests.storage = 1;
	pack(&at);
	assert_emptied(&at, "");
	end(&at);
	for (size_t i = 0; i < HOSTS; i++)
		site_find_node(&site, HOST_NAMES[i])->guests.storage = FIELD_UNSET;
	/* vm1 and vm2 have the same, and the later one goes, to the fuller of those that take it. vm1 has got
	   something then, and vm3's do not fit. */
	begin(&at, IDLE);
	pack(&at);
	assert_emptied(&at, "vm2");
	assert_moves(&at, "genome-compute2 vm2>vm1, genome-compute5 vm2>vm1");
	end(&at);
}

static void test_pack_stays(void **state)
{
	static const double IDLE[] = { 0, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct case_of at;
	(void)state;
	give_bmcs();
	/* Up to 80 % of what is left only. */
	begin(&at, (double[]){ 0, 6, 6, 20, 6, 6, 20, 5, 5 });
	pack(&at);
	assert_emptied(&at, "");
	assert_moves(&at, "");
	for (size_t i = 1; i < 9; i++)
		assert_null(at.allocations.items[1].guests[i].to);
	end(&at);
	/* Booted a short while ago; a guest that came then; one of somebody else. */
	begin(&at, IDLE);
	at.load.hosts[0].up_s = HOUR_S - 1;
	at.load.hosts[1].guests[1].here_s = HOUR_S - 1;
	free(at.load.hosts[2].guests[0].id);
	at.load.hosts[2].guests[0].id = xstrdup("stranger");
	pack(&at);
	assert_emptied(&at, "");
	end(&at);
	/* Without guests all but one are empty. */
	state_of("genome", "stopped");
	begin(&at, IDLE);
	for (size_t i = 0; i < HOSTS; i++) {
		while (at.load.hosts[i].guest_count > 0)
			free(at.load.hosts[i].guests[--at.load.hosts[i].guest_count].id);
	}
	pack(&at);
	assert_emptied(&at, "vm3 vm2");
	assert_moves(&at, "");
	end(&at);
}

/* ---- one interval after the other ---- */

static struct load_counters counters(uint64_t at_s, size_t count, const struct load_counter *guests)
{
	struct load_counters made = { .cpus = 4,
				      .up_s = at_s,
				      .busy_ms = at_s * 3000,
				      .idle_ms = at_s * 1000,
				      .guests = xcalloc(count + 1, sizeof(*made.guests)),
				      .guest_count = count };
	for (size_t i = 0; i < count; i++) {
		made.guests[i] = guests[i];
		made.guests[i].id = xstrdup(guests[i].id);
	}
	return made;
}

static void test_intervals(void **state)
{
	static char a[] = "a";
	static char b[] = "b";
	static char c[] = "c";
	struct load_counters at[] = {
		counters(100, 2, (struct load_counter[]){ { a, 1000, 500, 0 }, { b, 9000, 0, 0 } }),
		/* a uses half a processor and waits a quarter; b has ended; c has come. */
		counters(110, 2,
			 (struct load_counter[]){ { a, 11000, 5500, 2500 }, { c, 50, 40, 7 } }),
		/* a does nothing; c's QEMU is another one by now, which is older than that was */
		counters(120, 2,
			 (struct load_counter[]){ { a, 21000, 5500, 2500 }, { c, 7000, 9000, 9 } }),
	};
	struct load_host host = { .up_s = 0 };
	(void)state;
	load_add(&host, &at[0], &at[1]);
	assert_count(host.guest_count, 2);
	assert_true(load_find_guest(&host, "a")->uses == 0.5);
	assert_true(load_find_guest(&host, "a")->waits == 0.25);
	assert_true(load_guest_wants(load_find_guest(&host, "c")) == 0);
	assert_null(load_find_guest(&host, "b"));
	assert_true(host.others == 2.5); /* three of four are busy */
	assert_true(load_host_wants(&host) == 3.25);
	assert_int_equal(host.short_times, 1); /* 0.25 of 4 is more than 5 % */
	assert_true(load_is_short(&host));
	load_add(&host, &at[1], &at[2]);
	assert_true(load_find_guest(&host, "a")->uses == 0.25);
	assert_int_equal(load_find_guest(&host, "a")->here_s, 21);
	assert_true(load_guest_wants(load_find_guest(&host, "c")) == 0);
	assert_int_equal(load_find_guest(&host, "c")->here_s, 7);
	assert_int_equal(load_find_guest(&host, "c")->times, 0);
	assert_int_equal(load_find_guest(&host, "a")->times, 2);
	assert_true(host.others == 2.75);
	assert_int_equal(host.times, 2);
	assert_false(load_is_short(&host)); /* one of two is not most */
	for (size_t i = 0; i < COUNT_OF(at); i++)
		load_counters_free(&at[i]);
	struct load load = { .hosts = xcalloc(1, sizeof(host)), .count = 1 };
	load.hosts[0] = host;
	load_free(&load);
}

/* ---- a day, replayed ---- */

enum { STEP_S = 300, DAY_S = 24 * 3600, GUESTS = 9, SEEDS = 20 };

struct day {
	size_t moves;
	double lacking_s, costs_s; /* seconds of a processor */
};

/* Guests work for hours at a time, some more at noon, with noise and peaks. */
static double wants_at(uint64_t *seed, uint64_t *busy_until, uint64_t now_s, size_t guest)
{
	if (now_s >= busy_until[guest] && next_number(seed, 20) == 0)
		busy_until[guest] = now_s + 1800 + next_number(seed, 4 * HOUR_S);
	double noise = (double)next_number(seed, 1000) / 1000;
	if (next_number(seed, 40) == 0)
		return 8;
	return now_s < busy_until[guest] ? 6 + 2 * noise : 0.2 * noise;
}

static void settle(struct case_of *at, uint64_t *came_s, uint64_t now_s, struct day *day)
{
	for (size_t i = 0; i < at->moves.count; i++) {
		const struct balance_move *move = &at->moves.items[i];
		const struct cluster_guest *guest;
		const struct cluster *cluster =
			allocate_move_find(&site, move->guest->id, &guest, NULL);
		size_t number = (size_t)(guest - cluster->guests);
		struct allocated_guest *recorded =
			allocation_find(&site_find_cluster(&site, "genome")->recorded, guest->name);
		/* No guest twice in an hour; at the beginning all had been there for long. */
		if (came_s[number] > 0)
			assert_true(now_s - came_s[number] >= HOUR_S);
		assert_true(move->gains_s > move->costs_s);
		came_s[number] = now_s;
		free(recorded->host);
		recorded->host = xstrdup(move->to->name);
		day->moves++;
		day->costs_s += move->costs_s;
	}
}

/* With a balance each five minutes, or without any. */
static struct day replay(uint64_t seed, bool balanced)
{
	struct day day = { 0 };
	uint64_t busy_until[GUESTS] = { 0 };
	uint64_t came_s[GUESTS] = { 0 };
	for (uint64_t now_s = STEP_S; now_s <= DAY_S; now_s += STEP_S) {
		struct case_of at;
		double wants[GUESTS] = { 0 };
		for (size_t i = 1; i < GUESTS; i++)
			wants[i] = wants_at(&seed, busy_until, now_s, i);
		begin(&at, wants);
		for (size_t i = 0; i < HOSTS; i++) {
			struct load_host *host = &at.load.hosts[i];
			double lack = load_host_wants(host) - host->cpus;
			day.lacking_s += lack > 0 ? lack * STEP_S : 0;
			for (size_t j = 0; j < host->guest_count; j++) {
				const struct cluster_guest *guest;
				const struct cluster *cluster =
					allocate_move_find(&site, host->guests[j].id, &guest, NULL);
				size_t number = (size_t)(guest - cluster->guests);
				host->guests[j].here_s =
					came_s[number] ? now_s - came_s[number] : 2 * HOUR_S;
			}
		}
		if (balanced) {
			balance(&at);
			settle(&at, came_s, now_s, &day);
		}
		end(&at);
	}
	return day;
}

struct days {
	size_t moves;
	double without_s, with_s;
};

/* gathered: all computes begin on vm1, else two on each host. */
static struct days replay_all(bool gathered)
{
	struct days days = { 0 };
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct day day[2];
		for (int balanced = 0; balanced < 2; balanced++) {
			close_site(NULL);
			open_site(NULL);
			struct allocation *recorded = &site_find_cluster(&site, "genome")->recorded;
			for (size_t i = 0; gathered && i < recorded->guest_count; i++)
				if (text_starts(recorded->guests[i].name, "compute")) {
					free(recorded->guests[i].host);
					recorded->guests[i].host = xstrdup("vm1");
				}
			day[balanced] = replay(seed, balanced);
		}
		assert_count(day[0].moves, 0);
		days.without_s += day[0].lacking_s;
		days.with_s += day[1].lacking_s + day[1].costs_s;
		days.moves += day[1].moves;
	}
	print_message("# %d days: %zu moves; lacking %.0f h of processors without, %.0f h with, "
		      "what moves cost counted\n",
		      SEEDS, days.moves, days.without_s / HOUR_S, days.with_s / HOUR_S);
	return days;
}

static void test_replayed(void **state)
{
	(void)state;
	struct days days = replay_all(true);
	assert_true(days.moves > SEEDS);
	assert_true(days.with_s < days.without_s / 4);
	/* Well placed, and short at times. */
	memcpy(cpus_of, (double[HOSTS]){ 12, 12, 32 }, sizeof(cpus_of));
	days = replay_all(false);
	assert_true(days.moves > SEEDS);
	assert_true(days.with_s < days.without_s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_relieves, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_stays, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_wakes, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_packs, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_pack_stays, open_site, close_site),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test_setup_teardown(test_replayed, open_site, close_site),
	};
	return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
