/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/iscsi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "base/run.h"
#include "system/node.h"
#include "system/sysfs.h"

#define FOLDER "/etc/iscsi"
#define NODES FOLDER "/nodes"
#define NAME_FILE FOLDER "/initiatorname.iscsi"
#define SESSIONS "/sys/class/iscsi_session"
#define PID_FILE "/run/iscsid.pid"

/* iscsiadm's exit codes, iscsiadm(8). */
enum { ISCSI_ERR_SESS_EXISTS = 15, ISCSI_ERR_NO_OBJS_FOUND = 21 };
/* Two tries of 10 s: a target that is not there is an error soon enough. */
enum { LOGIN_TIMEOUT_S = 10, LOGIN_TRIES = 5, RUN_TIMEOUT_MS = 60000 };
/* A dead connection is noticed after 10 s; then the replacement timeout runs. */
enum { NOOP_INTERVAL_S = 5, NOOP_TIMEOUT_S = 5 };
enum { ANSWER_TIMEOUT_MS = 2000 };

static void login_free(struct iscsi_login *login)
{
	free(login->target_iqn);
	free(login->portal);
	free(login->initiator_iqn);
	free(login->chap_user);
	free(login->chap_secret);
	free(login->mutual_secret);
	*login = (struct iscsi_login){ 0 };
}

void iscsi_sessions_free(struct iscsi_sessions *sessions)
{
	if (sessions == NULL)
		return;
	for (size_t i = 0; i < sessions->count; i++) {
		login_free(&sessions->items[i].login);
		free(sessions->items[i].disk);
	}
	free(sessions->items);
	*sessions = (struct iscsi_sessions){ 0 };
}

static struct iscsi_session *add_session(struct iscsi_sessions *sessions, const char *target_iqn)
{
	sessions->items = xrealloc(sessions->items, sessions->count + 1, sizeof(*sessions->items));
	struct iscsi_session *session = &sessions->items[sessions->count++];
	*session = (struct iscsi_session){
		.login = { .target_iqn = xstrdup(target_iqn), .timeout_s = UINT64_MAX },
		.id = UINT_MAX,
	};
	return session;
}

static int compare_portals(const void *a, const void *b)
{
	const struct iscsi_session *one = a;
	const struct iscsi_session *other = b;
	return strcmp(one->login.portal ? one->login.portal : "",
		      other->login.portal ? other->login.portal : "");
}

static void sort_sessions(struct iscsi_sessions *sessions)
{
	if (sessions->count > 1)
		qsort(sessions->items, sessions->count, sizeof(*sessions->items), compare_portals);
}

const struct iscsi_session *iscsi_sessions_find(const struct iscsi_sessions *sessions,
						const char *portal)
{
	for (size_t i = 0; i < sessions->count; i++)
		if (text_equal(sessions->items[i].login.portal, portal))
			return &sessions->items[i];
	return NULL;
}

int iscsi_list(const char *iqn_prefix, struct text_list *iqns, struct err *err)
{
	AUTO_LIST struct text_list records = TEXT_LIST_INIT;
	AUTO_LIST struct text_list sessions = TEXT_LIST_INIT;
	if (file_list_dir(NODES, &records, err) != 0 ||
	    file_list_dir(SESSIONS, &sessions, err) != 0)
		return -1;
	for (size_t i = 0; i < sessions.count; i++) {
		char *iqn = sysfs_read(SESSIONS "/%s/targetname", sessions.items[i]);
		if (iqn != NULL)
			text_list_take(&records, iqn);
	}
	for (size_t i = 0; i < records.count; i++)
		if (text_starts(records.items[i], iqn_prefix) &&
		    !text_list_has(iqns, records.items[i]))
			text_list_add(iqns, records.items[i]);
	return 0;
}

/* "name = value" of a record; NULL when it is not there. */
static char *record_value(const char *text, const char *name)
{
	AUTO_FREE char *start = xasprintf("\n%s = ", name);
	const char *at = strstr(text, start);
	if (at == NULL)
		return NULL;
	at += strlen(start);
	return xstrndup(at, strcspn(at, "\n"));
}

/* open-iscsi keeps NODES/IQN/ADDRESS,PORT,GROUP/INTERFACE. */
static char *record_folder(const char *target_iqn, const char *portal)
{
	const char *colon = strrchr(portal, ':');
	return xasprintf(NODES "/%s/%.*s,%s,1", target_iqn, (int)(colon - portal), portal,
			 colon + 1);
}

