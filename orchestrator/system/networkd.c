/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/networkd.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/point.h"
#include "base/run.h"
#include "system/links.h"

#define FOLDER "/etc/systemd/network"
#define PREFIX "20-moyai-"
#define SUFFIX ".network"
#define DHCP "DHCP=ipv4\n"
enum { FILE_LIMIT_BYTES = 65536, WAIT_TRIES = 100, WAIT_PAUSE_MS = 200 };

static char *path_of(const char *name)
{
	return xasprintf(FOLDER "/" PREFIX "%s" SUFFIX, name);
}

static bool has_ipv6(const struct text_list *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (strchr(addresses->items[i], ':'))
			return true;
	return false;
}

void networkd_text(const struct networkd_link *link, struct str *out)
{
	str_addf(out, "# moyai\n# %s\n", link->kind);
	str_addf(out, "[Match]\nName=%s\n\n[Link]\nMTUBytes=%" PRIu64 "\n", link->name, link->mtu);
	/* IPv6 does not work without a link-local address (RFC 4291, 2.1). */
	str_addf(out, "\n[Network]\nLinkLocalAddressing=%s\nIPv6AcceptRA=no\n",
		 has_ipv6(link->addresses) ? "ipv6" : "no");
	/* As boot0 does: machines are known by MAC. */
	if (link->dhcp)
		str_add(out, DHCP);
	/* Which bridge it is a port of is ours to say, not networkd's. */
	str_add(out, "KeepMaster=yes\n");
	/* A bridge without guests has no carrier and needs its address all the same. */
	str_add(out, "ConfigureWithoutCarrier=yes\n");
	for (size_t i = 0; i < link->addresses->count; i++)
		str_addf(out, "Address=%s\n", link->addresses->items[i]);
	if (link->gateway != NULL)
		str_addf(out, "Gateway=%s\n", link->gateway);
	if (link->gateway6 != NULL)
		str_addf(out, "Gateway=%s\n", link->gateway6);
	if (link->dhcp)
		str_add(out, "\n[DHCPv4]\nClientIdentifier=mac\nUseDNS=no\nUseHostname=no\n");
}

bool networkd_text_is(const char *text, const char *kind)
{
	AUTO_FREE char *head = xasprintf("# moyai\n# %s\n", kind);
	return text_starts(text, head);
}

/* *text stays empty when there is no such file. */
static int read_file(const char *name, struct str *text, struct err *err)
{
	AUTO_FREE char *path = path_of(name);
	return file_exists(path) ? file_read(path, FILE_LIMIT_BYTES, text, err) : 0;
}

int networkd_owns(const char *kind, const char *name, bool *owned, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	if (read_file(name, &text, err) != 0)
		return -1;
	*owned = networkd_text_is(str_text(&text), kind);
	return 0;
}

int networkd_check_ours(const char *kind, const struct link *link, struct err *err)
{
	bool owned;
	if (networkd_owns(kind, link->name, &owned, err) != 0)
		return -1;
	if (!owned || !text_equal(link->kind, kind))
		return err_set(err, "interface %s is there already and is not Moyai's: %s",
			       link->name, link_kind_text(link));
	return 0;
}

int networkd_asks_dhcp(const char *name, bool *asks, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	if (read_file(name, &text, err) != 0)
		return -1;
	*asks = strstr(str_text(&text), "\n" DHCP) != NULL;
	return 0;
}

int networkd_list(const char *kind, struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	if (file_list_dir(FOLDER, &files, err) != 0)
		return -1;
	for (size_t i = 0; i < files.count; i++) {
		const char *file = files.items[i];
		bool owned;
		if (!text_starts(file, PREFIX) || !text_ends(file, SUFFIX) ||
		    strlen(file) <= strlen(PREFIX) + strlen(SUFFIX))
			continue;
		AUTO_FREE char *name = xstrndup(file + strlen(PREFIX),
						strlen(file) - strlen(PREFIX) - strlen(SUFFIX));
		if (networkd_owns(kind, name, &owned, err) != 0)
			return -1;
		if (owned)
			text_list_add(names, name);
	}
	return 0;
}

int networkd_configure(const struct networkd_link *link, bool is_there, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str before = STR_INIT;
	AUTO_FREE char *path = path_of(link->name);
	networkd_text(link, &text);
	if (read_file(link->name, &before, err) != 0)
		return -1;
	bool same = text_equal(str_text(&before), str_text(&text));
	if (!same) {
		point_pass(path);
		if (file_make_dirs(FOLDER, 0755, err) != 0 ||
		    file_write(path, text.data, text.length, 0644, err) != 0)
			return -1;
		point_pass(path);
	}
	/* Reload even if the file was as wanted: a crash may have come between the two. */
	if (run_args(err, "networkctl", "reload", NULL) != 0)
		return -1;
	/* The reload did it where the file changed. */
	if (is_there && same)
		return run_args(err, "networkctl", "reconfigure", link->name, NULL);
	return 0;
}

int networkd_forget(const char *name, struct err *err)
{
	AUTO_FREE char *path = path_of(name);
	point_pass(path);
	if (file_remove(path, err) != 0)
		return -1;
	point_pass(path);
	return run_args(err, "networkctl", "reload", NULL);
}

/* networkd's word for how far it is: "pending", "configuring", "configured", "failed" … */
static int setup_state(const char *name, char **state, struct err *err)
{
	AUTO_STR struct str out = STR_INIT;
	const struct run status = {
		.argv = RUN_ARGV("networkctl", "--json=short", "status", "--", name),
		.reads_only = 1,
	};
	if (run_ok(&status, &out, err) != 0)
		return -1;
	json_t *json = json_loads(str_text(&out), 0, NULL);
	const char *text = json_string_value(json_object_get(json, "AdministrativeState"));
	*state = xstrdup(text ? text : "unknown");
	json_decref(json);
	return 0;
}

int networkd_wait(const char *name, struct err *err)
{
	for (int tries = 0;; tries++) {
		AUTO_FREE char *state = NULL;
		struct err why = ERR_INIT;
		/* It hears of a new interface from the kernel, not from us. */
		if (setup_state(name, &state, &why) == 0 && text_equal(state, "configured"))
			return 0;
		if (tries == WAIT_TRIES || text_equal(state, "failed"))
			return state ? err_set(err,
					       "systemd-networkd has not configured %s: it is %s",
					       name, state)
				     : err_set(err, "%s", why.text);
		nanosleep(&(struct timespec){ 0, WAIT_PAUSE_MS * 1000000L }, NULL);
	}
}
