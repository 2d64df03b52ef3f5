/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Placement over generated cases: valid, the same every time, spread and packed. */
#include "test.h"

#include <string.h>

#include "engine/place.h"

enum { HOSTS = 24, ITEMS = 120, GROUPS = 4, CASES = 400 };

static uint64_t seed;
static uint64_t number(uint64_t below)
{
	return next_number(&seed, below);
}

struct example {
	struct place_host hosts[HOSTS];
	struct place_item items[ITEMS];
	bool may[ITEMS][HOSTS];
	size_t host_count, count;
};
static const char GROUP[GROUPS];

static void make(struct example *it)
{
	memset(it, 0, sizeof(*it));
	it->host_count = 1 + number(HOSTS);
	it->count = 1 + number(ITEMS);
	for (size_t i = 0; i < it->host_count; i++) {
		it->hosts[i].room[PLACE_CPUS] = 8 + number(56);
		it->hosts[i].room[PLACE_BYTES] = (16 + number(112)) << 30;
	}
	for (size_t i = 0; i < it->count; i++) {
		struct place_item *item = &it->items[i];
		item->need[PLACE_CPUS] = 1 + number(8);
		item->need[PLACE_BYTES] = (1 + number(16)) << 30;
		item->group = &GROUP[number(GROUPS)];
		item->pack = number(3) == 0;
		item->host = PLACE_NONE;
		for (size_t j = 0; j < it->host_count; j++)
			it->may[i][j] = number(5) != 0;
		item->may = number(4) == 0 ? it->may[i] : NULL;
	}
}

static void check_valid(const struct example *it, size_t left)
{
	uint64_t used[HOSTS][PLACE_DIMENSIONS] = { { 0 } };
	size_t none = 0;
	for (size_t i = 0; i < it->count; i++) {
		const struct place_item *item = &it->items[i];
		if (item->host == PLACE_NONE) {
			none++;
			continue;
		}
		assert_true(item->host < it->host_count);
		assert_true(item->may == NULL || item->may[item->host]);
		for (int j = 0; j < PLACE_DIMENSIONS; j++)
			used[item->host][j] += item->need[j];
	}
	assert_count(none, left);
	for (size_t i = 0; i < it->host_count; i++)
		for (int j = 0; j < PLACE_DIMENSIONS; j++) {
			assert_true(used[i][j] == it->hosts[i].used[j]);
			assert_true(used[i][j] <= it->hosts[i].room[j]);
		}
	/* What is left over fits nowhere as it is. */
	for (size_t i = 0; i < it->count; i++)
		for (size_t j = 0; it->items[i].host == PLACE_NONE && j < it->host_count; j++)
			assert_false((it->items[i].may == NULL || it->items[i].may[j]) &&
				     place_fits(&it->hosts[j], &it->items[i]));
}

static void test_generated_cases_are_valid_and_repeat(void **state)
{
	static struct example one;
	static struct example two;
	size_t whole = 0;
	(void)state;
	seed = 20261121;
	for (int i = 0; i < CASES; i++) {
		make(&one);
		two = one;
		for (size_t j = 0; j < two.count; j++)
			if (two.items[j].may)
				two.items[j].may = two.may[j];
		size_t left = place_items(one.hosts, one.host_count, one.items, one.count);
		check_valid(&one, left);
		assert_count(place_items(two.hosts, two.host_count, two.items, two.count), left);
		for (size_t j = 0; j < one.count; j++)
			assert_count(one.items[j].host, two.items[j].host);
		whole += left == 0;
	}
	/* Otherwise the cases would show nothing. */
	assert_true(whole > CASES / 4 && whole < CASES);
}

/* Placed ones stay, whatever comes besides. */
static void test_what_is_placed_stays(void **state)
{
	static struct example it;
	size_t hosts[ITEMS];
	(void)state;
	seed = 7;
	for (int i = 0; i < CASES; i++) {
		make(&it);
		size_t half = it.count / 2;
		place_items(it.hosts, it.host_count, it.items, half);
		for (size_t j = 0; j < half; j++)
			hosts[j] = it.items[j].host;
		size_t left = place_items(it.hosts, it.host_count, it.items, it.count);
		for (size_t j = 0; j < half; j++)
			assert_true(hosts[j] == PLACE_NONE || hosts[j] == it.items[j].host);
		check_valid(&it, left);
	}
}

static void fill(struct example *it, size_t hosts, size_t items, bool pack)
{
	memset(it, 0, sizeof(*it));
	it->host_count = hosts;
	it->count = items;
	for (size_t i = 0; i < hosts; i++) {
		it->hosts[i].room[PLACE_CPUS] = 16;
		it->hosts[i].room[PLACE_BYTES] = 64;
	}
	for (size_t i = 0; i < items; i++)
		it->items[i] = (struct place_item){
			.need = { 2, 4 }, .group = GROUP, .pack = pack, .host = PLACE_NONE
		};
}