static void read_record(const char *folder, struct iscsi_login *record)
{
	AUTO_FREE char *path = xasprintf("%s/default", folder);
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, 65536, &text, NULL) != 0)
		return;
	AUTO_FREE char *address = record_value(str_text(&text), "node.conn[0].address");
	AUTO_FREE char *port = record_value(str_text(&text), "node.conn[0].port");
	AUTO_FREE char *timeout =
		record_value(str_text(&text), "node.session.timeo.replacement_timeout");
	if (address != NULL && port != NULL)
		record->portal = xasprintf("%s:%s", address, port);
	if (timeout != NULL)
		record->timeout_s = strtoull(timeout, NULL, 10);
	record->chap_user = record_value(str_text(&text), "node.session.auth.username");
	record->chap_secret = record_value(str_text(&text), "node.session.auth.password");
	record->mutual_secret = record_value(str_text(&text), "node.session.auth.password_in");
}

int iscsi_records_read(const char *target_iqn, struct iscsi_sessions *records, struct err *err)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf(NODES "/%s", target_iqn);
	if (file_list_dir(folder, &portals, err) != 0)
		return -1;
	*records = (struct iscsi_sessions){ 0 };
	for (size_t i = 0; i < portals.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, portals.items[i]);
		struct iscsi_login *record = &add_session(records, target_iqn)->login;
		record->initiator_iqn = iscsi_initiator_read();
		read_record(path, record);
	}
	/* A folder that a crash left empty is a record too: it is to be finished or removed. */
	if (portals.count == 0 && file_exists(folder))
		add_session(records, target_iqn);
	sort_sessions(records);
	return 0;
}

/* Everything not named here has open-iscsi's own default. */
static void record_text(const struct iscsi_login *login, struct str *out)
{
	const char *colon = strrchr(login->portal, ':');
	str_add(out, "# BEGIN RECORD 2.1.8\n# moyai\n");
	str_addf(out, "node.name = %s\n", login->target_iqn);
	str_add(out, "node.tpgt = 1\nnode.startup = manual\nnode.leading_login = No\n");
	str_add(out, "iface.iscsi_ifacename = default\niface.transport_name = tcp\n");
	str_addf(out, "node.session.initial_login_retry_max = %d\n", LOGIN_TRIES);
	str_add(out, "node.session.auth.authmethod = CHAP\n");
	str_addf(out, "node.session.auth.username = %s\n", login->chap_user);
	str_addf(out, "node.session.auth.password = %s\n", login->chap_secret);
	str_addf(out, "node.session.auth.username_in = %s\n", login->chap_user);
	str_addf(out, "node.session.auth.password_in = %s\n", login->mutual_secret);
	str_addf(out, "node.session.timeo.replacement_timeout = %llu\n",
		 (unsigned long long)login->timeout_s);
	str_addf(out, "node.conn[0].address = %.*s\n", (int)(colon - login->portal), login->portal);
	str_addf(out, "node.conn[0].port = %s\n", colon + 1);
	str_add(out, "node.conn[0].startup = manual\n");
	str_addf(out, "node.conn[0].timeo.login_timeout = %d\n", LOGIN_TIMEOUT_S);
	str_addf(out, "node.conn[0].timeo.noop_out_interval = %d\n", NOOP_INTERVAL_S);
	str_addf(out, "node.conn[0].timeo.noop_out_timeout = %d\n", NOOP_TIMEOUT_S);
	str_add(out, "# END RECORD\n");
}

/* Remove the files of a folder but one, then the folder if nothing is kept. */
static int clear_folder(const char *folder, const char *kept, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(folder, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, names.items[i]);
		if (!text_equal(names.items[i], kept) && file_remove(path, err) != 0)
			return -1;
	}
	if (kept == NULL && rmdir(folder) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", folder);
	return 0;
}

/* Whether the record's folder is that of one of the portals, "A:P A:P". */
static bool folder_kept(const char *path, const char *target_iqn, const char *portals)
{
	for (const char *at = portals ? portals : ""; *at; at += strspn(at, " ")) {
		AUTO_FREE char *portal = xstrndup(at, strcspn(at, " "));
		AUTO_FREE char *kept = record_folder(target_iqn, portal);
		if (text_equal(path, kept))
			return true;
		at += strlen(portal);
	}
	return false;
}

static int clear_records(const char *target_iqn, const char *portals, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf(NODES "/%s", target_iqn);
	if (file_list_dir(folder, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, names.items[i]);
		struct stat st;
		if (folder_kept(path, target_iqn, portals))
			continue;
		/* A record without a portal group is a file of its own. */
		if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
			if (file_remove(path, err) != 0)
				return -1;
		} else if (clear_folder(path, NULL, err) != 0) {
			return -1;
		}
	}
	if (portals == NULL && rmdir(folder) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", folder);
	return 0;
}

