/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/why_rules.h"

#include <string.h>

enum {
	/* A stage of a boot takes seconds; under software emulation, with several at once, minutes. */
	STAGE_DEADLINE_S = 5 * 60,
};

static bool away(const struct why_seen *seen)
{
	return seen->ssh != WHY_ANSWERS && seen->ssh != WHY_CANNOT;
}

static bool is_manager(const struct why_seen *seen)
{
	return text_equal(seen->node, seen->manager);
}

/* Still at the stage after the time that it may take. */
static bool stuck(const struct why_seen *seen, enum boot_stage stage)
{
	return away(seen) && seen->stage == stage && seen->stage_age_s > STAGE_DEADLINE_S;
}

static bool is_fine(const struct why_seen *seen)
{
	return seen->ssh == WHY_ANSWERS && seen->steps == 0;
}
static bool is_left_alone(const struct why_seen *seen)
{
	return seen->maintenance;
}
static bool is_refused(const struct why_seen *seen)
{
	return seen->ssh == WHY_ANSWERS && seen->refused_steps > 0;
}
static bool has_drifted(const struct why_seen *seen)
{
	return seen->ssh == WHY_ANSWERS;
}
static bool cannot(const struct why_seen *seen)
{
	return seen->ssh == WHY_CANNOT;
}
static bool is_another(const struct why_seen *seen)
{
	return seen->ssh == WHY_OTHER_KEY;
}
static bool has_no_pin(const struct why_seen *seen)
{
	return seen->ssh == WHY_NO_PIN;
}
static bool has_no_pin_there(const struct why_seen *seen)
{
	return has_no_pin(seen) && seen->manager;
}
static bool is_not_let_in(const struct why_seen *seen)
{
	return seen->ssh == WHY_LOGIN;
}
/* It starts from its disk: what its boots over the network once reported says nothing. */
static bool is_manager_away(const struct why_seen *seen)
{
	return away(seen) && is_manager(seen);
}
static bool has_twin(const struct why_seen *seen)
{
	return away(seen) && seen->boot_refused != NULL;
}
static bool has_failed(const struct why_seen *seen)
{
	return away(seen) && seen->stage == BOOT_FAILED;
}
/* A machine whose boot failed starts again, by itself or by a person who has mended it: its stage
   tells only half of it. Where it is stuck now is another matter. */
static bool boots_again(const struct why_seen *seen)
{
	return away(seen) && seen->stage != BOOT_READY && seen->boot_error &&
	       !stuck(seen, seen->stage);
}
static bool got_wrong_bytes(const struct why_seen *seen)
{
	return (has_failed(seen) || boots_again(seen)) && seen->boot_error &&
	       strstr(seen->boot_error, "sha256");
}
static bool has_no_image(const struct why_seen *seen)
{
	return away(seen) && seen->stage != BOOT_READY && seen->image_missing;
}
static bool has_no_image_there(const struct why_seen *seen)
{
	return has_no_image(seen) && seen->manager;
}
static bool is_not_served(const struct why_seen *seen)
{
	return away(seen) && seen->stage != BOOT_READY && !seen->served;
}
static bool is_not_served_there(const struct why_seen *seen)
{
	return is_not_served(seen) && seen->manager;
}
static bool never_asked(const struct why_seen *seen)
{
	return away(seen) && seen->stage == BOOT_NONE;
}
static bool stuck_dhcp(const struct why_seen *seen)
{
	return stuck(seen, BOOT_DHCP);
}
static bool stuck_ipxe(const struct why_seen *seen)
{
	return stuck(seen, BOOT_IPXE);
}
static bool stuck_kernel(const struct why_seen *seen)
{
	return stuck(seen, BOOT_KERNEL);
}
static bool stuck_image(const struct why_seen *seen)
{
	return stuck(seen, BOOT_INITRAMFS) || stuck(seen, BOOT_IMAGE);
}
static bool stuck_verified(const struct why_seen *seen)
{
	return stuck(seen, BOOT_VERIFIED);
}
static bool stuck_userspace(const struct why_seen *seen)
{
	return stuck(seen, BOOT_USERSPACE);
}
static bool is_booting(const struct why_seen *seen)
{
	return away(seen) && seen->stage != BOOT_READY;
}
static bool has_no_sshd(const struct why_seen *seen)
{
	return seen->ssh == WHY_CLOSED;
}
static bool went_silent(const struct why_seen *seen)
{
	return seen->ssh == WHY_SILENT;
}
static bool other(const struct why_seen *seen)
{
	(void)seen;
	return true;
}

