/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of the storage kinds: what is refused because data would suffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "kinds/target/spec.h"
#include "system/sysfs.h"

extern const struct kind_spec target_spec;

static void two_partitions_with_one_label(void **state)
{
	struct sysfs_partition items[] = {
		{ (char *)"vda1", (char *)"vda", (char *)"moyai.main" },
		{ (char *)"vda2", (char *)"vda", (char *)"moyai.more" },
		{ (char *)"vdb1", (char *)"vdb", (char *)"moyai.main" },
	};
	const struct sysfs_partitions all = { items, 3 };
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(sysfs_partition_check(&all, "moyai.more", &err), 0);
	assert_int_equal(sysfs_partition_check(&all, "moyai.none", &err), 0);
	assert_int_equal(sysfs_partition_check(&all, "moyai.main", &err), -1);
	assert_string_equal(err.text, "/dev/vda1 and /dev/vdb1 both have the label moyai.main; "
				      "take the disk that does not belong here out");
}

static void another_volume_under_a_target(void **state)
{
	struct target wanted = { .device = (char *)"/dev/moyai-main/b" };
	struct target there = { .device = (char *)"/dev/moyai-main/a" };
	struct spec want = { .kind = &target_spec, .body = &wanted };
	struct spec have = { .kind = &target_spec, .body = &there };
	struct err err = ERR_INIT;
	(void)state;
	struct step step = { .kind = &target_spec,
			     .action = STEP_CHANGE,
			     .id = (char *)"home",
			     .want = &want,
			     .have = &have,
			     .seen = &have };
	assert_int_equal(target_spec.judge(&step, &err), 0);
	assert_string_equal(step.refused,
			    "target home exports /dev/moyai-main/a, and its initiator may be "
			    "using it; to export /dev/moyai-main/b give that another name, or "
			    "remove the target and its session first");
	free(step.refused);
	step.refused = NULL;
	/* A crash left it without a device: completing it is no change. */
	there.device = NULL;
	assert_int_equal(target_spec.judge(&step, &err), 0);
	assert_null(step.refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_partitions_with_one_label),
		cmocka_unit_test(another_volume_under_a_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
