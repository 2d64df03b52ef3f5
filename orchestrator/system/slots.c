/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/point.h"
#include "base/run.h"
#include "system/content.h"
#include "system/disk.h"
#include "system/signature.h"
#include "system/sysfs.h"

#define BIOS "moyai-bios"
#define ESP "moyai-esp"
#define STATE "moyai-state"
#define BOOT_DIR "/boot/moyai"
#define STATE_DIR "/var/lib/moyai"
#define GRUB_CONFIG "/usr/lib/moyai/grub.cfg"
#define SLOT_TOOL "/usr/lib/moyai/slot"
#define STAMP BOOT_DIR "/grub/installed"
/* What grub.cfg uses, and what it takes to read it. */
#define GRUB_MODULES                                                                               \
	"part_gpt fat ext2 normal linux test regexp loadenv echo sleep reboot serial terminal "    \
	"configfile gzio"

/* In the order of their removal: without the state partition the rest is nothing. */
static const char *const LABELS[] = { STATE, "moyai-slot-b", "moyai-slot-a", ESP, BIOS };

enum { TOOL_TIMEOUT_MS = 300000 };

static char *device_of(const char *label)
{
	return xasprintf("/dev/disk/by-partlabel/%s", label);
}

int slots_disk(char **disk, struct err *err)
{
	struct sysfs_partitions all;
	sysfs_partitions(SLOTS_PREFIX, &all);
	int rc = sysfs_partition_check(&all, STATE, err);
	/* By any of them: a removal that was cut off has taken the first ones. */
	*disk = rc == 0 && all.count > 0 ? xasprintf("/dev/%s", all.items[0].disk) : NULL;
	sysfs_partitions_free(&all);
	return rc;
}

int slots_table_make(const char *disk, uint64_t slot_bytes, struct err *err)
{
	const struct disk_part parts[] = {
		{ BIOS, SLOTS_BIOS_BYTES, DISK_FOR_GRUB },
		{ ESP, SLOTS_ESP_BYTES, DISK_FOR_EFI },
		{ "moyai-slot-a", slot_bytes, DISK_FOR_LINUX },
		{ "moyai-slot-b", slot_bytes, DISK_FOR_LINUX },
		{ STATE, 0, DISK_FOR_LINUX },
	};
	AUTO_FREE char *link = device_of(STATE);
	AUTO_FREE char *there = NULL;
	if (slots_disk(&there, err) != 0)
		return -1;
	/* Without the state partition, it is the rest of a removal. */
	if (there != NULL && file_exists(link))
		return 0;
	if (there != NULL && slots_remove(err) != 0)
		return -1;
	if (disk_table_make(disk, SLOTS_PREFIX, parts, COUNT_OF(parts), err) != 0)
		return -1;
	return file_exists(link) ? 0 : err_set(err, "udev made no %s", link);
}

/* ---- file systems, mounts, GRUB ---- */

/* "ext4", "vfat" or NULL for blank: what is on the partition. */
static int filesystem_of(const char *label, char **type, struct err *err)
{
	AUTO_FREE char *device = device_of(label);
	struct signatures found = { 0 };
	if (signatures_read(device, &found, err) != 0)
		return -1;
	/* FAT also shows the boot signature of an MBR. */
	*type = NULL;
	for (size_t i = 0; i < found.count; i++)
		if (strcmp(found.items[i].type, "dos") != 0 && *type == NULL)
			*type = xstrdup(found.items[i].type);
	signatures_free(&found);
	return 0;
}

static bool is_mounted(const char *label, const char *where)
{
	AUTO_FREE char *device = device_of(label);
	struct stat of_device;
	struct stat of_folder;
	return stat(device, &of_device) == 0 && stat(where, &of_folder) == 0 &&
	       of_folder.st_dev == of_device.st_rdev;
}

static int mount_label(const char *label, const char *where, const char *type, unsigned long flags,
		       struct err *err)
{
	AUTO_FREE char *device = device_of(label);
	if (is_mounted(label, where))
		return 0;
	if (file_make_dirs(where, 0700, err) != 0)
		return -1;
	point_pass(where);
	if (mount(device, where, type, flags, NULL) != 0)
		return err_set_errno(err, errno, "mount of %s on %s", device, where);
	point_pass(where);
	return 0;
}

