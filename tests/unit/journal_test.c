/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Journals on their way to the manager: certificates, the stream of entries, lines of kernels, and what
   of them is kept. */
#include "base/run.h"
#include "daemon/journal_book.h"
#include "daemon/journal_query.h"
#include "daemon/journal_writer.h"
#include "model/certificate.h"
#include "test.h"

#include <gnutls/x509.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static const struct site_key KEY = { { 1, 2, 3 } };
static const struct site_key OTHER_KEY = { { 1, 2, 4 } };

/* ---- certificates ---- */

static gnutls_x509_crt_t import(const char *pem)
{
	gnutls_x509_crt_t crt;
	const gnutls_datum_t data = { (unsigned char *)(size_t)pem, (unsigned)strlen(pem) };
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM), 0);
	return crt;
}

static unsigned verify(const char *pem, const char *authority)
{
	gnutls_x509_crt_t crt = import(pem);
	gnutls_x509_crt_t by = import(authority);
	unsigned status = 0;
	assert_int_equal(gnutls_x509_crt_verify(crt, &by, 1, 0, &status), 0);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_crt_deinit(by);
	return status;
}

static void certificates(void **state)
{
	struct err err = ERR_INIT;
	struct certificate one;
	struct certificate again;
	struct certificate other;
	struct certificate foreign;
	AUTO_LIST struct text_list addresses = TEXT_LIST_INIT;
	(void)state;
	text_list_add(&addresses, "10.77.0.13");
	text_list_add(&addresses, "fd00::13");
	assert_int_equal(certificate_make(&KEY, "demo", "vm1", &addresses, &one, &err), 0);
	assert_int_equal(certificate_make(&KEY, "demo", "vm1", &addresses, &again, &err), 0);
	assert_int_equal(certificate_make(&KEY, "demo", "vm2", NULL, &other, &err), 0);
	assert_int_equal(certificate_make(&OTHER_KEY, "demo", "vm1", &addresses, &foreign, &err),
			 0);
	assert_string_equal(one.certificate, again.certificate);
	assert_string_equal(one.authority, again.authority);
	assert_string_equal(one.key, again.key);
	assert_string_equal(one.authority, other.authority);
	assert_string_not_equal(one.key, other.key);
	assert_string_not_equal(one.key, foreign.key);
	assert_int_equal(verify(one.certificate, one.authority), 0);
	assert_int_equal(verify(other.certificate, one.authority), 0);
	/* The same names, and another signature. */
	assert_true(verify(foreign.certificate, one.authority) & GNUTLS_CERT_INVALID);
	/* A node signs for nobody. */
	assert_true(verify(other.certificate, one.certificate) & GNUTLS_CERT_INVALID);

	gnutls_x509_crt_t crt = import(one.certificate);
	assert_int_equal(gnutls_x509_crt_get_activation_time(crt), 946684800);
	assert_true(gnutls_x509_crt_get_expiration_time(crt) > INT64_C(4000000000));
	assert_true(gnutls_x509_crt_check_ip(crt, (const unsigned char *)"\x0a\x4d\0\x0d", 4, 0));
	assert_false(gnutls_x509_crt_check_ip(crt, (const unsigned char *)"\x0a\x4d\0\x0e", 4, 0));
	assert_true(gnutls_x509_crt_check_hostname(crt, "vm1"));
	assert_false(gnutls_x509_crt_check_hostname(crt, "vm2"));
	gnutls_x509_crt_deinit(crt);

	text_list_add(&addresses, "no address");
	assert_int_equal(certificate_make(&KEY, "demo", "vm1", &addresses, &again, &err), -1);
	assert_string_equal(err.text, "certificate of vm1: The request is invalid.");
	certificate_free(&one);
	certificate_free(&again);
	certificate_free(&other);
	certificate_free(&foreign);
}

/* ---- the stream ---- */

#define BOOT "0123456789abcdef0123456789abcdef"
#define SOURCE "fedcba9876543210fedcba9876543210"
static const char HEAD[] = "__CURSOR=s=" SOURCE ";i=1f;b=" BOOT ";m=1;t=1;x=1\n"
			   "__REALTIME_TIMESTAMP=1700000000000000\n"
			   "__MONOTONIC_TIMESTAMP=5000000\n_BOOT_ID=" BOOT "\n";

