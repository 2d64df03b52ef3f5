/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/lio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "system/configfs.h"
#include "system/sysfs.h"

#define CONFIGFS "/sys/kernel/config"
#define ROOT CONFIGFS "/target"
#define FABRIC ROOT "/iscsi"
#define CORE ROOT "/core"

/*
 * Closed: who is not an initiator that is asked for gets nothing. authentication with CHAP
 * for everybody, no access lists made up for strangers, nothing to see in a
 * discovery without one.
 */
static const struct {
	const char *folder;
	const char *attribute;
	const char *value;
} CLOSED[] = {
	{ "attrib", "authentication", "1" },	  { "attrib", "generate_node_acls", "0" },
	{ "attrib", "cache_dynamic_acls", "0" },  { "attrib", "demo_mode_write_protect", "1" },
	{ "attrib", "demo_mode_discovery", "0" }, { "param", "AuthMethod", "CHAP" },
};

void lio_target_free(struct lio_target *target)
{
	if (target == NULL)
		return;
	free(target->iqn);
	free(target->device);
	free(target->serial);
	free(target->portals);
	free(target->initiator_iqn);
	free(target->chap_user);
	free(target->chap_secret);
	free(target->mutual_secret);
	*target = (struct lio_target){ 0 };
}

int lio_list(const char *iqn_prefix, struct text_list *iqns, struct err *err)
{
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	if (configfs_folders(FABRIC, &all, err) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (text_starts(all.items[i], iqn_prefix))
			text_list_add(iqns, all.items[i]);
	return 0;
}

/* The backstore's name: the IQN's end, which is unique on a node. */
static char *store_name(const char *iqn)
{
	const char *tail = strrchr(iqn, ':');
	return xasprintf("moyai.%s", tail ? tail + 1 : iqn);
}

static char *store_folder(const char *iqn, bool file)
{
	AUTO_FREE char *name = store_name(iqn);
	return xasprintf(CORE "/%s/%s", file ? "fileio_0" : "iblock_0", name);
}

static bool has_only(const struct text_list *names, const char *name)
{
	return names->count == 1 && strcmp(names->items[0], name) == 0;
}

static void join(const struct text_list *names, char **out)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < names->count; i++)
		str_addf(&text, "%s%s", i ? " " : "", names->items[i]);
	if (names->count > 0)
		*out = str_take(&text);
}

/* What follows a word in the backstore's `info`, up to the next blank. */
static char *info_word(const char *info, const char *word)
{
	const char *at = info ? strstr(info, word) : NULL;
	if (at == NULL)
		return NULL;
	at += strlen(word);
	at += strspn(at, " ");
	return xstrndup(at, strcspn(at, " \n"));
}

static void read_store(const char *folder, struct lio_target *target)
{
	AUTO_FREE char *wwn = xasprintf("%s/wwn", folder);
	AUTO_FREE char *serial = configfs_read(wwn, "vpd_unit_serial");
	AUTO_FREE char *info = configfs_read(folder, "info");
	AUTO_FREE char *attributes = xasprintf("%s/attrib", folder);
	/* "T10 VPD Unit Serial Number: 1f0c…" */
	const char *colon = serial ? strrchr(serial, ':') : NULL;
	if (colon != NULL)
		target->serial = xstrdup(colon + 1 + strspn(colon + 1, " "));
	if (!configfs_is(folder, "enable", "1"))
		return;
	target->discards = configfs_is(attributes, "emulate_tpu", "1");
	if (target->file) {
		/* Not the "SectorSize:" of the line before. */
		AUTO_FREE char *size = info_word(info, " Size:");
		target->device = info_word(info, "File:");
		target->size = size ? strtoull(size, NULL, 10) : 0;
		return;
	}
	AUTO_FREE char *major = info_word(info, "Major:");
	AUTO_FREE char *minor = info_word(info, "Minor:");
	target->device = configfs_read(folder, "udev_path");
	if (major == NULL || minor == NULL)
		return;
	AUTO_FREE char *sectors = sysfs_read("/sys/dev/block/%s:%s/size", major, minor);
	target->size = sectors ? strtoull(sectors, NULL, 10) * 512 : 0;
}