static int unmount(const char *where, struct err *err)
{
	point_pass(where);
	if (umount2(where, UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT)
		return err_set_errno(err, errno, "unmount of %s", where);
	point_pass(where);
	return 0;
}

/* What GRUB was installed with; empty: it was not, or not to its end. */
static int grub_stamp(char hex[HASH_HEX_SIZE], struct err *err)
{
	return hash_file_hex(GRUB_CONFIG, hex, err);
}

static int grub_is_installed(bool *installed, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	char hex[HASH_HEX_SIZE];
	if (grub_stamp(hex, err) != 0)
		return -1;
	*installed = file_exists(STAMP) && file_read(STAMP, 4096, &text, NULL) == 0 &&
		     strcmp(str_text(&text), hex) == 0;
	return 0;
}

int slots_lacks(char **lacks, struct err *err)
{
	static const struct {
		const char *label, *type, *where;
	} wanted[] = { { ESP, "vfat", BOOT_DIR }, { STATE, "ext4", STATE_DIR } };
	bool installed;
	*lacks = NULL;
	for (size_t i = 0; i < COUNT_OF(LABELS); i++) {
		AUTO_FREE char *link = device_of(LABELS[i]);
		if (!file_exists(link)) {
			*lacks = xasprintf("no partition %s", LABELS[i]);
			return 0;
		}
	}
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		AUTO_FREE char *type = NULL;
		if (filesystem_of(wanted[i].label, &type, err) != 0)
			return -1;
		if (!text_equal(type, wanted[i].type)) {
			*lacks = xasprintf("no file system on %s", wanted[i].label);
			return 0;
		}
		if (!is_mounted(wanted[i].label, wanted[i].where)) {
			*lacks = xasprintf("%s is not mounted", wanted[i].label);
			return 0;
		}
	}
	if (grub_is_installed(&installed, err) != 0)
		return -1;
	if (!installed)
		*lacks = xstrdup("no boot loader");
	return 0;
}

/*
 * GRUB's partition is zeros until GRUB is installed, which comes after the state was made and before
 * anything is kept there. So one that begins with nothing known is half made, or was damaged later.
 */
int slots_damage(const char *disk, char **why, struct err *err)
{
	AUTO_FREE char *bios = device_of(BIOS);
	AUTO_FREE char *state = device_of(STATE);
	AUTO_FREE char *type = NULL;
	int64_t at;
	*why = NULL;
	if (!file_exists(bios) || !file_exists(state))
		return 0;
	if (filesystem_of(STATE, &type, err) != 0 || content_find(bios, 0, 0, &at, err) != 0)
		return -1;
	if (type == NULL && at >= 0)
		*why = xasprintf("partition " STATE " was in use, and no file system is recognised "
				 "on it; Moyai does not make one over it; repair it by hand "
				 "(e2fsck -b 32768 %s), or wipe the disk (blkdiscard --force "
				 "--zeroout %s) and begin again with a backup (moyai restore)",
				 state, disk);
	return 0;
}

/* Made once: what holds something is never made again. */
static int make_filesystem(const char *label, const char *type, const char *const *argv,
			   struct err *err)
{
	AUTO_FREE char *there = NULL;
	if (filesystem_of(label, &there, err) != 0)
		return -1;
	if (text_equal(there, type))
		return 0;
	if (there != NULL)
		return err_set(err, "%s holds %s, and not %s", label, there, type);
	const struct run run = { .argv = argv, .timeout_ms = TOOL_TIMEOUT_MS };
	return run_ok(&run, NULL, err) == 0 ? sysfs_settle(err) : -1;
}

