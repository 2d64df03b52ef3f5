/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "base/size.h"
#include "programs/doctor.h"
#include "programs/ports.h"

/* ---- tools ---- */

/* Programs that are run, looked for as execvp() does, and in the folders of root. */
static const struct tool {
	const char *name, *package, *use;
} TOOLS[] = {
	{ "git", "git", "the site's revisions" },
	{ "ssh", "openssh-client", "moyai ssh" },
	{ "dnsmasq", "dnsmasq-base", "pxe serve" },
	{ "/usr/lib/ipxe/undionly.kpxe", "ipxe", "pxe serve" },
	{ "mmdebstrap", "mmdebstrap", "image build" },
	{ "mksquashfs", "squashfs-tools", "image build" },
	{ "zstd", "zstd", "image build" },
	{ "cpio", "cpio", "image build" },
	{ "dpkg-query", "dpkg", "image build" },
	{ "unshare", "util-linux", "image build" },
};

static bool is_there(const char *name)
{
	const char *path = getenv("PATH");
	if (name[0] == '/')
		return file_exists(name);
	AUTO_FREE char *folders = xasprintf("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	for (char *rest = folders, *folder; (folder = strsep(&rest, ":"));) {
		AUTO_FREE char *file = xasprintf("%s/%s", folder, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_tools(struct doctor *doctor)
{
	bool all = true;
	for (size_t i = 0; i < COUNT_OF(TOOLS); i++) {
		const struct tool *tool = &TOOLS[i];
		if (is_there(tool->name))
			continue;
		all = false;
		AUTO_FREE char *found = xasprintf("%s is missing, for %s", tool->name, tool->use);
		AUTO_FREE char *advice = xasprintf("apt-get install %s", tool->package);
		/* Not every machine serves boots or builds images; each has a site. */
		doctor_add(doctor, i == 0 ? DOCTOR_FAIL : DOCTOR_WARN, "tools", found, advice);
	}
	if (all)
		doctor_add(doctor, DOCTOR_OK, "tools", "all are there", NULL);
}

/* ---- the boot network ---- */

static bool has_address(const char *address, struct str *interface)
{
	struct ifaddrs *all;
	bool found = false;
	struct in_addr wanted;
	if (inet_pton(AF_INET, address, &wanted) != 1 || getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next) {
		struct sockaddr_in own;
		if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&own, at->ifa_addr, sizeof(own));
		found = own.sin_addr.s_addr == wanted.s_addr;
		if (found)
			str_add(interface, at->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

/* Ours are fine: the boot server itself, and the dnsmasq that it runs. */
static void check_port(struct doctor *doctor, enum ports_type type, unsigned port, const char *use)
{
	AUTO_STR struct str who = STR_INIT;
	AUTO_FREE char *check = xasprintf("port %u", port);
	if (!ports_taken(type, port, &who)) {
		doctor_add(doctor, DOCTOR_OK, check, "free", NULL);
		return;
	}
	bool serving = ports_answers(doctor->site->boot_server, (unsigned)doctor->site->boot_port);
	bool ours = text_starts(str_text(&who), "moyai") ||
		    (serving && text_starts(str_text(&who), "dnsmasq"));
	AUTO_FREE char *found =
		xasprintf("taken by %s", who.length ? str_text(&who) : "another user's program");
	AUTO_FREE char *advice =
		xasprintf("end it, or pxe serve cannot answer %s; root sees whose it is", use);
	doctor_add(doctor, ours ? DOCTOR_OK : DOCTOR_FAIL, check, found, ours ? NULL : advice);
}

/* Only a machine with the address of the boot server can be one, and only there do ports matter. */
static void check_boot(struct doctor *doctor)
{
	const struct site *site = doctor->site;
	AUTO_STR struct str interface = STR_INIT;
	if (site == NULL)
		return;
	if (!has_address(site->boot_server, &interface)) {
		AUTO_FREE char *found =
			xasprintf("no interface has boot.server's address, %s", site->boot_server);
		doctor_add(doctor, DOCTOR_WARN, "boot interface", found,
			   "only a machine with it can pxe serve; give it to an interface here, or "
			   "serve elsewhere");
		return;
	}
	AUTO_FREE char *found = xasprintf("%s has %s", str_text(&interface), site->boot_server);
	doctor_add(doctor, DOCTOR_OK, "boot interface", found, NULL);
	check_port(doctor, PORTS_UDP, 67, "DHCP");
	check_port(doctor, PORTS_UDP, 69, "TFTP");
	check_port(doctor, PORTS_TCP, (unsigned)site->boot_port, "HTTP");
}

/* ---- clock ---- */

/* A clock before the site's last commit, or before this program was made, is wrong. */
static time_t latest_known(const struct doctor *doctor)
{
	struct stat st;
	time_t latest = stat("/proc/self/exe", &st) == 0 ? st.st_mtime : 0;
	AUTO_STR struct str out = STR_INIT;
	const struct run run = { .argv = RUN_ARGV("git", "-C", doctor->options->site_dir, "log",
						  "-1", "--format=%ct"),
				 .reads_only = 1 };
	if (run_ok(&run, &out, NULL) == 0) {
		time_t commit = (time_t)strtoll(str_text(&out), NULL, 10);
		latest = commit > latest ? commit : latest;
	}
	return latest;
}

static void check_clock(struct doctor *doctor)
{
	struct timex state = { 0 };
	char text[32];
	time_t now = time(NULL);
	time_t known = latest_known(doctor);
	struct tm tm;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	/* An hour for two machines that do not agree, years for a battery that is empty. */
	if (now + 3600 < known) {
		AUTO_FREE char *found = xasprintf("%s is before the site's last commit", text);
		doctor_add(doctor, DOCTOR_FAIL, "clock", found,
			   "set the clock; certificates and package indexes are refused otherwise");
	} else if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC)) {
		AUTO_FREE char *found = xasprintf("%s, and nothing keeps it right", text);
		doctor_add(doctor, DOCTOR_WARN, "clock", found, "apt-get install chrony");
	} else {
		doctor_add(doctor, DOCTOR_OK, "clock", text, NULL);
	}
}

/* ---- disk space ---- */

static void check_space(struct doctor *doctor, const char *check, const char *path, uint64_t needed,
			enum doctor_level level)
{
	struct statvfs fs;
	AUTO_FREE char *at = xstrdup(path);
	/* What is not there yet will be made below its parent. */
	while (statvfs(at, &fs) != 0) {
		char *slash = strrchr(at, '/');
		if (slash == NULL || slash == at)
			return;
		*slash = '\0';
	}
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
	AUTO_STR struct str found = STR_INIT;
	size_print_short(left, &found);
	str_addf(&found, " free for %s", path);
	AUTO_STR struct str advice = STR_INIT;
	str_add(&advice, "make room: at least ");
	size_print(needed, &advice);
	doctor_add(doctor, left < needed ? level : DOCTOR_OK, check, str_text(&found),
		   left < needed ? str_text(&advice) : NULL);
}

void doctor_machine(struct doctor *doctor)
{
	check_tools(doctor);
	check_boot(doctor);
	check_clock(doctor);
	check_space(doctor, "image space", doctor->options->images_dir, (uint64_t)4 << 30,
		    DOCTOR_WARN);
	if (doctor->state_dir)
		check_space(doctor, "state space", doctor->state_dir, (uint64_t)64 << 20,
			    DOCTOR_FAIL);
}