/* LUN 0's link leads to the backstore; which one it is tells the kind. */
static int read_lun(const char *group, const char *iqn, struct lio_target *target, bool *closed,
		    struct err *err)
{
	AUTO_LIST struct text_list luns = TEXT_LIST_INIT;
	AUTO_LIST struct text_list links = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("%s/lun", group);
	AUTO_FREE char *lun = xasprintf("%s/lun_0", folder);
	AUTO_FREE char *name = store_name(iqn);
	if (configfs_folders(folder, &luns, err) != 0 || configfs_links(lun, &links, err) != 0)
		return -1;
	*closed = *closed && has_only(&luns, "lun_0");
	if (!has_only(&links, name))
		return 0;
	AUTO_FREE char *link = xasprintf("%s/%s", lun, name);
	AUTO_FREE char *store = realpath(link, NULL);
	if (store == NULL)
		return 0;
	target->file = strstr(store, "/fileio_") != NULL;
	read_store(store, target);
	return 0;
}

/* One of them. Whoever has other secrets than the first one is not finished, and an initiator that may log
   in and sees no disk is not either. */
static int read_acl(const char *acl, struct lio_target *target, struct err *err)
{
	AUTO_FREE char *auth = xasprintf("%s/auth", acl);
	AUTO_FREE char *lun = xasprintf("%s/lun_0", acl);
	AUTO_LIST struct text_list links = TEXT_LIST_INIT;
	struct lio_target own = { .chap_user = configfs_read(auth, "userid"),
				  .chap_secret = configfs_read(auth, "password") };
	if (own.chap_user && configfs_is(auth, "userid_mutual", own.chap_user))
		own.mutual_secret = configfs_read(auth, "password_mutual");
	int rc = configfs_links(lun, &links, err);
	if (links.count != 1 || !configfs_is(lun, "write_protect", "0"))
		target->closed = false;
	if (target->chap_user == NULL) {
		target->chap_user = own.chap_user;
		target->chap_secret = own.chap_secret;
		target->mutual_secret = own.mutual_secret;
		return rc;
	}
	if (!text_equal(own.chap_user, target->chap_user) ||
	    !text_equal(own.chap_secret, target->chap_secret) ||
	    !text_equal(own.mutual_secret, target->mutual_secret))
		target->closed = false;
	lio_target_free(&own);
	return rc;
}

static int read_acls(const char *group, struct lio_target *target, struct err *err)
{
	AUTO_LIST struct text_list acls = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("%s/acls", group);
	if (configfs_folders(folder, &acls, err) != 0)
		return -1;
	join(&acls, &target->initiator_iqn);
	for (size_t i = 0; i < acls.count; i++) {
		AUTO_FREE char *acl = xasprintf("%s/%s", folder, acls.items[i]);
		if (read_acl(acl, target, err) != 0)
			return -1;
	}
	return 0;
}

int lio_read(const char *iqn, struct lio_target *out, bool *found, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(FABRIC "/%s", iqn);
	AUTO_FREE char *group = xasprintf("%s/tpgt_1", folder);
	AUTO_FREE char *portals = xasprintf("%s/np", group);
	AUTO_LIST struct text_list nps = TEXT_LIST_INIT;
	struct lio_target target = { .closed = true };
	*found = file_exists(folder);
	if (!*found)
		return 0;
	target.iqn = xstrdup(iqn);
	if (!file_exists(group)) {
		target.closed = false;
		*out = target;
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(CLOSED); i++) {
		AUTO_FREE char *attributes = xasprintf("%s/%s", group, CLOSED[i].folder);
		if (!configfs_is(attributes, CLOSED[i].attribute, CLOSED[i].value))
			target.closed = false;
	}
	if (configfs_folders(portals, &nps, err) != 0 || read_acls(group, &target, err) != 0 ||
	    read_lun(group, iqn, &target, &target.closed, err) != 0) {
		lio_target_free(&target);
		return -1;
	}
	join(&nps, &target.portals);
	target.enabled = configfs_is(group, "enable", "1");
	*out = target;
	return 0;
}