int iscsi_record_write(const struct iscsi_login *login, struct err *err)
{
	AUTO_FREE char *folder = record_folder(login->target_iqn, login->portal);
	AUTO_FREE char *path = xasprintf("%s/default", folder);
	AUTO_STR struct str text = STR_INIT;
	record_text(login, &text);
	point_pass("iscsi record");
	if (file_make_dirs(folder, 0700, err) != 0 ||
	    /* Also a temporary file that a crash left: iscsiadm would take it
	       for a record of another interface. */
	    clear_folder(folder, "default", err) != 0 ||
	    file_write(path, text.data, text.length, 0600, err) != 0)
		return -1;
	point_pass("iscsi record");
	return 0;
}

int iscsi_records_remove(const char *target_iqn, const char *portals, struct err *err)
{
	point_pass("iscsi record");
	if (clear_records(target_iqn, portals, err) != 0)
		return -1;
	point_pass("iscsi record");
	return 0;
}

/* …/session1/target2:0:0/2:0:0:0/block/sda: the disk of LUN 0. */
static char *session_disk(const char *session)
{
	AUTO_LIST struct text_list targets = TEXT_LIST_INIT;
	AUTO_FREE char *device = xasprintf(SESSIONS "/%s/device", session);
	if (file_list_dir(device, &targets, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < targets.count; i++) {
		AUTO_LIST struct text_list luns = TEXT_LIST_INIT;
		AUTO_FREE char *target = xasprintf("%s/%s", device, targets.items[i]);
		if (!text_starts(targets.items[i], "target") ||
		    file_list_dir(target, &luns, NULL) != 0)
			continue;
		for (size_t j = 0; j < luns.count; j++) {
			AUTO_LIST struct text_list disks = TEXT_LIST_INIT;
			AUTO_FREE char *block = xasprintf("%s/%s/block", target, luns.items[j]);
			if (text_ends(luns.items[j], ":0") &&
			    file_list_dir(block, &disks, NULL) == 0 && disks.count > 0)
				return xstrdup(disks.items[0]);
		}
	}
	return NULL;
}

/* "(null)" and "<NULL>" are how attributes say that nothing is set. */
static char *session_text(const char *session, const char *attribute)
{
	char *text = sysfs_read(SESSIONS "/%s/%s", session, attribute);
	if (text != NULL && (text[0] == '\0' || text[0] == '<' || text[0] == '(')) {
		free(text);
		return NULL;
	}
	return text;
}

static void read_session(const char *name, unsigned id, struct iscsi_session *session)
{
	struct iscsi_login *login = &session->login;
	AUTO_FREE char *state = session_text(name, "state");
	AUTO_FREE char *timeout = session_text(name, "recovery_tmo");
	AUTO_FREE char *address =
		sysfs_read("/sys/class/iscsi_connection/connection%u:0/persistent_address", id);
	AUTO_FREE char *port =
		sysfs_read("/sys/class/iscsi_connection/connection%u:0/persistent_port", id);
	session->id = id;
	login->initiator_iqn = session_text(name, "initiatorname");
	login->chap_user = session_text(name, "username");
	login->chap_secret = session_text(name, "password");
	login->mutual_secret = session_text(name, "password_in");
	login->timeout_s = timeout ? strtoull(timeout, NULL, 10) : UINT64_MAX;
	if (address != NULL && port != NULL)
		login->portal = xasprintf("%s:%s", address, port);
	session->disk = session_disk(name);
	session->logged_in = text_equal(state, "LOGGED_IN") && session->disk != NULL;
}

int iscsi_sessions_read(const char *target_iqn, struct iscsi_sessions *sessions, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(SESSIONS, &names, err) != 0)
		return -1;
	*sessions = (struct iscsi_sessions){ 0 };
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *iqn = sysfs_read(SESSIONS "/%s/targetname", names.items[i]);
		if (!text_equal(iqn, target_iqn))
			continue;
		unsigned long id = strtoul(names.items[i] + strlen("session"), NULL, 10);
		read_session(names.items[i], (unsigned)id, add_session(sessions, target_iqn));
	}
	sort_sessions(sessions);
	return 0;
}

static bool takes_connection(const char *portal)
{
	const char *colon = strrchr(portal, ':');
	AUTO_FREE char *host = xstrndup(portal, (size_t)(colon - portal));
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)atoi(colon + 1)) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return false;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);
	return errno == EINPROGRESS && poll(&wait, 1, ANSWER_TIMEOUT_MS) == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool iscsi_portal_answers(struct node *node, const char *portal)
{
	if (node->portals == NULL)
		node->portals = json_object();
	const json_t *known = json_object_get(node->portals, portal);
	if (known != NULL)
		return json_is_true(known);
	bool answers = takes_connection(portal);
	json_object_set_new(node->portals, portal, json_boolean(answers));
	return answers;
}