/* In {} stand fields of what was seen, see word(). */
static const struct rule {
	bool (*fits)(const struct why_seen *);
	const char *cause;
	const char *next;
	bool fine;
} RULES[] = {
	{ is_fine, "{node} answers, and is as the site wants it", NULL, true },
	{ is_left_alone, "{node} is in maintenance ({reason}), and apply leaves it alone",
	  "moyai maintenance off {node}", false },
	{ is_refused, "a step is refused: {step}", "moyai plan --limit {node} shows them all",
	  false },
	{ has_drifted, "{node} answers, and differs from the site: {steps} to do",
	  "moyai apply --limit {node}", false },
	{ cannot, "{node} answers, and cannot say what it has: {ssh}",
	  "moyai ssh {node}, and look at what the error names", false },
	{ is_another,
	  "another machine answers at its address, or {node} was booted without Moyai: the host "
	  "key "
	  "is not the pinned one",
	  "find out which machine it is; then boot {node} from the network again", false },
	{ has_no_pin_there, "{node} was not booted by {manager}: no host key of it is pinned there",
	  "boot it from the network", false },
	{ has_no_pin, "{node} was not booted by this moyai: no host key of it is pinned",
	  "boot it from the network, with moyai pxe serve running and this state directory",
	  false },
	{ is_not_let_in, "{node} runs with keys of another state directory",
	  "use the state directory that it was booted with (--state), or boot it again", false },
	{ is_manager_away, "{node}, which boots the others, does not answer: {ssh}",
	  "look at its console; switch it off and on: it starts from its disk", false },
	{ has_twin, "a boot in its name was refused: {refused}",
	  "find the second machine with its MAC, or switch {node} off before it boots", false },
	{ got_wrong_bytes, "the image was not what its manifest says: {boot_error}",
	  "moyai image list; it tries again by itself while an image is being replaced", false },
	{ has_failed, "its boot failed: {boot_error}",
	  "mend what the error names, and switch {node} off and on", false },
	{ boots_again, "its boot failed: {boot_error}; it boots again: {stage} since {age}",
	  "wait, and ask again; if it fails again, mend what the error names", false },
	{ has_no_image_there, "{manager} has no image of its role {role}",
	  "moyai image build {role}, then moyai bootstrap, which brings it there", false },
	{ has_no_image, "there is no image of its role {role}", "moyai image build {role}", false },
	{ is_not_served_there,
	  "nothing answers at {server}, where {manager} serves boots: {node} has nobody to boot "
	  "from",
	  "moyai ssh {manager} systemctl status moyaid; or moyai why {manager}", false },
	{ is_not_served, "nothing answers at boot.server: {node} has nobody to boot from",
	  "moyai pxe serve, on the machine with that address", false },
	{ never_asked,
	  "{node} has never asked to boot: it has no power or no link, does not boot from the "
	  "network, or has another MAC",
	  "look at the machine's console; moyai status lists MACs that are in no configuration",
	  false },
	{ stuck_dhcp,
	  "its firmware got an address {age} ago, and never fetched iPXE: TFTP does not get "
	  "through, "
	  "or another DHCP server answered",
	  "moyai doctor on the boot server; look for a second DHCP server", false },
	{ stuck_ipxe, "iPXE got its script {age} ago, and never fetched the kernel",
	  "look at the console: HTTP does not get through, or memory is short", false },
	{ stuck_kernel,
	  "the kernel was fetched {age} ago, and its initramfs never reported: it has no driver "
	  "for "
	  "the network card, or did not start",
	  "look at the console; kernel = \"generic\" and firmware in the site are for real "
	  "hardware",
	  false },
	{ stuck_image, "it fetches its image since {age}, and has {percent} %",
	  "look at the link, and at the memory: the image has to fit into it", false },
	{ stuck_verified, "its image was right {age} ago, and its system never started",
	  "look at the console", false },
	{ stuck_userspace, "its system started {age} ago, and never reported its host key",
	  "look at the console: moyai-hostkey.service says why", false },
	{ is_booting, "{node} boots: {stage} since {age}", "wait, and ask again", false },
	{ has_no_sshd,
	  "a system runs at its address, and no sshd: it is shutting down, or is not ours",
	  "look at the console, or boot {node} again", false },
	{ went_silent,
	  "{node} was ready {age} ago and is silent now: it lost its power or link, or hangs",
	  "look at the console; switch it off and on, and it boots again", false },
	{ other, "{ssh}", "moyai doctor", false },
};