static int install_grub(const char *disk, struct err *err)
{
	AUTO_STR struct str config = STR_INIT;
	char hex[HASH_HEX_SIZE];
	bool installed;
	if (grub_is_installed(&installed, err) != 0)
		return -1;
	if (installed)
		return 0;
	if (grub_stamp(hex, err) != 0 || file_read(GRUB_CONFIG, 65536, &config, err) != 0)
		return -1;
	const struct run targets[] = {
		{ .argv = RUN_ARGV("grub-install", "--target=i386-pc", "--boot-directory=" BOOT_DIR,
				   "--install-modules=" GRUB_MODULES " biosdisk",
				   "--locales=", "--fonts=", "--themes=", disk),
		  .timeout_ms = TOOL_TIMEOUT_MS },
		{ .argv = RUN_ARGV("grub-install", "--target=x86_64-efi",
				   "--boot-directory=" BOOT_DIR, "--efi-directory=" BOOT_DIR,
				   "--removable", "--no-nvram", "--no-uefi-secure-boot",
				   "--install-modules=" GRUB_MODULES,
				   "--locales=", "--fonts=", "--themes="),
		  .timeout_ms = TOOL_TIMEOUT_MS },
	};
	point_pass("mount");
	if (mount(NULL, BOOT_DIR, NULL, MS_REMOUNT, NULL) != 0)
		return err_set_errno(err, errno, BOOT_DIR " cannot be written");
	/* Half a boot loader would hang a BIOS; grub-install writes the MBR last. */
	int rc = disk_pass_on(disk, SLOTS_PREFIX, err);
	for (size_t i = 0; i < COUNT_OF(targets) && rc == 0; i++)
		rc = run_ok(&targets[i], NULL, err);
	/* It names modules that are not installed: GRUB would complain of each on the console. */
	if (rc == 0)
		rc = file_remove(BOOT_DIR "/grub/i386-pc/fs.lst", err);
	if (rc == 0)
		rc = file_remove(BOOT_DIR "/grub/x86_64-efi/fs.lst", err);
	if (rc == 0)
		rc = file_write(BOOT_DIR "/grub/grub.cfg", str_text(&config), config.length, 0600,
				err);
	if (rc == 0)
		rc = file_write(STAMP, hex, strlen(hex), 0600, err);
	point_pass("grub/installed");
	if (mount(NULL, BOOT_DIR, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0 && rc == 0)
		rc = err_set_errno(err, errno, BOOT_DIR " cannot be made read-only");
	return rc;
}

int slots_complete(const char *disk, struct err *err)
{
	AUTO_FREE char *esp = device_of(ESP);
	AUTO_FREE char *state = device_of(STATE);
	AUTO_FREE char *damage = NULL;
	if (slots_damage(disk, &damage, err) != 0)
		return -1;
	if (damage != NULL)
		return err_set(err, "%s", damage);
	if (make_filesystem(ESP, "vfat", RUN_ARGV("mkfs.vfat", "-F", "32", "-n", "MOYAI", esp),
			    err) != 0 ||
	    make_filesystem(STATE, "ext4",
			    RUN_ARGV("mke2fs", "-q", "-t", "ext4", "-m", "1", "-L", STATE, state),
			    err) != 0 ||
	    mount_label(ESP, BOOT_DIR, "vfat", 0, err) != 0 ||
	    mount_label(STATE, STATE_DIR, "ext4", MS_NOSUID | MS_NODEV, err) != 0)
		return -1;
	return install_grub(disk, err);
}

/* ---- images ---- */

/* A variable of GRUB's; "" when it is not set. */
static char *variable(const char *lines, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = lines; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == '=')
			return xstrndup(line + length + 1, strcspn(line + length + 1, "\n"));
	}
	return xstrdup("");
}

static int read_variables(struct str *lines, struct err *err)
{
	return run_ok(&(struct run){ .argv = RUN_ARGV(SLOT_TOOL, "get"), .reads_only = 1 }, lines,
		      err);
}

/* "a" or "b": what the next start takes; "" when no slot was ever filled. */
static char *next_slot(const char *lines)
{
	AUTO_FREE char *trial = variable(lines, "trial");
	AUTO_FREE char *tries = variable(lines, "tries");
	if (trial[0] && (strcmp(tries, "1") == 0 || strcmp(tries, "2") == 0))
		return xstrdup(trial);
	return variable(lines, "slot");
}

int slots_image(char **version, struct err *err)
{
	AUTO_STR struct str lines = STR_INIT;
	if (read_variables(&lines, err) != 0)
		return -1;
	AUTO_FREE char *slot = next_slot(str_text(&lines));
	AUTO_FREE char *name = xasprintf("image_%s", slot);
	*version = variable(str_text(&lines), name);
	if ((*version)[0] == '\0') {
		free(*version);
		*version = xstrdup("none");
	}
	return 0;
}

