/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/run.h"
#include "power/power.h"
/*
 * ipmitool, interface lanplus: IPMI 2.0 with RMCP+ (IPMI v2.0 specification,
 * revision 1.1, chapter 13). An operator's privilege is enough for all of it.
 */

/* What ipmitool says with -v, and what it means. */
static int explain(const struct bmc *bmc, const struct run_result *result, struct err *err)
{
	const struct site_bmc *about = &bmc->node->bmc;
	const char *text = str_text(&result->err);
	if (strstr(text, "RAKP 2 HMAC is invalid"))
		return err_set(err,
			       "the BMC at %s has another password for user \"%s\"; set it with "
			       "moyai bmc password %s",
			       about->address, about->user, bmc->node->name);
	if (strstr(text, "unauthorized name"))
		return err_set(err, "the BMC at %s has no user \"%s\"", about->address,
			       about->user);
	if (strstr(text, "invalid authentication algorithm") ||
	    strstr(text, "no matching cipher suite"))
		return err_set(err, "the BMC at %s does not take cipher suite %s; choose the other",
			       about->address, about->cipher ? about->cipher : "17");
	if (strstr(text, "Get Auth Capabilities error") ||
	    strstr(text, "Error issuing Get Channel Authentication Capabilities"))
		return err_set(err, "the BMC at %s gives no answer to IPMI (UDP port %u)",
			       about->address, power_port(about));
	/* Its last line that says something. */
	size_t end = strlen(text);
	while (end > 0 && strchr(" \r\n", text[end - 1]))
		end--;
	size_t begin = end;
	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	return err_set(err, "ipmitool: %.*s (exit code %d)", (int)(end - begin), text + begin,
		       result->exit_code);
}

/* The words in front of every command. */
static void add_session(const struct bmc *bmc, struct text_list *argv)
{
	const struct site_bmc *about = &bmc->node->bmc;
	AUTO_FREE char *port = xasprintf("%u", power_port(about));
	const char *const words[] = { "ipmitool", "-I", "lanplus",   "-H", about->address,     "-p",
				      port,	  "-U", about->user, "-f", bmc->password_file, "-L",
				      "OPERATOR" };
	for (size_t i = 0; i < COUNT_OF(words); i++)
		text_list_add(argv, words[i]);
	if (about->cipher != NULL) {
		text_list_add(argv, "-C");
		text_list_add(argv, about->cipher);
	}
}

static int ipmitool(const struct bmc *bmc, const char *const *words, bool reads_only,
		    struct str *out, struct err *err)
{
	struct run_result result;
	AUTO_LIST struct text_list argv = TEXT_LIST_INIT;
	add_session(bmc, &argv);
	/* Each packet is sent twice, 2 s apart: a board that is there answers within milliseconds,
	   and one that is not would take 20 s. -v: else every failure reads the same. */
	const char *const options[] = { "-N", "2", "-R", "1", "-v" };
	for (size_t i = 0; i < COUNT_OF(options); i++)
		text_list_add(&argv, options[i]);
	for (; *words; words++)
		text_list_add(&argv, *words);
	argv.items = xrealloc(argv.items, argv.count + 1, sizeof(*argv.items));
	argv.items[argv.count] = NULL;
	struct run run = {
		.argv = (const char *const *)argv.items,
		.timeout_ms = bmc->timeout_ms ? bmc->timeout_ms : POWER_TIMEOUT_MS,
		.reads_only = reads_only,
	};
	if (run_capture(&run, &result, err) != 0)
		return -1;
	int rc = result.exit_code != 0 ? explain(bmc, &result, err) : 0;
	if (rc == 0 && out != NULL)
		str_add_bytes(out, str_text(&result.out), result.out.length);
	run_result_free(&result);
	return rc;
}

static int state(const struct bmc *bmc, enum power_state *state, struct err *err)
{
	AUTO_STR struct str out = STR_INIT;
	if (ipmitool(bmc, RUN_ARGV("chassis", "power", "status"), true, &out, err) != 0)
		return -1;
	if (strstr(str_text(&out), "Chassis Power is on"))
		*state = POWER_ON;
	else if (strstr(str_text(&out), "Chassis Power is off"))
		*state = POWER_OFF;
	else
		return err_set(err, "ipmitool: does not say whether it is on: %.200s",
			       str_text(&out));
	return 0;
}

static int act(const struct bmc *bmc, enum power_action action, struct err *err)
{
	static const char *const WORDS[] = {
		[POWER_SWITCH_ON] = "on",
		[POWER_SWITCH_OFF] = "off",
		[POWER_CYCLE] = "cycle",
	};
	return ipmitool(bmc, RUN_ARGV("chassis", "power", WORDS[action]), false, NULL, err);
}

static int network_boot(const struct bmc *bmc, struct err *err)
{
	return ipmitool(bmc, RUN_ARGV("chassis", "bootdev", "pxe"), false, NULL, err);
}

static void console(const struct bmc *bmc, struct text_list *argv)
{
	add_session(bmc, argv);
	text_list_add(argv, "sol");
	text_list_add(argv, "activate");
}

const struct power_driver POWER_IPMI = {
	.type = "ipmi",
	.state = state,
	.act = act,
	.network_boot = network_boot,
	.console = console,
};