static int collect(void *context, const struct journal_entry *entry, struct err *err)
{
	struct str *out = context;
	(void)err;
	str_addf(out, "[%" PRIu64 " %" PRIu64 " %s %" PRIu64 " %s%" PRIu64 " \"%.*s\"]",
		 entry->realtime_us, entry->monotonic_us, entry->source, entry->number,
		 entry->kernel ? "kernel " : "", entry->kernel_us, (int)entry->message_length,
		 entry->message);
	str_add_bytes(out, entry->fields, entry->length);
	return 0;
}

static void add_text(struct str *out, const char *text)
{
	str_add(out, text);
}

/* MESSAGE as it is sent when it is no text. */
static void add_binary(struct str *out, const char *value)
{
	uint8_t length[8] = { (uint8_t)(strlen(value) & 255), (uint8_t)(strlen(value) >> 8) };
	str_add(out, "MESSAGE\n");
	str_add_bytes(out, length, sizeof(length));
	str_add(out, value);
	str_add(out, "\n");
}

static void stream(void **state)
{
	AUTO_STR struct str in = STR_INIT;
	AUTO_STR struct str whole = STR_INIT;
	struct err err = ERR_INIT;
	(void)state;
	str_add(&in, HEAD);
	add_text(&in, "_HOSTNAME=another\n__SEQNUM=7\nMESSAGE=hello\nPRIORITY=6\n\n\n");
	str_add(&in, HEAD);
	add_binary(&in, "two\nlines");
	add_text(&in, "_TRANSPORT=kernel\n_SOURCE_MONOTONIC_TIMESTAMP=77\n\n");
	/* In two pieces, cut at every place: always the same. */
	for (size_t cut = 0; cut <= in.length; cut++) {
		struct journal_export export = JOURNAL_EXPORT_INIT;
		AUTO_STR struct str out = STR_INIT;
		assert_int_equal(journal_export_add(&export, in.data, cut, collect, &out, &err), 0);
		assert_int_equal(journal_export_add(&export, in.data + cut, in.length - cut,
						    collect, &out, &err),
				 0);
		assert_int_equal(journal_export_end(&export, &err), 0);
		journal_export_free(&export);
		if (cut == 0)
			str_add_bytes(&whole, out.data, out.length);
		assert_count(out.length, whole.length);
		assert_memory_equal(out.data, whole.data, whole.length);
	}
	static const char WANTED[] =
		"[1700000000000000 5000000 " SOURCE " 31 0 \"hello\"]"
		"__MONOTONIC_TIMESTAMP=5000000\n"
		"_BOOT_ID=" BOOT "\nMESSAGE=hello\nPRIORITY=6\n"
		"[1700000000000000 5000000 " SOURCE " 31 kernel 77 \"two\nlines\"]"
		"__MONOTONIC_TIMESTAMP=5000000\n"
		"_BOOT_ID=" BOOT "\nMESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n"
		"_TRANSPORT=kernel\n_SOURCE_MONOTONIC_TIMESTAMP=77\n";
	assert_count(whole.length, sizeof(WANTED) - 1);
	assert_memory_equal(whole.data, WANTED, sizeof(WANTED) - 1);
}

/* The error for this text behind HEAD, or "". */
static const char *stream_error(const char *head, const char *text, size_t length)
{
	static struct err err;
	struct journal_export export = JOURNAL_EXPORT_INIT;
	AUTO_STR struct str out = STR_INIT;
	err.text[0] = '\0';
	if (journal_export_add(&export, head, strlen(head), collect, &out, &err) == 0 &&
	    journal_export_add(&export, text, length, collect, &out, &err) == 0)
		journal_export_end(&export, &err);
	journal_export_free(&export);
	return err.text;
}
#define ERROR_OF(head, text) stream_error(head, text, sizeof(text) - 1)

