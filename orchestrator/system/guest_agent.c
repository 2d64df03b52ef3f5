/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/guest_agent.h"

#include <ctype.h>
#include <gnutls/gnutls.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system/library.h"

enum { PAUSE_MS = 500, WORD_S = 10, REASON_MAX = 200 };

static struct {
	__typeof__(virDomainQemuAgentCommand) *command;
	__typeof__(virGetLastErrorMessage) *message;
	__typeof__(virGetLastErrorCode) *code;
} vir;

static int load(struct err *err)
{
	static const struct library_function QEMU[] = {
		{ "virDomainQemuAgentCommand", &vir.command }, { NULL, NULL }
	};
	static const struct library_function BASE[] = { { "virGetLastErrorMessage", &vir.message },
							{ "virGetLastErrorCode", &vir.code },
							{ NULL, NULL } };
	return library_load("libvirt-qemu.so.0", QEMU, err) == 0 &&
			       library_load("libvirt.so.0", BASE, err) == 0
		       ? 0
		       : -1;
}

/* What an agent says is its owner's: as far as it is fit to be printed. */
static char *printable(const char *text, size_t length)
{
	char *line = xstrndup(text, length < REASON_MAX ? length : REASON_MAX);
	for (char *at = line; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
	return line;
}

/* One command and what it returns: a new reference, NULL on failure. */
static json_t *say(virDomainPtr domain, json_t *command, struct err *err)
{
	AUTO_FREE char *text = json_dumps(command, JSON_COMPACT);
	json_decref(command);
	AUTO_FREE char *answer = vir.command(domain, text, WORD_S, 0);
	if (answer == NULL) {
		AUTO_FREE char *why = printable(vir.message(), strlen(vir.message()));
		err_set(err, "%s", why);
		return NULL;
	}
	json_t *whole = json_loads(answer, 0, NULL);
	json_t *returned = json_incref(json_object_get(whole, "return"));
	json_decref(whole);
	if (!json_is_object(returned)) {
		json_decref(returned);
		err_set(err, "its agent does not say what it should");
		return NULL;
	}
	return returned;
}

static void wait_a_little(const struct node *node)
{
	node_still(node);
	nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether the last command was not answered; it may be, later. */
static bool is_silent(void)
{
	int code = vir.code();
	return code == VIR_ERR_AGENT_UNRESPONSIVE || code == VIR_ERR_OPERATION_TIMEOUT;
}

/* A guest that still boots has no agent yet. 1: it has not, and that is fine. */
static int begin(const struct node *node, virDomainPtr domain, const json_t *command,
		 const struct guest_agent_call *call, json_int_t *pid, struct err *err)
{
	uint64_t end = now_ms() + call->answers_ms;
	struct err why = ERR_INIT;
	json_t *returned;
	while ((returned = say(domain, json_deep_copy(command), &why)) == NULL) {
		if (!is_silent())
			return err_set(err, "its guest agent does not do it: %s", why.text);
		if (now_ms() > end && call->may_be_silent)
			return 1;
		if (now_ms() > end)
			return err_set(err, "its guest agent does not answer: %s", why.text);
		wait_a_little(node);
	}
	*pid = json_integer_value(json_object_get(returned, "pid"));
	json_decref(returned);
	return 0;
}

/* Whether there was anything. */
static bool decode(const char *base64, struct str *out)
{
	gnutls_datum_t plain = { NULL, 0 };
	const gnutls_datum_t coded = { (unsigned char *)(uintptr_t)base64,
				       base64 ? (unsigned)strlen(base64) : 0 };
	if (coded.size == 0 || gnutls_base64_decode2(&coded, &plain) != 0)
		return false;
	str_add_bytes(out, plain.data, plain.size);
	gnutls_free(plain.data);
	return true;
}

/* The first line of base64, as far as it is fit to be printed. */
static char *first_line(const char *base64)
{
	AUTO_STR struct str plain = STR_INIT;
	if (!decode(base64, &plain))
		return NULL;
	return printable(str_text(&plain), strcspn(str_text(&plain), "\n"));
}

static int judge(const json_t *status, const char *program, struct err *err)
{
	const json_t *code = json_object_get(status, "exitcode");
	if (json_is_integer(code) && json_integer_value(code) == 0)
		return 0;
	AUTO_FREE char *why = first_line(json_string_value(json_object_get(status, "err-data")));
	AUTO_FREE char *how = json_is_integer(code) ? xasprintf("exit code %lld",
								(long long)json_integer_value(code))
						    : xstrdup("ended by a signal");
	return err_set(err, "%s in it: %s%s%s", program, how, why ? ": " : "", why ? why : "");
}

static int wait_for(const struct node *node, virDomainPtr domain, json_int_t pid,
		    const struct guest_agent_call *call, struct err *err)
{
	const char *program = call->argv[0];
	uint64_t end = now_ms() + call->runs_ms;
	for (;;) {
		json_t *status = say(domain,
				     json_pack("{s:s, s:{s:I}}", "execute", "guest-exec-status",
					       "arguments", "pid", pid),
				     err);
		if (status == NULL && (!is_silent() || now_ms() > end))
			return -1;
		bool exited = json_is_true(json_object_get(status, "exited"));
		int rc = exited ? judge(status, program, err) : 0;
		if (exited && rc == 0 && call->output != NULL)
			decode(json_string_value(json_object_get(status, "out-data")),
			       call->output);
		json_decref(status);
		if (exited)
			return rc;
		if (now_ms() > end)
			return err_set(err, "%s in it has not come to its end within %u s", program,
				       call->runs_ms / 1000);
		wait_a_little(node);
	}
}

static json_t *command_of(const char *const argv[], const char *input)
{
	json_t *arguments = json_array();
	for (size_t i = 1; argv[i] != NULL; i++)
		json_array_append_new(arguments, json_string(argv[i]));
	return json_pack("{s:s, s:{s:s, s:o, s:s, s:b}}", "execute", "guest-exec", "arguments",
			 "path", argv[0], "arg", arguments, "input-data", input, "capture-output",
			 1);
}

int guest_agent_run(const struct node *node, virDomainPtr domain,
		    const struct guest_agent_call *call, struct err *err)
{
	gnutls_datum_t coded = { NULL, 0 };
	const gnutls_datum_t plain = { (unsigned char *)call->input->data,
				       (unsigned)call->input->length };
	json_int_t pid;
	if (load(err) != 0)
		return -1;
	if (call->input->length > 0 && gnutls_base64_encode2(&plain, &coded) != 0)
		return err_set(err, "no memory for base64");
	json_t *command = command_of(call->argv, coded.data ? (const char *)coded.data : "");
	gnutls_free(coded.data);
	int rc = begin(node, domain, command, call, &pid, err);
	json_decref(command);
	return rc == 0 ? wait_for(node, domain, pid, call, err) : rc;
}