static int prepare(bool file, struct err *err)
{
	const char *modules[] = { "target_core_mod", "iscsi_target_mod",
				  file ? "target_core_file" : "target_core_iblock", NULL };
	if (sysfs_modules(modules, err) != 0)
		return -1;
	if (!file_exists(CONFIGFS) || !file_exists(ROOT)) {
		point_pass("mount configfs");
		if (mount("configfs", CONFIGFS, "configfs", 0, NULL) != 0 || !file_exists(ROOT))
			return err_set(err, "there is no " ROOT);
		point_pass("mount configfs");
	}
	return configfs_make(FABRIC, err);
}

/* Take LUN 0 and its backstore away, inside out. */
static int remove_lun(const char *iqn, const char *group, struct err *err)
{
	AUTO_LIST struct text_list acls = TEXT_LIST_INIT;
	AUTO_LIST struct text_list luns = TEXT_LIST_INIT;
	AUTO_FREE char *acl_folder = xasprintf("%s/acls", group);
	AUTO_FREE char *lun_folder = xasprintf("%s/lun", group);
	if (configfs_folders(acl_folder, &acls, err) != 0 ||
	    configfs_folders(lun_folder, &luns, err) != 0)
		return -1;
	for (size_t i = 0; i < acls.count + luns.count; i++) {
		bool acl = i < acls.count;
		AUTO_LIST struct text_list mapped = TEXT_LIST_INIT;
		AUTO_FREE char *parent =
			acl ? xasprintf("%s/%s", acl_folder, acls.items[i]) : xstrdup(lun_folder);
		if (configfs_folders(parent, &mapped, err) != 0)
			return -1;
		for (size_t j = 0; j < mapped.count; j++) {
			AUTO_LIST struct text_list links = TEXT_LIST_INIT;
			AUTO_FREE char *lun = xasprintf("%s/%s", parent, mapped.items[j]);
			/* Beside auth, param and the like. */
			if (!text_starts(mapped.items[j], "lun_"))
				continue;
			if (configfs_links(lun, &links, err) != 0)
				return -1;
			for (size_t k = 0; k < links.count; k++) {
				AUTO_FREE char *link = xasprintf("%s/%s", lun, links.items[k]);
				if (configfs_unlink(link, err) != 0)
					return -1;
			}
			if (configfs_remove(lun, err) != 0)
				return -1;
		}
	}
	for (int file = 0; file < 2; file++) {
		AUTO_FREE char *store = store_folder(iqn, file);
		if (configfs_remove(store, err) != 0)
			return -1;
	}
	return 0;
}

/* The backstore, enabled, with its serial; LUN 0 does not use it yet. */
static int make_store(const struct lio_target *want, struct err *err)
{
	AUTO_FREE char *store = store_folder(want->iqn, want->file);
	AUTO_FREE char *adapter = xstrndup(store, (size_t)(strrchr(store, '/') - store));
	AUTO_FREE char *wwn = xasprintf("%s/wwn", store);
	AUTO_FREE char *control =
		want->file ? xasprintf("fd_dev_name=%s,fd_dev_size=%llu,fd_buffered_io=1",
				       want->device, (unsigned long long)want->size)
			   : xasprintf("udev_path=%s", want->device);
	if (configfs_make(adapter, err) != 0 || configfs_make(store, err) != 0)
		return -1;
	if (!configfs_is(store, "enable", "1")) {
		if (configfs_write(store, "control", control, err) != 0 ||
		    configfs_write(store, "udev_path", want->device, err) != 0 ||
		    configfs_write(store, "enable", "1", err) != 0)
			return err_context(err, "backstore on %s", want->device);
	}
	return configfs_write(wwn, "vpd_unit_serial", want->serial, err);
}

/* Also of a backstore that was there already. */
static int set_discards(const struct lio_target *want, struct err *err)
{
	AUTO_FREE char *store = store_folder(want->iqn, want->file);
	AUTO_FREE char *attributes = xasprintf("%s/attrib", store);
	return configfs_set(attributes, "emulate_tpu", want->discards ? "1" : "0", err);
}