static void word(const struct why_seen *seen, const char *name, size_t length, struct str *out)
{
	const struct {
		const char *name, *value;
	} WORDS[] = {
		{ "node", seen->node },
		{ "role", seen->role },
		{ "ssh", seen->ssh_error },
		{ "step", seen->refused_step },
		{ "reason",
		  seen->maintenance_reason ? seen->maintenance_reason : "no reason given" },
		{ "boot_error", seen->boot_error ? seen->boot_error : "no reason was reported" },
		{ "refused", seen->boot_refused },
		{ "age", seen->stage_age },
		{ "stage", boot_stage_name(seen->stage) },
		{ "manager", seen->manager },
		{ "server", seen->server },
	};
	for (size_t i = 0; i < COUNT_OF(WORDS); i++)
		if (strlen(WORDS[i].name) == length && strncmp(WORDS[i].name, name, length) == 0)
			str_add(out, WORDS[i].value ? WORDS[i].value : "?");
	if (length == 5 && strncmp(name, "steps", length) == 0)
		str_addf(out, "%zu step%s", seen->steps, seen->steps == 1 ? "" : "s");
	if (length == 7 && strncmp(name, "percent", length) == 0)
		str_addf(out, "%u", seen->percent);
}

static char *fill(const struct why_seen *seen, const char *text)
{
	struct str out = STR_INIT;
	if (text == NULL)
		return NULL;
	while (*text) {
		size_t plain = strcspn(text, "{");
		str_add_bytes(&out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		size_t length = strcspn(++text, "}");
		word(seen, text, length, &out);
		text += length + 1;
	}
	return str_take(&out);
}

void why_judge(const struct why_seen *seen, struct why_answer *answer)
{
	const struct rule *rule = RULES;
	while (!rule->fits(seen))
		rule++;
	*answer =
		(struct why_answer){ rule->fine, fill(seen, rule->cause), fill(seen, rule->next) };
}

enum why_ssh why_ssh_error(const char *error)
{
	/* As remote/ssh.c writes them. */
	static const struct {
		const char *text;
		enum why_ssh ssh;
	} ERRORS[] = {
		{ "has changed: it shows", WHY_OTHER_KEY },
		{ "is not pinned; Moyai pins it", WHY_NO_PIN },
		{ "refused; the node takes the site's keys", WHY_LOGIN },
		{ "Connection refused", WHY_CLOSED },
		{ ": no answer for ", WHY_SILENT },
		{ "No route to host", WHY_SILENT },
		{ "Network is unreachable", WHY_SILENT },
	};
	for (size_t i = 0; i < COUNT_OF(ERRORS); i++)
		if (strstr(error, ERRORS[i].text))
			return ERRORS[i].ssh;
	return WHY_LOST;
}