static void stream_mistakes(void **state)
{
	(void)state;
	assert_string_equal(ERROR_OF(HEAD, "MESSAGE=a\n\n"), "");
	assert_string_equal(ERROR_OF(HEAD, "MESSAGE=a\n"), "the last entry was cut off");
	assert_string_equal(ERROR_OF("", "message=a\n"), "this is no stream of journal entries");
	assert_string_equal(ERROR_OF("", "GET / HTTP/1.1\n"),
			    "this is no stream of journal entries");
	assert_string_equal(ERROR_OF("", "\0\0\0\n"), "this is no stream of journal entries");
	assert_string_equal(ERROR_OF("", "MESSAGE=a\n\n"), "an entry has no time or no _BOOT_ID");
	assert_string_equal(ERROR_OF("", "_BOOT_ID=xyz\n"), "_BOOT_ID: not what journald writes");
	assert_string_equal(ERROR_OF("", "__REALTIME_TIMESTAMP=36028797018963968\n"),
			    "__REALTIME_TIMESTAMP: not what journald writes");
	/* Of a binary value the line's end is missing. */
	assert_string_equal(ERROR_OF(HEAD, "MESSAGE\n\1\0\0\0\0\0\0\0aPRIORITY=6\n\n"),
			    "this is no stream of journal entries");
}

/* What is too large is left out, whichever way it is written, and the next entry comes. */
static void stream_too_large(void **state)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str in = STR_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct journal_export export = JOURNAL_EXPORT_INIT;
	char *large = xcalloc(JOURNAL_ENTRY_MAX_BYTES + 2, 1);
	(void)state;
	memset(large, 'x', JOURNAL_ENTRY_MAX_BYTES + 1);
	str_add(&in, HEAD);
	str_addf(&in, "MESSAGE=%s\n\n", large);
	str_add(&in, HEAD);
	str_add(&in, "MESSAGE\n");
	str_add_bytes(&in, "\xff\xff\xff\0\0\0\0\0", 8);
	for (int i = 0; i < 16; i++)
		str_add_bytes(&in, large, i < 15 ? 1 << 20 : (1 << 20) - 1);
	str_add(&in, "\n\n");
	str_add(&in, HEAD);
	for (int i = 0; i <= JOURNAL_FIELDS_MAX; i++)
		str_addf(&in, "F%d=1\n", i);
	str_add(&in, "\n");
	str_add(&in, HEAD);
	str_add(&in, "MESSAGE=small\n\n");
	for (size_t at = 0; at < in.length; at += 4000)
		assert_int_equal(journal_export_add(&export, in.data + at,
						    in.length - at < 4000 ? in.length - at : 4000,
						    collect, &out, &err),
				 0);
	assert_int_equal(journal_export_end(&export, &err), 0);
	assert_int_equal(export.left_out, 3);
	assert_non_null(strstr(str_text(&out), "\"small\""));
	assert_null(strchr(str_text(&out) + 1, '['));
	free(large);
	journal_export_free(&export);
}

/* ---- lines of the kernel ---- */

static char *said(struct kernel_parts *parts, const char *datagram)
{
	struct kernel_line line;
	switch (kernel_line_take(parts, datagram, strlen(datagram), &line)) {
	case KERNEL_NOTHING:
		return xstrdup("nothing");
	case KERNEL_BAD:
		return xstrdup("bad");
	default:
		break;
	}
	char *text = xasprintf("%u %u %" PRIu64 " %" PRIu64 " %s", line.priority, line.facility,
			       line.number, line.since_boot_us, str_text(&line.text));
	kernel_line_free(&line);
	return text;
}

static void kernel_lines(void **state)
{
	static const struct {
		const char *datagram, *said;
	} CASES[] = {
		{ "6,416,1757935,-;hello\n SUBSYSTEM=pci\n DEVICE=+pci:1\n",
		  "6 0 416 1757935 hello" },
		{ "0,1,2,-;Kernel panic - not syncing: sysrq triggered crash\n",
		  "0 0 1 2 Kernel panic - not syncing: sysrq triggered crash" },
		{ "6.6.13-amd64,30,7,8,c,caller=T1;a\\x09b\\xzz\\x5c\n", "6 3 7 8 a\tb\\xzz\\" },
		{ "6,416,1757935;no flags", "bad" },
		{ "hello", "bad" },
		{ "a,1,2,-;x", "bad" },
		{ "6,1,99999999999999999999,-;x", "bad" },
		{ "999,1,2,-;x", "bad" },
		/* Parts, in order. */
		{ "6,5,9,-,ncfrag=0/8;abc", "nothing" },
		{ "6,5,9,-,ncfrag=3/8;def", "nothing" },
		{ "6,5,9,-,ncfrag=6/8;gh", "6 0 5 9 abcdefgh" },
		/* One was lost, then others follow. */
		{ "6,6,9,-,ncfrag=0/8;abc", "nothing" },
		{ "6,6,9,-,ncfrag=6/8;gh", "nothing" },
		{ "6,7,9,-,ncfrag=3/8;def", "nothing" },
		{ "6,8,9,-;whole", "6 0 8 9 whole" },
		/* More than was said, or than anybody has. */
		{ "6,9,9,-,ncfrag=0/2;abc", "bad" },
		{ "6,9,9,-,ncfrag=0/99999999;abc", "bad" },
		{ "6,9,9,-,ncfrag=4/4;abc", "bad" },
	};
	struct kernel_parts parts = { 0 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		AUTO_FREE char *text = said(&parts, CASES[i].datagram);
		assert_string_equal(text, CASES[i].said);
	}
	kernel_parts_free(&parts);
}

