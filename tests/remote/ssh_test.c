/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote/ssh.c against a real sshd on loopback, with a configuration, host key
 * and port of its own, run as a child of this test.
 */
#include "../unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/run.h"
#include "remote/ssh.h"

static struct server {
	char dir[64];
	pid_t pid;
	unsigned port;
	bool made_run_sshd;
	struct ssh_options options;
} server;

static char *path(const char *name)
{
	return xasprintf("%s/%s", server.dir, name);
}

static void write_text(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *at = path(name);
	if (file_write(at, text, strlen(text), 0600, &err) != 0)
		fail_msg("%s", err.text);
}

static void keygen(const char *name)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *at = path(name);
	if (run_args(&err, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at, NULL) != 0)
		fail_msg("%s", err.text);
}

static char *public_key(const char *name)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *at = xasprintf("%s/%s.pub", server.dir, name);
	struct str text = STR_INIT;
	if (file_read(at, 4096, &text, &err) != 0)
		fail_msg("%s", err.text);
	/* "ssh-ed25519 AAAA… comment" */
	char *end = strchr(strchr(text.data, ' ') + 1, ' ');
	if (end)
		*end = '\0';
	return str_take(&text);
}

static int listening_socket(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static bool answers(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(0x7f000001) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return connected;
}

static void pin_at(unsigned port, const char *key_name)
{
	AUTO_FREE char *key = public_key(key_name);
	AUTO_FREE char *line = xasprintf("[127.0.0.1]:%u %s\n", port, key);
	write_text("known_hosts", line);
}

static void pin(const char *key_name)
{
	pin_at(server.port, key_name);
}

static int start_server(void **state)
{
	(void)state;
	snprintf(server.dir, sizeof(server.dir), "/tmp/moyai-ssh-test-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	keygen("host");
	keygen("other");
	keygen("id_ed25519");
	close(listening_socket(&server.port));
	AUTO_FREE char *key = public_key("id_ed25519");
	write_text("authorized_keys", key);
	/* SHLVL: bash would read root's ~/.bashrc when it thinks it is outermost. */
	AUTO_FREE char *config = xasprintf(
		"ListenAddress 127.0.0.1\nPort %u\nHostKey %s/host\nPidFile none\nUsePAM no\n"
		"AuthorizedKeysFile %s/authorized_keys\nStrictModes no\nPermitRootLogin yes\n"
		"PasswordAuthentication no\nSetEnv SHLVL=2\nLogLevel QUIET\n",
		server.port, server.dir, server.dir);
	write_text("sshd_config", config);
	server.made_run_sshd = geteuid() == 0 && mkdir("/run/sshd", 0755) == 0;
	server.pid = fork();
	if (server.pid == 0) {
		AUTO_FREE char *file = path("sshd_config");
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", file, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !answers(server.port); i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	struct passwd *me = getpwuid(geteuid());
	server.options = (struct ssh_options){ .state_dir = server.dir,
					       .user = xstrdup(me->pw_name),
					       .port = server.port,
					       .connect_timeout_ms = 5000,
					       .login_timeout_ms = 5000 };
	pin("host");
	return ssh_setup(NULL);
}

static int stop_server(void **state)
{
	(void)state;
	kill(server.pid, SIGTERM);
	waitpid(server.pid, NULL, 0);
	if (server.made_run_sshd)
		rmdir("/run/sshd");
	free((char *)(size_t)server.options.user);
	return run_args(NULL, "rm", "-rf", server.dir, NULL);
}

static struct link *open_link(const struct ssh_options *options, struct err *err)
{
	return ssh_link_open(options, "n1", "127.0.0.1", NULL, err);
}

/* A link that has to be there. */
static struct link *open_good_link(void)
{
	struct err err = ERR_INIT;
	struct link *link = open_link(&server.options, &err);
	if (link == NULL)
		fail_msg("%s", err.text);
	return link;
}

static void expect_line(struct stream *stream, const char *text)
{
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	if (stream_read_line(stream, 5000, &line, &length, &err) != 1)
		fail_msg("no line: %s", err.text);
	assert_string_equal(line, text);
}

static void test_two_commands_on_one_connection(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	struct link *link = open_good_link();
	if (link == NULL)
		fail_msg("%s", err.text);
	struct stream *stream = link_exec(link, RUN_ARGV("cat"), NULL, &err);
	assert_non_null(stream);
	assert_int_equal(stream_write(stream, "one\ntwo\n", 8, 5000, &err), 0);
	expect_line(stream, "one");
	expect_line(stream, "two");
	assert_int_equal(stream_end_input(stream, &err), 0);
	assert_int_equal(stream_read_line(stream, 5000, &line, &length, &err), 0);
	stream_close(stream);
	stream = link_exec(link, RUN_ARGV("echo", "again;", "echo", "bad", ">&2"), NULL, &err);
	expect_line(stream, "again");
	assert_int_equal(stream_read_line(stream, 5000, &line, &length, &err), 0);
	assert_string_equal(str_text(&stream->errors), "bad\n");
	stream_close(stream);
	link_close(link);
}

/* As much as a moyai-node, both ways, through the flow control of ssh. */
static void test_megabytes(void **state)
{
	(void)state;
	enum { BYTES = 8 * 1024 * 1024 };
	struct err err = ERR_INIT;
	struct link *link = open_good_link();
	struct stream *stream = link_exec(link, RUN_ARGV("sha256sum"), NULL, &err);
	char *bytes = xcalloc(1, BYTES);
	char hex[HASH_HEX_SIZE];
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (char)(i * 31 >> 3);
	hash_bytes_hex(bytes, BYTES, hex, NULL);
	assert_int_equal(stream_write(stream, bytes, BYTES, 5000, &err), 0);
	stream_end_input(stream, &err);
	AUTO_FREE char *expected = xasprintf("%s  -", hex);
	expect_line(stream, expected);
	stream_close(stream);
	stream = link_exec(link, RUN_ARGV("seq", "300000"), NULL, &err);
	for (int i = 1; i <= 300000; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%d", i);
		expect_line(stream, number);
	}
	stream_close(stream);
	link_close(link);
	free(bytes);
}

/* A line without an end, as fast as it comes: not much more than the limit is ever taken. */
static void test_flood(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	struct link *link = open_good_link();
	struct stream *stream =
		link_exec(link, RUN_ARGV("tr", "'\\0'", "x", "</dev/zero"), NULL, &err);
	long before_ms = stream_now_ms();
	assert_int_equal(stream_read_line(stream, 5000, &line, &length, &err), -1);
	assert_string_equal(err.text, "a line of more than 4194304 bytes");
	assert_true(stream->received < PROTOCOL_LINE_MAX + 2 * 1024 * 1024);
	stream_close(stream);
	link_close(link);
	assert_true(stream_now_ms() - before_ms < 5000);
}

static void test_too_slow(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	struct link *link = open_good_link();
	struct stream *stream = link_exec(link, RUN_ARGV("sleep", "30"), NULL, &err);
	assert_int_equal(stream_read_line(stream, 1000, &line, &length, &err), -1);
	assert_string_equal(err.text, "no answer for 1 s");
	stream_close(stream);
	link_close(link);
}

static char *fingerprint(const char *key_name)
{
	AUTO_FREE char *key = path(key_name);
	struct str out = STR_INIT;
	struct run run = { .argv = RUN_ARGV("ssh-keygen", "-l", "-f", key) };
	assert_int_equal(run_ok(&run, &out, NULL), 0);
	/* "256 SHA256:… comment" */
	char *start = strchr(out.data, ' ') + 1;
	*strchr(start, ' ') = '\0';
	char *text = xstrdup(start);
	str_free(&out);
	return text;
}

static void test_unknown_host_key(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_FREE char *pins = path("known_hosts");
	AUTO_FREE char *shown = fingerprint("host");
	AUTO_FREE char *key = public_key("host");
	AUTO_FREE char *expected = xasprintf(
		"refused: the host key of [127.0.0.1]:%u (%s) is not pinned; Moyai pins it when "
		"\"moyai pxe serve\" boots n1. If you have verified it another way, add this line "
		"to %s: [127.0.0.1]:%u %s",
		server.port, shown, pins, server.port, key);
	write_text("known_hosts", "");
	assert_null(open_link(&server.options, &err));
	assert_string_equal(err.text, expected);
	unlink(pins);
	assert_null(open_link(&server.options, &err));
	assert_string_equal(err.text, expected);
	assert_false(file_exists(pins)); /* never pinned by itself */
	pin("host");
}

static void test_changed_host_key(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_FREE char *pins = path("known_hosts");
	AUTO_FREE char *shown = fingerprint("host");
	AUTO_FREE char *pinned = fingerprint("other");
	AUTO_FREE char *expected = xasprintf(
		"refused: the host key of [127.0.0.1]:%u has changed: it shows %s, pinned is %s; "
		"either another machine answers there, or it was booted without Moyai. If you know "
		"why, remove the line of [127.0.0.1]:%u from %s and boot n1 again",
		server.port, shown, pinned, server.port, pins);
	pin("other");
	assert_null(open_link(&server.options, &err));
	assert_string_equal(err.text, expected);
	pin("host");
}

static void test_key_refused(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_FREE char *own = path("id_ed25519");
	AUTO_FREE char *kept = path("kept");
	AUTO_FREE char *other = path("other");
	AUTO_FREE char *expected = xasprintf(
		"log-in as %s with %s refused; the node takes the site's keys at its next boot",
		server.options.user, own);
	unsetenv("SSH_AUTH_SOCK");
	assert_int_equal(rename(own, kept), 0);
	assert_int_equal(rename(other, own), 0);
	assert_null(open_link(&server.options, &err));
	assert_string_equal(err.text, expected);
	assert_int_equal(rename(own, other), 0);
	assert_int_equal(rename(kept, own), 0);
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct ssh_options options = server.options;
	int fd = listening_socket(&options.port);
	close(fd);
	AUTO_FREE char *refused = xasprintf("127.0.0.1 port %u: Connection refused", options.port);
	assert_null(open_link(&options, &err));
	assert_string_equal(err.text, refused);
}

/* It accepts, and never says a word. */
static void test_mute_server(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct ssh_options options = server.options;
	int fd = listening_socket(&options.port);
	assert_int_equal(listen(fd, 1), 0);
	options.connect_timeout_ms = options.login_timeout_ms = 1000;
	long before_ms = stream_now_ms();
	AUTO_FREE char *expected = xasprintf("127.0.0.1 port %u: no answer for 1 s", options.port);
	assert_null(open_link(&options, &err));
	assert_string_equal(err.text, expected);
	assert_true(stream_now_ms() - before_ms < 4000);
	close(fd);
}

static void *set_soon(void *flag)
{
	nanosleep(&(struct timespec){ 0, 300000000 }, NULL);
	__atomic_store_n((bool *)flag, true, __ATOMIC_RELEASE);
	return NULL;
}

static void stop_while_connecting(const struct ssh_options *options)
{
	struct err err = ERR_INIT;
	bool stop = false;
	pthread_t thread;
	long before_ms = stream_now_ms();
	assert_int_equal(pthread_create(&thread, NULL, set_soon, &stop), 0);
	assert_null(ssh_link_open(options, "n1", "127.0.0.1", &stop, &err));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(err.text, "interrupted");
	assert_true(stream_now_ms() - before_ms < 2000);
}

/* Ctrl-C while a server says nothing; then, with its queue of connections full, while even
   its kernel says nothing. */
static void test_stop_while_connecting(void **state)
{
	struct ssh_options options = server.options;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	int full[8];
	(void)state;
	int fd = listening_socket(&options.port);
	at.sin_port = htons((uint16_t)options.port);
	assert_int_equal(listen(fd, 1), 0);
	stop_while_connecting(&options);
	for (size_t i = 0; i < COUNT_OF(full); i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(full[i], (struct sockaddr *)&at, sizeof(at));
	}
	stop_while_connecting(&options);
	for (size_t i = 0; i < COUNT_OF(full); i++)
		close(full[i]);
	close(fd);
}

/* Between moyai and sshd: what the server says after its first `limit` bytes does not arrive, and
   then Ctrl-C comes. */
struct relay {
	int listening;
	size_t limit;
	size_t passed; /* of what the server said */
	bool stop;
};

static bool pass_on(struct relay *self, int from, int to, bool is_server)
{
	char bytes[4096];
	ssize_t got = read(from, bytes, sizeof(bytes));
	size_t length = got > 0 ? (size_t)got : 0;
	if (is_server && self->passed + length > self->limit) {
		length = self->limit - self->passed;
		__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	}
	if (is_server)
		self->passed += length;
	return got > 0 && write(to, bytes, length) == (ssize_t)length;
}

static void *relay_run(void *relay)
{
	struct relay *self = relay;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)server.port),
				  .sin_addr.s_addr = htonl(0x7f000001) };
	int client = accept(self->listening, NULL, NULL);
	int there = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd wait[] = { { .fd = client, .events = POLLIN },
				 { .fd = there, .events = POLLIN } };
	bool goes_on = connect(there, (struct sockaddr *)&at, sizeof(at)) == 0;
	while (goes_on && poll(wait, 2, 10000) > 0) {
		if (wait[0].revents)
			goes_on = pass_on(self, client, there, false);
		if (goes_on && wait[1].revents)
			goes_on = pass_on(self, there, client, true);
	}
	close(there);
	close(client);
	return NULL;
}