char *iscsi_initiator_read(void)
{
	AUTO_STR struct str text = STR_INIT;
	str_add(&text, "\n");
	if (file_read(NAME_FILE, 65536, &text, NULL) != 0)
		return NULL;
	const char *at = strstr(str_text(&text), "\nInitiatorName=");
	if (at == NULL)
		return NULL;
	at += strlen("\nInitiatorName=");
	return xstrndup(at, strcspn(at, " \t\r\n"));
}

static bool daemon_runs(void)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read(PID_FILE, 64, &text, NULL) != 0)
		return false;
	long pid = strtol(str_text(&text), NULL, 10);
	return pid > 0 && kill((pid_t)pid, 0) == 0;
}

int iscsi_initiator_write(const char *initiator_iqn, struct err *err)
{
	AUTO_FREE char *text = xasprintf("# moyai\nInitiatorName=%s\n", initiator_iqn);
	AUTO_FREE char *old = iscsi_initiator_read();
	if (text_equal(old, initiator_iqn))
		return 0;
	if (file_make_dirs(FOLDER, 0755, err) != 0)
		return -1;
	/* First the running one ends: if we do not get further, the name still
	   differs, and the next try does both again. The next iscsiadm starts it,
	   and its sessions are taken over. One that does not run is left alone: to ask
	   it would start it, and Debian's iscsid.service then puts a name of its own
	   over ours. */
	if (daemon_runs()) {
		struct run_result result;
		const char *const *argv = RUN_ARGV("iscsiadm", "--killiscsid=0");
		if (run_capture(&(struct run){ .argv = argv }, &result, err) != 0)
			return -1;
		/* It may have ended by itself meanwhile, and that is well. */
		run_result_free(&result);
	}
	point_pass("initiator name");
	if (file_write(NAME_FILE, text, strlen(text), 0600, err) != 0)
		return -1;
	point_pass("initiator name");
	return 0;
}

/* iscsiadm, with an exit code that is as good as 0. */
static int admin(const char *const *argv, const char *what, int good, struct err *err)
{
	struct run_result result;
	if (run_capture(&(struct run){ .argv = argv, .timeout_ms = RUN_TIMEOUT_MS }, &result,
			err) != 0)
		return -1;
	int rc = 0;
	if (result.exit_code != 0 && result.exit_code != good) {
		const char *text = str_text(&result.err);
		rc = err_set(err, "iscsiadm %s: %.*s", what, (int)strcspn(text, "\n"),
			     *text ? text : "no reason given");
	}
	run_result_free(&result);
	return rc;
}

int iscsi_log_in(const struct iscsi_login *login, struct err *err)
{
	static const char *const MODULES[] = { "iscsi_tcp", NULL };
	const char *const *argv = RUN_ARGV("iscsiadm", "--mode", "node", "--targetname",
					   login->target_iqn, "--portal", login->portal, "--login");
	if (sysfs_modules(MODULES, err) != 0)
		return -1;
	return admin(argv, "--login", ISCSI_ERR_SESS_EXISTS, err);
}

int iscsi_log_out(const struct iscsi_session *session, struct err *err)
{
	/* By the session, not by the record, which may be gone. */
	AUTO_FREE char *id = xasprintf("%u", session->id);
	const char *const *argv =
		RUN_ARGV("iscsiadm", "--mode", "session", "--sid", id, "--logout");
	return admin(argv, "--logout", ISCSI_ERR_NO_OBJS_FOUND, err);
}

static int sysfs_write(const char *path, const char *text, struct err *err)
{
	point_pass("sysfs write");
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_set_errno(err, errno, "%s", path);
	point_pass("sysfs write");
	return 0;
}

int iscsi_set_timeout(const struct iscsi_session *session, uint64_t timeout_s, struct err *err)
{
	AUTO_FREE char *path = xasprintf(SESSIONS "/session%u/recovery_tmo", session->id);
	AUTO_FREE char *text = xasprintf("%llu", (unsigned long long)timeout_s);
	return sysfs_write(path, text, err);
}

int iscsi_rescan(const struct iscsi_session *session, struct err *err)
{
	AUTO_FREE char *path = xasprintf("/sys/block/%s/device/rescan", session->disk);
	return sysfs_write(path, "1", err);
}
