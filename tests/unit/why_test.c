/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of `moyai why`: what is seen on the left, what is said on the right. */
#include "test.h"

#include <stdlib.h>

#include "programs/why_rules.h"

static const struct why_seen ANSWERS = { .node = "vm1",
					 .role = "storage",
					 .stage = BOOT_READY,
					 .stage_age = "12m 3s",
					 .stage_age_s = 723,
					 .served = true };

static void expect(const struct why_seen *seen, bool fine, const char *cause, const char *next)
{
	struct why_answer answer;
	why_judge(seen, &answer);
	assert_string_equal(answer.cause, cause);
	if (next)
		assert_string_equal(answer.next, next);
	else
		assert_null(answer.next);
	assert_int_equal(answer.fine, fine);
	free(answer.cause);
	free(answer.next);
}

static void test_why_answers(void **state)
{
	(void)state;
	struct why_seen seen = ANSWERS;
	expect(&seen, true, "vm1 answers, and is as the site wants it", NULL);
	seen.steps = 2;
	expect(&seen, false, "vm1 answers, and differs from the site: 2 steps to do",
	       "moyai apply --limit vm1");
	seen.refused_steps = 1;
	seen.refused_step = "the disk holds an ext2 filesystem";
	expect(&seen, false, "a step is refused: the disk holds an ext2 filesystem",
	       "moyai plan --limit vm1 shows them all");
	seen.maintenance = true;
	expect(&seen, false, "vm1 is in maintenance (no reason given), and apply leaves it alone",
	       "moyai maintenance off vm1");
	seen = ANSWERS;
	seen.maintenance = true; /* and nothing is to be done: then it does not matter */
	expect(&seen, true, "vm1 answers, and is as the site wants it", NULL);
	seen = ANSWERS;
	seen.ssh = WHY_CANNOT;
	seen.ssh_error = "lvm: exit code 5";
	expect(&seen, false, "vm1 answers, and cannot say what it has: lvm: exit code 5",
	       "moyai ssh vm1, and look at what the error names");
}

static void test_why_keys(void **state)
{
	(void)state;
	struct why_seen seen = ANSWERS;
	seen.ssh = WHY_OTHER_KEY;
	expect(&seen, false,
	       "another machine answers at its address, or vm1 was booted without Moyai: the host "
	       "key is not the pinned one",
	       "find out which machine it is; then boot vm1 from the network again");
	seen.ssh = WHY_NO_PIN;
	expect(&seen, false, "vm1 was not booted by this moyai: no host key of it is pinned",
	       "boot it from the network, with moyai pxe serve running and this state directory");
	seen.ssh = WHY_LOGIN;
	expect(&seen, false, "vm1 runs with keys of another state directory",
	       "use the state directory that it was booted with (--state), or boot it again");
	seen.ssh = WHY_LOST;
	seen.ssh_error = "libssh: timeout";
	expect(&seen, false, "libssh: timeout", "moyai doctor");
}

static void test_why_silent(void **state)
{
	(void)state;
	struct why_seen seen = ANSWERS;
	seen.ssh = WHY_CLOSED;
	expect(&seen, false,
	       "a system runs at its address, and no sshd: it is shutting down, or is not ours",
	       "look at the console, or boot vm1 again");
	seen.ssh = WHY_SILENT;
	expect(&seen, false,
	       "vm1 was ready 12m 3s ago and is silent now: it lost its power or link, or hangs",
	       "look at the console; switch it off and on, and it boots again");
	seen.stage = BOOT_NONE;
	expect(&seen, false,
	       "vm1 has never asked to boot: it has no power or no link, does not boot from the "
	       "network, or has another MAC",
	       "look at the machine's console; moyai status lists MACs that are in no "
	       "configuration");
	seen.served = false;
	expect(&seen, false, "nothing answers at boot.server: vm1 has nobody to boot from",
	       "moyai pxe serve, on the machine with that address");
	seen.image_missing = true;
	expect(&seen, false, "there is no image of its role storage", "moyai image build storage");
	seen.boot_refused = "another machine has this MAC";
	expect(&seen, false, "a boot in its name was refused: another machine has this MAC",
	       "find the second machine with its MAC, or switch vm1 off before it boots");
	seen.maintenance = true;
	seen.maintenance_reason = "new disk";
	expect(&seen, false, "vm1 is in maintenance (new disk), and apply leaves it alone",
	       "moyai maintenance off vm1");
}

/* Where a manager has taken over, what to do is there. */
static void test_why_taken_over(void **state)
{
	(void)state;
	struct why_seen seen = ANSWERS;
	seen.manager = "boss";
	seen.server = "10.77.0.11";
	seen.ssh = WHY_SILENT;
	seen.ssh_error = "no answer";
	seen.stage = BOOT_NONE;
	seen.served = false;
	expect(&seen, false,
	       "nothing answers at 10.77.0.11, where boss serves boots: vm1 has nobody to boot "
	       "from",
	       "moyai ssh boss systemctl status moyaid; or moyai why boss");
	seen.image_missing = true;
	expect(&seen, false, "boss has no image of its role storage",
	       "moyai image build storage, then moyai bootstrap, which brings it there");
	seen.ssh = WHY_NO_PIN;
	expect(&seen, false, "vm1 was not booted by boss: no host key of it is pinned there",
	       "boot it from the network");
	/* The manager itself, whatever was reported of its first boot. */
	seen = (struct why_seen){ .node = "boss",
				  .role = "cluster-manager",
				  .ssh = WHY_SILENT,
				  .ssh_error = "no answer",
				  .stage = BOOT_KERNEL,
				  .stage_age_s = 3600,
				  .manager = "boss" };
	expect(&seen, false, "boss, which boots the others, does not answer: no answer",
	       "look at its console; switch it off and on: it starts from its disk");
	seen.ssh = WHY_ANSWERS;
	expect(&seen, true, "boss answers, and is as the site wants it", NULL);
}