static int make_group(const struct lio_target *want, const char *group, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(FABRIC "/%s", want->iqn);
	if (configfs_make(folder, err) != 0 || configfs_make(group, err) != 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(CLOSED); i++) {
		AUTO_FREE char *attributes = xasprintf("%s/%s", group, CLOSED[i].folder);
		if (configfs_set(attributes, CLOSED[i].attribute, CLOSED[i].value, err) != 0)
			return -1;
	}
	return 0;
}

static int make_lun(const struct lio_target *want, const char *group, struct err *err)
{
	AUTO_FREE char *name = store_name(want->iqn);
	AUTO_FREE char *store = store_folder(want->iqn, want->file);
	AUTO_FREE char *lun = xasprintf("%s/lun/lun_0", group);
	AUTO_FREE char *link = xasprintf("%s/%s", lun, name);
	if (configfs_make(lun, err) != 0)
		return -1;
	return configfs_link(store, link, err);
}

static int remove_acl(const char *acl, struct err *err)
{
	AUTO_FREE char *lun = xasprintf("%s/lun_0", acl);
	AUTO_LIST struct text_list links = TEXT_LIST_INIT;
	if (configfs_links(lun, &links, err) != 0)
		return -1;
	for (size_t i = 0; i < links.count; i++) {
		AUTO_FREE char *link = xasprintf("%s/%s", lun, links.items[i]);
		if (configfs_unlink(link, err) != 0)
			return -1;
	}
	if (configfs_remove(lun, err) != 0)
		return -1;
	return configfs_remove(acl, err);
}

/* The kernel's word for no name and no secret; one that was never set is "". */
#define UNSET "NULL"

static int set_mutual(const struct lio_target *want, const char *auth, struct err *err)
{
	const char *user = want->mutual_secret ? want->chap_user : UNSET;
	const char *secret = want->mutual_secret ? want->mutual_secret : UNSET;
	AUTO_FREE char *is = configfs_read(auth, "userid_mutual");
	if (want->mutual_secret == NULL && (is == NULL || *is == '\0'))
		return 0;
	return configfs_set(auth, "userid_mutual", user, err) == 0
		       ? configfs_set(auth, "password_mutual", secret, err)
		       : -1;
}

/* Its secret before it can log in. */
static int make_acl(const struct lio_target *want, const char *group, const char *acl,
		    struct err *err)
{
	AUTO_FREE char *auth = xasprintf("%s/auth", acl);
	AUTO_FREE char *mapped = xasprintf("%s/lun_0", acl);
	AUTO_FREE char *link = xasprintf("%s/disk", mapped);
	AUTO_FREE char *lun = xasprintf("%s/lun/lun_0", group);
	AUTO_LIST struct text_list links = TEXT_LIST_INIT;
	if (configfs_make(acl, err) != 0 ||
	    configfs_set(auth, "userid", want->chap_user, err) != 0 ||
	    configfs_set(auth, "password", want->chap_secret, err) != 0 ||
	    set_mutual(want, auth, err) != 0 || configfs_make(mapped, err) != 0 ||
	    configfs_links(mapped, &links, err) != 0)
		return -1;
	if (links.count == 0 && configfs_link(lun, link, err) != 0)
		return -1;
	return configfs_set(mapped, "write_protect", "0", err);
}

/* Exactly these initiators. */
static int make_acls(const struct lio_target *want, const char *group, struct err *err)
{
	AUTO_LIST struct text_list acls = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("%s/acls", group);
	if (configfs_folders(folder, &acls, err) != 0)
		return -1;
	for (size_t i = 0; i < acls.count; i++) {
		AUTO_FREE char *other = xasprintf("%s/%s", folder, acls.items[i]);
		if (!text_has_word(want->initiator_iqn, acls.items[i]) &&
		    remove_acl(other, err) != 0)
			return -1;
	}
	for (const char *at = want->initiator_iqn; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		AUTO_FREE char *acl = xasprintf("%s/%.*s", folder, (int)length, at);
		if (make_acl(want, group, acl, err) != 0)
			return -1;
		at += length;
	}
	return 0;
}