/* ---- what is kept ---- */

static size_t kept_entry(struct book *all, struct book_node *node, const char *boot,
			 uint64_t number, uint64_t kernel_us, const char *message)
{
	AUTO_STR struct str out = STR_INIT;
	struct journal_entry entry = { .fields = "MESSAGE=x\n",
				       .length = 10,
				       .realtime_us = 1000000000,
				       .monotonic_us = number * 1000000,
				       .number = number,
				       .kernel = kernel_us != 0,
				       .kernel_us = kernel_us,
				       .message = message,
				       .message_length = strlen(message) };
	strcpy(entry.boot, boot);
	strcpy(entry.source, SOURCE);
	book_entry(all, node, &entry, 42, &out);
	if (out.length > 0) {
		assert_true(text_starts(out.data, "__REALTIME_TIMESTAMP=4"));
		assert_true(text_ends(out.data, "\n_SOURCE_REALTIME_TIMESTAMP=1000000000\n"
						"MESSAGE=x\n_HOSTNAME=vm1\n\n"));
	}
	return out.length;
}

static char *kept_line(struct book *all, struct book_node *node, uint64_t since_boot_us,
		       const char *text)
{
	AUTO_STR struct str out = STR_INIT;
	struct kernel_line line = { .priority = 2, .since_boot_us = since_boot_us };
	str_add(&line.text, text);
	book_line(all, node, &line, 42, &out);
	kernel_line_free(&line);
	return str_take(&out);
}

static void book(void **state)
{
	struct book all = { 0 };
	struct book_node *node = book_find(&all, "vm1");
	(void)state;
	assert_ptr_equal(node, book_find(&all, "vm1"));
	assert_ptr_not_equal(node, book_find(&all, "vm2"));
	/* Sent again: not kept again. */
	assert_true(kept_entry(&all, node, BOOT, 30, 0, "") > 0);
	assert_true(kept_entry(&all, node, BOOT, 31, 0, "") > 0);
	assert_int_equal(kept_entry(&all, node, BOOT, 30, 0, ""), 0);
	assert_int_equal(kept_entry(&all, node, BOOT, 31, 0, ""), 0);
	/* Both ways, whichever is first. */
	AUTO_FREE char *first = kept_line(&all, node, 31500000, "oops");
	assert_string_equal(first,
			    "__REALTIME_TIMESTAMP=44\n_SOURCE_REALTIME_TIMESTAMP=1000000000\n"
			    "__MONOTONIC_TIMESTAMP=31000000\n"
			    "_BOOT_ID=" BOOT "\n_TRANSPORT=kernel\n"
			    "SYSLOG_IDENTIFIER=kernel\nSYSLOG_FACILITY=0\nPRIORITY=2\n"
			    "_SOURCE_MONOTONIC_TIMESTAMP=31500000\nMOYAI_VIA=netconsole\n"
			    "_HOSTNAME=vm1\nMESSAGE=oops\n\n");
	assert_int_equal(kept_entry(&all, node, BOOT, 32, 31500000, "oops"), 0);
	assert_true(kept_entry(&all, node, BOOT, 33, 31600000, "more") > 0);
	AUTO_FREE char *second = kept_line(&all, node, 31600000, "more");
	assert_string_equal(second, "");
	/* The same moment, and another line. */
	AUTO_FREE char *third = kept_line(&all, node, 31600000, "else");
	assert_string_not_equal(third, "");
	/* The node has started again, and its journal is not here: not of the boot before. */
	AUTO_FREE char *early = kept_line(&all, node, 2000000, "early");
	assert_string_not_equal(early, "");
	assert_null(strstr(early, BOOT));
	assert_true(text_starts(early, "__REALTIME_TIMESTAMP=47\n__MONOTONIC"));
	AUTO_FREE char *lines = kept_line(&all, node, 34000000, "a\nb");
	assert_non_null(strstr(lines, "\nMESSAGE\n\3"));
	/* A new start knows where the journal was. */
	AUTO_STR struct str saved = STR_INIT;
	struct book later = { 0 };
	assert_true(all.changed);
	book_print(&all, &saved);
	assert_false(all.changed);
	assert_string_equal(saved.data, "vm1 " BOOT " 1000000000 33000000 " SOURCE " 33\n");
	str_add(&saved, "nonsense\n\nvm2 " BOOT " 1 2 - 0\n");
	book_read(&later, saved.data);
	node = book_find(&later, "vm1");
	assert_int_equal(kept_entry(&later, node, BOOT, 33, 0, ""), 0);
	assert_true(kept_entry(&later, node, BOOT, 34, 0, "") > 0);
	assert_string_equal(book_find(&later, "vm2")->boot, BOOT);
	assert_string_equal(book_find(&later, "vm2")->source, "");
	assert_count(later.count, 2);
	book_free(&later);
	book_free(&all);
}