/* The slot this machine runs from, or NULL. */
static const char *running_slot(void)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read("/proc/cmdline", 65536, &text, NULL) != 0)
		return NULL;
	const char *at = strstr(str_text(&text), "moyai.slot=");
	return at == NULL ? NULL : at[strlen("moyai.slot=")] == 'b' ? "b" : "a";
}

/* One file, hashed when it is there. */
static int fetch(const char *folder, const char *url, const char *line, struct err *err)
{
	char name[64];
	char path[520];
	char wanted[HASH_HEX_SIZE];
	char hex[HASH_HEX_SIZE];
	if (sscanf(line, "%63s %519s %64s", name, path, wanted) != 3 || strchr(name, '/'))
		return err_set(err, "\"%s\" is not a file of an image", line);
	AUTO_FREE char *to = xasprintf("%s/%s", folder, name);
	AUTO_FREE char *from = xasprintf("%s%s", url, path);
	const struct run get = { .argv = RUN_ARGV("busybox", "wget", "-q", "-O", to, from),
				 .timeout_ms = TOOL_TIMEOUT_MS };
	if (run_ok(&get, NULL, err) != 0 || hash_file_hex(to, hex, err) != 0)
		return err_context(err, "%s", from);
	if (strcmp(hex, wanted) != 0)
		return err_set(err, "%s: the sha256 of what arrived is %s, the image's is %s", from,
			       hex, wanted);
	return 0;
}

/* Kernel and arguments as GRUB is to start them. Quoted: an argument means only itself. */
static int boot_config(const struct slots_image *image, const char *slot, struct str *out,
		       struct err *err)
{
	str_addf(out, "# moyai: image %s\nif linux /vmlinuz", image->version);
	for (size_t i = 0; i < image->arguments->count; i++) {
		const char *argument = image->arguments->items[i];
		if (strpbrk(argument, "'\n\r"))
			return err_set(err, "the kernel argument %s cannot be written for GRUB",
				       argument);
		str_addf(out, " '%s'", argument);
	}
	/* A panic ends a trial as everything else does. */
	str_addf(out, " panic=10 moyai.slot=%s", slot);
	for (size_t i = 0; i < image->files->count; i++) {
		char name[64];
		char wanted[HASH_HEX_SIZE];
		if (sscanf(image->files->items[i], "%63s %*s %64s", name, wanted) == 2 &&
		    text_ends(name, ".squashfs"))
			str_addf(out, " moyai.layer=%s,%s", name, wanted);
	}
	str_add(out, "; then\n\tif initrd /initrd.img; then boot; fi\nfi\n");
	return 0;
}

static int fill(const char *folder, const struct slots_image *image, const char *slot,
		struct err *err)
{
	AUTO_STR struct str config = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/boot.cfg", folder);
	if (boot_config(image, slot, &config, err) != 0)
		return -1;
	for (size_t i = 0; i < image->files->count; i++)
		if (fetch(folder, image->url, image->files->items[i], err) != 0)
			return -1;
	sync();
	point_pass("boot.cfg");
	return file_write(path, str_text(&config), config.length, 0644, err);
}

/* Made afresh: nothing of an earlier try counts. No journal, for GRUB reads none. */
static int fill_slot(const struct slots_image *image, const char *slot, struct err *err)
{
	AUTO_FREE char *label = xasprintf("moyai-slot-%s", slot);
	AUTO_FREE char *device = device_of(label);
	AUTO_FREE char *folder = xasprintf("/run/moyai/slot-%s", slot);
	const struct run make = { .argv = RUN_ARGV("mke2fs", "-q", "-F", "-t", "ext4", "-O",
						   "^has_journal", "-m", "0", "-L", label, device),
				  .timeout_ms = TOOL_TIMEOUT_MS };
	/* Left mounted by one that was killed. */
	if (unmount(folder, err) != 0 || run_ok(&make, NULL, err) != 0 || sysfs_settle(err) != 0 ||
	    mount_label(label, folder, "ext4", MS_NOSUID | MS_NODEV, err) != 0)
		return -1;
	int rc = fill(folder, image, slot, err);
	struct err late = ERR_INIT;
	if (unmount(folder, &late) != 0 && rc == 0)
		rc = err_set(err, "%s", late.text);
	return rc;
}