/* Exactly these. */
static int make_portals(const struct lio_target *want, const char *group, struct err *err)
{
	AUTO_LIST struct text_list nps = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("%s/np", group);
	if (configfs_folders(folder, &nps, err) != 0)
		return -1;
	for (size_t i = 0; i < nps.count; i++) {
		AUTO_FREE char *other = xasprintf("%s/%s", folder, nps.items[i]);
		if (!text_has_word(want->portals, nps.items[i]) && configfs_remove(other, err) != 0)
			return -1;
	}
	for (const char *at = want->portals; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		AUTO_FREE char *portal = xasprintf("%s/%.*s", folder, (int)length, at);
		/* EINVAL here: another program has the port. */
		if (configfs_make(portal, err) != 0)
			return -1;
		at += length;
	}
	return 0;
}

/* Whether LUN 0 has to be made anew. */
static bool lun_differs(const struct lio_target *want, const struct lio_target *have)
{
	return have->file != want->file || !text_equal(have->device, want->device) ||
	       !text_equal(have->serial, want->serial) || (want->file && have->size != want->size);
}

int lio_make(const struct lio_target *want, struct err *err)
{
	AUTO_FREE char *group = xasprintf(FABRIC "/%s/tpgt_1", want->iqn);
	struct lio_target have = { 0 };
	bool found;
	if (prepare(want->file, err) != 0 || lio_read(want->iqn, &have, &found, err) != 0)
		return -1;
	bool renew = !found || lun_differs(want, &have);
	/* The initiator then sees a target that is away for a moment, waits and
	   comes back, and not a disk that has failed. */
	int rc = renew && have.enabled ? configfs_write(group, "enable", "0", err) : 0;
	lio_target_free(&have);
	if (rc != 0 || make_group(want, group, err) != 0)
		return -1;
	if (renew && (remove_lun(want->iqn, group, err) != 0 || make_store(want, err) != 0))
		return -1;
	if (set_discards(want, err) != 0 || make_lun(want, group, err) != 0 ||
	    make_acls(want, group, err) != 0 || make_portals(want, group, err) != 0)
		return -1;
	return configfs_set(group, "enable", "1", err);
}

/* An initiator with a session, or NULL. The kernel says "No active iSCSI Session …". */
static char *logged_in(const char *group)
{
	AUTO_LIST struct text_list acls = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("%s/acls", group);
	if (configfs_folders(folder, &acls, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < acls.count; i++) {
		AUTO_FREE char *acl = xasprintf("%s/%s", folder, acls.items[i]);
		AUTO_FREE char *info = configfs_read(acl, "info");
		if (info != NULL && strstr(info, "No active iSCSI Session") == NULL)
			return xstrdup(acls.items[i]);
	}
	return NULL;
}

/* A session that was just ended takes the kernel a moment to forget. */
static int wait_unused(const char *group, struct err *err)
{
	enum { TRIES = 50, PAUSE_NS = 100000000 };
	for (int i = 0;; i++) {
		AUTO_FREE char *initiator = logged_in(group);
		if (initiator == NULL)
			return 0;
		if (i == TRIES)
			return err_set(err,
				       "%s is logged in, and its disk would fail under it; remove "
				       "its session first",
				       initiator);
		nanosleep(&(struct timespec){ 0, PAUSE_NS }, NULL);
	}
}

int lio_remove(const char *iqn, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(FABRIC "/%s", iqn);
	AUTO_FREE char *group = xasprintf("%s/tpgt_1", folder);
	if (file_exists(group)) {
		if (wait_unused(group, err) != 0)
			return -1;
		if (configfs_set(group, "enable", "0", err) != 0 ||
		    remove_lun(iqn, group, err) != 0)
			return -1;
		static const char *const PARTS[] = { "acls", "np" };
		for (size_t i = 0; i < COUNT_OF(PARTS); i++) {
			AUTO_LIST struct text_list names = TEXT_LIST_INIT;
			AUTO_FREE char *parent = xasprintf("%s/%s", group, PARTS[i]);
			if (configfs_folders(parent, &names, err) != 0)
				return -1;
			for (size_t j = 0; j < names.count; j++) {
				AUTO_FREE char *part = xasprintf("%s/%s", parent, names.items[j]);
				if (configfs_remove(part, err) != 0)
					return -1;
			}
		}
		if (configfs_remove(group, err) != 0)
			return -1;
	}
	return configfs_remove(folder, err);
}