/* ---- files ---- */

/* Bytes of the files of DIR, and how many they are. */
static uint64_t used(const char *dir, size_t *count)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	uint64_t bytes = 0;
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	for (size_t i = 0; i < names.count; i++) {
		struct stat status;
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names.items[i]);
		if (stat(path, &status) == 0)
			bytes += (uint64_t)status.st_blocks * 512;
	}
	*count = names.count;
	return bytes;
}

static const char ENTRY[] = "__REALTIME_TIMESTAMP=1700000000000000\n"
			    "__MONOTONIC_TIMESTAMP=1\n_BOOT_ID=" BOOT "\nMESSAGE=x\n\n";

static struct timespec changed(const struct journal_writer *writer)
{
	struct stat status = { 0 };
	if (writer->path)
		stat(writer->path, &status);
	return status.st_ctim;
}

/* It writes when it comes to it. before: changed() of what was there under the name. */
static void wait_for_file(const struct journal_writer *writer, struct timespec before)
{
	for (int tries = 0; tries < 1000; tries++) {
		struct stat status;
		if (stat(writer->path, &status) == 0 && status.st_size >= 8 << 20 &&
		    memcmp(&status.st_ctim, &before, sizeof(before)) != 0)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
	}
	fail_msg("%s is not written", writer->path);
}

/* Every file is full at once, and there is room for two, of the 8 MiB that one has from its beginning. */
static void files_have_an_end(void **state)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *dir = temporary_dir();
	struct journal_writer writer;
	size_t count;
	(void)state;
	journal_writer_init(&writer, dir);
	writer.file_max_bytes = 1;
	writer.all_max_bytes = 17 << 20;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(journal_writer_add(&writer, ENTRY, sizeof(ENTRY) - 1, &err), 0);
		wait_for_file(&writer, (struct timespec){ 0 });
		assert_int_equal(journal_writer_turn(&writer, &err), 0);
		assert_true(used(dir, &count) <= 17 << 20);
	}
	journal_writer_close(&writer);
	assert_true(used(dir, &count) <= 17 << 20);
	assert_count(count, 2);
	assert_int_equal(run_args(&err, "rm", "-r", dir, NULL), 0);
}