int slots_image_make(const struct slots_image *image, struct err *err)
{
	AUTO_STR struct str lines = STR_INIT;
	if (read_variables(&lines, err) != 0)
		return -1;
	AUTO_FREE char *works = variable(str_text(&lines), "slot");
	const char *running = running_slot();
	if (running && works[0] && strcmp(running, works) != 0)
		return err_set(err,
			       "slot %s runs and has not passed its trial, and slot %s is the one "
			       "that is known to work: neither is written over; apply again when "
			       "moyaid serves, or when slot %s runs again",
			       running, works, works);
	/* Never over what runs; from the network, never over what works. */
	const char *keep = running ? running : works;
	const char *slot = strcmp(keep, "a") == 0 ? "b" : "a";
	/* What GRUB might start is first taken out of its hands. */
	if (run_args(err, SLOT_TOOL, "set", "trial=", "tries=0", NULL) != 0 ||
	    fill_slot(image, slot, err) != 0)
		return -1;
	AUTO_FREE char *version = xasprintf("image_%s=%s", slot, image->version);
	AUTO_FREE char *first = xasprintf("slot=%s", slot);
	AUTO_FREE char *trial = xasprintf("trial=%s", slot);
	if (works[0] == '\0')
		return run_args(err, SLOT_TOOL, "set", version, first, NULL);
	return run_args(err, SLOT_TOOL, "set", version, trial, "tries=2", NULL);
}

/* ---- identity ---- */

static const struct {
	const char *from, *name;
	mode_t mode;
} IDENTITY[] = {
	{ "/etc/hostname", "hostname", 0644 },
	{ "/etc/machine-id", "machine-id", 0644 },
	{ "/root/.ssh/authorized_keys", "authorized_keys", 0600 },
	{ "/etc/ssh/ssh_host_ed25519_key", "ssh_host_ed25519_key", 0600 },
	{ "/etc/ssh/ssh_host_ed25519_key.pub", "ssh_host_ed25519_key.pub", 0644 },
	{ NULL, "network", 0644 },
};
enum { IDENTITY_MAX_BYTES = 1024 * 1024 };

static int identity_text(size_t i, const char *network, struct str *text, struct err *err)
{
	if (IDENTITY[i].from)
		return file_read(IDENTITY[i].from, IDENTITY_MAX_BYTES, text, err);
	AUTO_FREE char *mac = sysfs_read("/sys/class/net/boot0/address");
	str_addf(text, "mac=%s\n%s", mac ? mac : "", network);
	return 0;
}

int slots_identity(const char *network, bool *same, struct err *err)
{
	*same = true;
	for (size_t i = 0; i < COUNT_OF(IDENTITY) && *same; i++) {
		AUTO_STR struct str wanted = STR_INIT;
		AUTO_STR struct str there = STR_INIT;
		AUTO_FREE char *path = xasprintf(STATE_DIR "/identity/%s", IDENTITY[i].name);
		if (identity_text(i, network, &wanted, err) != 0)
			return -1;
		*same = file_read(path, IDENTITY_MAX_BYTES, &there, NULL) == 0 &&
			strcmp(str_text(&wanted), str_text(&there)) == 0;
	}
	return 0;
}

int slots_identity_make(const char *network, struct err *err)
{
	if (file_make_dirs(STATE_DIR "/identity", 0700, err) != 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(IDENTITY); i++) {
		AUTO_STR struct str text = STR_INIT;
		AUTO_FREE char *path = xasprintf(STATE_DIR "/identity/%s", IDENTITY[i].name);
		point_pass(path);
		if (identity_text(i, network, &text, err) != 0 ||
		    file_write(path, str_text(&text), text.length, IDENTITY[i].mode, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- the end ---- */

int slots_remove(struct err *err)
{
	AUTO_FREE char *disk = NULL;
	if (is_mounted(STATE, STATE_DIR) && unmount(STATE_DIR, err) != 0)
		return -1;
	if (is_mounted(ESP, BOOT_DIR) && unmount(BOOT_DIR, err) != 0)
		return -1;
	if (slots_disk(&disk, err) != 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(LABELS) && disk; i++)
		if (disk_partition_remove(disk, SLOTS_PREFIX, LABELS[i], err) != 0)
			return -1;
	return 0;
}