static size_t most_and_least(const struct example *it, size_t *least)
{
	size_t of[HOSTS] = { 0 };
	size_t most = 0;
	for (size_t i = 0; i < it->count; i++)
		of[it->items[i].host]++;
	*least = of[0];
	for (size_t i = 0; i < it->host_count; i++) {
		most = of[i] > most ? of[i] : most;
		*least = of[i] < *least ? of[i] : *least;
	}
	return most;
}

static void test_alike_are_spread_evenly(void **state)
{
	static struct example it;
	size_t least;
	(void)state;
	for (size_t items = 1; items <= 40; items++) {
		fill(&it, 5, items, false);
		assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
		assert_true(most_and_least(&it, &least) <= least + 1);
	}
}

static void test_alike_are_packed_on_as_few_as_can_be(void **state)
{
	static struct example it;
	(void)state;
	for (size_t items = 1; items <= 40; items++) {
		size_t used = 0;
		fill(&it, 5, items, true);
		assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
		for (size_t i = 0; i < it.host_count; i++)
			used += it.hosts[i].used[PLACE_CPUS] > 0;
		assert_count(used, (items + 7) / 8);
	}
}

/* 3, 5, 5 and 7 processors on two hosts of 10: in this order the 7 finds no room, spread or packed. */
static void test_the_largest_come_first(void **state)
{
	static const uint64_t NEEDS[] = { 3, 5, 5, 7 };
	static struct example it;
	(void)state;
	fill(&it, 2, COUNT_OF(NEEDS), false);
	for (size_t i = 0; i < COUNT_OF(NEEDS); i++) {
		it.hosts[i % 2].room[PLACE_CPUS] = 10;
		it.items[i].need[PLACE_CPUS] = NEEDS[i];
		it.items[i].group = NULL;
	}
	assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
	check_valid(&it, 0);
}

/* 3, 3, 2, 2 and 2 processors on two hosts of 6: spread, the first two part, and the last finds 1
   and 1; packed, both hosts are full. */
static void test_a_hint_costs_no_place(void **state)
{
	static const uint64_t NEEDS[] = { 3, 3, 2, 2, 2 };
	static struct example it;
	(void)state;
	fill(&it, 2, COUNT_OF(NEEDS), false);
	it.hosts[0].room[PLACE_CPUS] = 6;
	it.hosts[1].room[PLACE_CPUS] = 6;
	for (size_t i = 0; i < COUNT_OF(NEEDS); i++)
		it.items[i].need[PLACE_CPUS] = NEEDS[i];
	assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
	check_valid(&it, 0);
	assert_int_equal(it.hosts[0].used[PLACE_CPUS], 6);
	assert_int_equal(it.hosts[1].used[PLACE_CPUS], 6);
}

/* Only one host may take the last item, and the others would have filled it. */
static void test_who_has_least_choice_comes_first(void **state)
{
	static struct example it;
	(void)state;
	fill(&it, 3, 24, false);
	for (size_t i = 21; i < 24; i++) {
		it.may[i][0] = true;
		it.items[i].may = it.may[i];
	}
	assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
	for (size_t i = 21; i < 24; i++)
		assert_count(it.items[i].host, 0);
}

/* A host that lost room has more than it gives; nothing comes to it, and nothing is counted twice. */
static void test_an_overfull_host_takes_no_more(void **state)
{
	static struct example it;
	(void)state;
	fill(&it, 2, 10, false);
	for (size_t i = 0; i < 9; i++)
		it.items[i].host = 0;
	place_count(it.hosts, it.items, it.count);
	assert_true(place_is_overfull(&it.hosts[0]));
	assert_false(place_is_overfull(&it.hosts[1]));
	assert_count(place_items(it.hosts, it.host_count, it.items, it.count), 0);
	assert_count(it.items[9].host, 1);
	assert_int_equal(it.hosts[0].used[PLACE_CPUS], 18);
}

/* Sixteen of 2^60 bytes are 2^64. */
static void test_no_sum_is_too_large(void **state)
{
	struct place_host host = { .room = { 64, 1 << 20 } };
	const struct place_item item = { .need = { 1, UINT64_C(1) << 60 }, .host = 0 };
	(void)state;
	for (size_t i = 0; i < 16; i++)
		place_count(&host, &item, 1);
	assert_true(place_is_overfull(&host));
	assert_int_equal(place_left(&host, PLACE_BYTES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generated_cases_are_valid_and_repeat),
		cmocka_unit_test(test_what_is_placed_stays),
		cmocka_unit_test(test_alike_are_spread_evenly),
		cmocka_unit_test(test_alike_are_packed_on_as_few_as_can_be),
		cmocka_unit_test(test_the_largest_come_first),
		cmocka_unit_test(test_a_hint_costs_no_place),
		cmocka_unit_test(test_who_has_least_choice_comes_first),
		cmocka_unit_test(test_an_overfull_host_takes_no_more),
		cmocka_unit_test(test_no_sum_is_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