/* What the server had said by then; from `limit` bytes on it is silent. */
static size_t log_in_through_relay(size_t limit, bool *done, struct err *err)
{
	struct relay relay = { .limit = limit };
	struct ssh_options options = server.options;
	pthread_t thread;
	/* Nothing here is to end by its own deadline. */
	options.login_timeout_ms = 60000;
	relay.listening = listening_socket(&options.port);
	assert_int_equal(listen(relay.listening, 1), 0);
	pin_at(options.port, "host");
	assert_int_equal(pthread_create(&thread, NULL, relay_run, &relay), 0);
	struct link *link = ssh_link_open(&options, "n1", "127.0.0.1", &relay.stop, err);
	struct stream *stream = link ? link_exec(link, RUN_ARGV("cat"), &relay.stop, err) : NULL;
	*done = stream != NULL;
	size_t passed = relay.passed;
	stream_close(stream);
	link_close(link);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(relay.listening);
	return passed;
}

/* Wherever in key exchange, log-in and start of a command a node falls silent. */
static void test_stop_while_logging_in(void **state)
{
	enum { STEPS = 40 };
	struct err err = ERR_INIT;
	bool done;
	(void)state;
	size_t descriptors = open_descriptors();
	size_t all = log_in_through_relay(SIZE_MAX, &done, &err);
	if (!done)
		fail_msg("%s", err.text);
	assert_true(all > 1000);
	assert_int_equal(open_descriptors(), descriptors);
	for (size_t i = 0; i < STEPS; i++) {
		long before_ms = stream_now_ms();
		log_in_through_relay(all * i / STEPS, &done, &err);
		if (done || strcmp(err.text, "interrupted") != 0)
			fail_msg("silent after %zu of %zu bytes: %s", all * i / STEPS, all,
				 done ? "logged in" : err.text);
		assert_true(stream_now_ms() - before_ms < 10000);
		assert_int_equal(open_descriptors(), descriptors);
	}
	pin("host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_commands_on_one_connection),
		cmocka_unit_test(test_megabytes),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_too_slow),
		cmocka_unit_test(test_unknown_host_key),
		cmocka_unit_test(test_changed_host_key),
		cmocka_unit_test(test_key_refused),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_mute_server),
		cmocka_unit_test(test_stop_while_connecting),
		cmocka_unit_test(test_stop_while_logging_in),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ssh", tests, start_server, stop_server);
}