/* Those that systemd-journal-remote puts aside by itself, after each crash one, go in their turn, too. */
static void files_put_aside(void **state)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *dir = temporary_dir();
	struct journal_writer writer;
	size_t count;
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the server does */
	journal_writer_init(&writer, dir);
	writer.all_max_bytes = 17 << 20;
	for (size_t i = 0; i < 5; i++) {
		const struct timespec before = changed(&writer);
		assert_int_equal(journal_writer_add(&writer, ENTRY, sizeof(ENTRY) - 1, &err), 0);
		wait_for_file(&writer, before);
		assert_int_equal(journal_writer_turn(&writer, &err), 0);
		assert_true(used(dir, &count) <= 17 << 20);
		assert_count(count, i == 0 ? 1 : 2);
		assert_int_equal(kill(writer.child, SIGKILL), 0);
		assert_int_equal(
			waitid(P_PID, (id_t)writer.child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	}
	journal_writer_close(&writer);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(run_args(&err, "rm", "-r", dir, NULL), 0);
}

static void no_room(void **state)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *message = xasprintf(
		"%s: less than 1099511627776 MiB are free; nothing more is taken until they are",
		dir);
	struct journal_writer writer;
	(void)state;
	journal_writer_init(&writer, dir);
	const uint64_t usual = writer.free_min_bytes;
	writer.free_min_bytes = UINT64_C(1) << 60;
	assert_int_equal(journal_writer_add(&writer, ENTRY, sizeof(ENTRY) - 1, &err), -1);
	assert_string_equal(err.text, message);
	writer.free_min_bytes = usual;
	assert_int_equal(journal_writer_add(&writer, ENTRY, sizeof(ENTRY) - 1, &err), 0);
	wait_for_file(&writer, (struct timespec){ 0 });
	assert_int_equal(journal_writer_turn(&writer, &err), 0);
	assert_int_not_equal(writer.child, 0);
	/* Others fill the disk: it ends, and says so once. */
	writer.free_min_bytes = UINT64_C(1) << 60;
	assert_int_equal(journal_writer_turn(&writer, &err), -1);
	assert_string_equal(err.text, message);
	assert_int_equal(writer.child, 0);
	assert_int_equal(journal_writer_turn(&writer, &err), 0);
	writer.free_min_bytes = usual;
	assert_int_equal(journal_writer_add(&writer, ENTRY, sizeof(ENTRY) - 1, &err), 0);
	journal_writer_close(&writer);
	assert_int_equal(run_args(&err, "rm", "-r", dir, NULL), 0);
}

/* ---- what is asked for ---- */

static char *words_of(const struct journal_query *query)
{
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	journal_query_words(query, "/logs", &words);
	for (size_t i = 0; i < words.count; i++)
		str_addf(&text, "%s|", words.items[i]);
	return str_take(&text);
}

static void queries(void **state)
{
	struct err err = ERR_INIT;
	struct journal_query query = JOURNAL_QUERY_INIT;
	struct journal_query parsed;
	(void)state;
	text_list_add(&query.nodes, "vm1");
	text_list_add(&query.nodes, "vm2");
	AUTO_FREE char *plain = words_of(&query);
	assert_string_equal(plain, "journalctl|--directory=/logs|--no-pager|--quiet|--utc|--merge|"
				   "--output=short-iso|_HOSTNAME=vm1|_HOSTNAME=vm2|");
	query.since = journal_time("2h", &err);
	query.until = journal_time("2026-11-21T10:00:00Z", &err);
	query.grep = xstrdup("a 'b' --c");
	query.lines = 5;
	query.follow = query.json = true;
	AUTO_FREE char *sent = journal_query_print(&query);
	assert_int_equal(journal_query_parse(sent, strlen(sent), &parsed, &err), 0);
	AUTO_FREE char *all = words_of(&parsed);
	assert_string_equal(all,
			    "journalctl|--directory=/logs|--no-pager|--quiet|--utc|--merge|"
			    "--output=json|--all|--since=-7200s|--until=2026-11-21 10:00:00 UTC|"
			    "--grep=a 'b' --c|--lines=5|--follow|_HOSTNAME=vm1|_HOSTNAME=vm2|");
	journal_query_free(&query);
	journal_query_free(&parsed);
	assert_null(journal_time("yesterday", &err));
	assert_string_equal(err.text,
			    "\"yesterday\": write a time like 2026-11-21T10:00:00Z, or how "
			    "long ago, like 90s or 2h");
	assert_int_equal(journal_query_parse("{}", 2, &parsed, &err), -1);
	assert_string_equal(err.text, "logs: Object item not found: nodes");
	static const char NOBODY[] = "{\"nodes\":[],\"follow\":false,\"json\":false}";
	assert_int_equal(journal_query_parse(NOBODY, strlen(NOBODY), &parsed, &err), -1);
	assert_string_equal(err.text, "logs: no nodes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),	     cmocka_unit_test(stream),
		cmocka_unit_test(stream_mistakes),   cmocka_unit_test(stream_too_large),
		cmocka_unit_test(kernel_lines),	     cmocka_unit_test(book),
		cmocka_unit_test(files_have_an_end), cmocka_unit_test(files_put_aside),
		cmocka_unit_test(no_room),	     cmocka_unit_test(queries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