/* At each stage a while, and too long. */
static void test_why_stages(void **state)
{
	static const struct {
		enum boot_stage stage;
		const char *booting, *stuck;
	} STAGES[] = {
		{ BOOT_DHCP, "vm1 boots: dhcp since 12m 3s",
		  "its firmware got an address 12m 3s ago, and never fetched iPXE: TFTP does not "
		  "get through, or another DHCP server answered" },
		{ BOOT_IPXE, "vm1 boots: ipxe since 12m 3s",
		  "iPXE got its script 12m 3s ago, and never fetched the kernel" },
		{ BOOT_KERNEL, "vm1 boots: kernel since 12m 3s",
		  "the kernel was fetched 12m 3s ago, and its initramfs never reported: it has no "
		  "driver for the network card, or did not start" },
		{ BOOT_INITRAMFS, "vm1 boots: initramfs since 12m 3s",
		  "it fetches its image since 12m 3s, and has 40 %" },
		{ BOOT_IMAGE, "vm1 boots: image since 12m 3s",
		  "it fetches its image since 12m 3s, and has 40 %" },
		{ BOOT_VERIFIED, "vm1 boots: verified since 12m 3s",
		  "its image was right 12m 3s ago, and its system never started" },
		{ BOOT_USERSPACE, "vm1 boots: userspace since 12m 3s",
		  "its system started 12m 3s ago, and never reported its host key" },
	};
	struct why_answer answer;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(STAGES); i++) {
		struct why_seen seen = ANSWERS;
		seen.ssh = WHY_SILENT;
		seen.stage = STAGES[i].stage;
		seen.percent = 40;
		seen.stage_age_s = 300;
		expect(&seen, false, STAGES[i].booting, "wait, and ask again");
		seen.stage_age_s = 301;
		why_judge(&seen, &answer);
		assert_string_equal(answer.cause, STAGES[i].stuck);
		free(answer.cause);
		free(answer.next);
	}
}

static void test_why_failed(void **state)
{
	(void)state;
	struct why_seen seen = ANSWERS;
	seen.ssh = WHY_SILENT;
	seen.stage = BOOT_FAILED;
	expect(&seen, false, "its boot failed: no reason was reported",
	       "mend what the error names, and switch vm1 off and on");
	seen.boot_error = "base.squashfs has another sha256";
	expect(&seen, false,
	       "the image was not what its manifest says: base.squashfs has another sha256",
	       "moyai image list; it tries again by itself while an image is being replaced");
	seen.boot_error = "no disk";
	expect(&seen, false, "its boot failed: no disk",
	       "mend what the error names, and switch vm1 off and on");
	/* By itself, or mended and switched on: nobody is to switch it off now. */
	seen.stage = BOOT_KERNEL;
	seen.stage_age = "1m";
	seen.stage_age_s = 60;
	expect(&seen, false, "its boot failed: no disk; it boots again: kernel since 1m",
	       "wait, and ask again; if it fails again, mend what the error names");
	seen.boot_error = "base.squashfs has another sha256";
	expect(&seen, false,
	       "the image was not what its manifest says: base.squashfs has another sha256",
	       "moyai image list; it tries again by itself while an image is being replaced");
	seen.stage_age = "6m";
	seen.stage_age_s = 360;
	expect(&seen, false,
	       "the kernel was fetched 6m ago, and its initramfs never reported: it has no driver "
	       "for the network card, or did not start",
	       "look at the console; kernel = \"generic\" and firmware in the site are for real "
	       "hardware");
	seen.stage = BOOT_READY;
	seen.boot_error = NULL;
	seen.stage_age = "1m";
	expect(&seen, false,
	       "vm1 was ready 1m ago and is silent now: it lost its power or link, or hangs",
	       "look at the console; switch it off and on, and it boots again");
}

static void test_why_ssh_errors(void **state)
{
	(void)state;
	assert_int_equal(why_ssh_error("refused: the host key of 10.77.0.13 has changed: it shows "
				       "SHA256:a, pinned is SHA256:b"),
			 WHY_OTHER_KEY);
	assert_int_equal(why_ssh_error("refused: the host key of 10.77.0.13 (SHA256:a) is not "
				       "pinned; Moyai pins it when"),
			 WHY_NO_PIN);
	assert_int_equal(why_ssh_error("log-in as root with k refused; the node takes the site's "
				       "keys at its next boot"),
			 WHY_LOGIN);
	assert_int_equal(why_ssh_error("10.77.0.13 port 22: Connection refused"), WHY_CLOSED);
	assert_int_equal(why_ssh_error("10.77.0.13 port 22: no answer for 10 s"), WHY_SILENT);
	assert_int_equal(why_ssh_error("10.77.0.13 port 22: No route to host"), WHY_SILENT);
	assert_int_equal(why_ssh_error("the connection was lost"), WHY_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_why_answers),    cmocka_unit_test(test_why_keys),
		cmocka_unit_test(test_why_silent),     cmocka_unit_test(test_why_stages),
		cmocka_unit_test(test_why_taken_over), cmocka_unit_test(test_why_failed),
		cmocka_unit_test(test_why_ssh_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
