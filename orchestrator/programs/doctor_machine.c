/* SPDX-License-Identifier: GPL-3.0-or-later */
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
#include "daemon/address.h"
#include "daemon/store.h"
#include "model/journal.h"
#include "programs/doctor.h"
#include "programs/ports.h"

/* ---- tools ---- */

/* Programs that are run, looked for as execvp() does, and in the folders of root. */
enum { OPERATOR = 1, MANAGER = 2, SERVER = 4, ANY = OPERATOR | MANAGER };
static const struct tool {
	const char *name, *package, *use;
	unsigned where;
	const char *bmc; /* only where a node has such a BMC; NULL: always */
} TOOLS[] = {
	{ "git", "git", "the site's revisions", ANY, NULL },
	{ "ssh", "openssh-client", "moyai ssh", OPERATOR, NULL },
	{ "dnsmasq", "dnsmasq-base", "network boot", SERVER, NULL },
	{ "/usr/lib/ipxe/undionly.kpxe", "ipxe", "network boot", SERVER, NULL },
	{ "ipmitool", "ipmitool", "BMCs by IPMI", ANY, "ipmi" },
	{ "curl", "curl", "BMCs by Redfish", ANY, "redfish" },
	{ "/lib/systemd/systemd-journal-remote", "systemd-journal-remote", "journals of nodes",
	  MANAGER, NULL },
	{ "mmdebstrap", "mmdebstrap", "image build", OPERATOR, NULL },
	{ "mksquashfs", "squashfs-tools", "image build", OPERATOR, NULL },
	{ "zstd", "zstd", "image build", OPERATOR, NULL },
	{ "cpio", "cpio", "image build", OPERATOR, NULL },
	{ "dpkg-query", "dpkg", "image build", OPERATOR, NULL },
	{ "unshare", "util-linux", "image build", OPERATOR, NULL },
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

/* Who has the manager take over serves no boots any more. */
static unsigned what_it_is(const struct doctor *doctor)
{
	if (doctor->here)
		return MANAGER | SERVER;
	return doctor->takeover.node ? OPERATOR : OPERATOR | SERVER;
}

static bool is_needed(const struct doctor *doctor, const struct tool *tool)
{
	if ((tool->where & what_it_is(doctor)) == 0)
		return false;
	bool needed = tool->bmc == NULL;
	for (size_t i = 0; doctor->site && i < doctor->site->node_count; i++)
		needed = needed || text_equal(doctor->site->nodes[i].bmc.type, tool->bmc);
	return needed;
}

static void check_tools(struct doctor *doctor)
{
	bool all = true;
	for (size_t i = 0; i < COUNT_OF(TOOLS); i++) {
		const struct tool *tool = &TOOLS[i];
		if (!is_needed(doctor, tool) || is_there(tool->name))
			continue;
		all = false;
		AUTO_FREE char *found = xasprintf("%s is missing, for %s", tool->name, tool->use);
		AUTO_FREE char *advice =
			doctor->here ? xasprintf("its image lacks the package %s: moyai image "
						 "build, moyai bootstrap",
						 tool->package)
				     : xasprintf("apt-get install %s", tool->package);
		/* Not every machine serves boots or builds images; each has a site. */
		doctor_add(doctor, doctor->here || i == 0 ? DOCTOR_FAIL : DOCTOR_WARN, "tools",
			   found, advice);
	}
	if (all)
		doctor_add(doctor, DOCTOR_OK, "tools", "all are there", NULL);
}

/* ---- the boot network ---- */

/* A port of the boot server, and who should have it where that runs. */
static const struct port {
	enum ports_type type;
	unsigned port; /* 0: the site says */
	const char *use, *holder, *unit;
	unsigned where;
} PORTS[] = {
	{ PORTS_UDP, 67, "DHCP", "dnsmasq", "moyaid", SERVER },
	{ PORTS_UDP, 69, "TFTP", "dnsmasq", "moyaid", SERVER },
	{ PORTS_TCP, 0, "HTTP", "moyaid", "moyaid", SERVER },
	{ PORTS_TCP, JOURNAL_PORT, "journals", "moyaid", "moyai-journal", MANAGER },
	{ PORTS_UDP, JOURNAL_KERNEL_PORT, "kernels' last lines", "moyaid", "moyai-journal",
	  MANAGER },
};

/* Ours are fine: the boot server itself, and the dnsmasq that it runs. */
static void check_operator_port(struct doctor *doctor, const struct port *port, const char *check,
				const char *who, bool taken, bool serving)
{
	bool ours = text_starts(who, "moyai") || (serving && text_starts(who, port->holder));
	if (!taken) {
		doctor_add(doctor, DOCTOR_OK, check, "free", NULL);
		return;
	}
	AUTO_FREE char *found = xasprintf("taken by %s", *who ? who : "another user's program");
	AUTO_FREE char *advice = xasprintf(
		"end it, or pxe serve cannot answer %s; root sees whose it is", port->use);
	doctor_add(doctor, ours ? DOCTOR_OK : DOCTOR_FAIL, check, found, ours ? NULL : advice);
}

/* On the manager it must not be free either. */
static void check_manager_port(struct doctor *doctor, const struct port *port, const char *check,
			       const char *who, bool taken)
{
	AUTO_FREE char *found =
		xasprintf("%s has it, for %s", *who ? who : "another user's program", port->use);
	if (taken && text_starts(who, port->holder)) {
		doctor_add(doctor, DOCTOR_OK, check, found, NULL);
	} else if (taken) {
		AUTO_FREE char *advice =
			xasprintf("end it: systemctl restart %s needs the port", port->unit);
		doctor_add(doctor, DOCTOR_FAIL, check, found, advice);
	} else {
		AUTO_FREE char *nobody = xasprintf("nobody has it, for %s", port->use);
		AUTO_FREE char *advice = xasprintf("systemctl status %s; journalctl -u %s says why",
						   port->unit, port->unit);
		doctor_add(doctor, DOCTOR_FAIL, check, nobody, advice);
	}
}

static void check_ports(struct doctor *doctor, const char *address)
{
	unsigned boot_port = (unsigned)doctor->site->boot_port;
	bool serving = ports_answers(address, boot_port);
	for (size_t i = 0; i < COUNT_OF(PORTS); i++) {
		const struct port *port = &PORTS[i];
		unsigned number = port->port ? port->port : boot_port;
		AUTO_STR struct str who = STR_INIT;
		AUTO_FREE char *check = xasprintf("port %u", number);
		if ((port->where & what_it_is(doctor)) == 0)
			continue;
		bool taken = ports_taken(port->type, number, &who);
		if (doctor->here)
			check_manager_port(doctor, port, check, str_text(&who), taken);
		else
			check_operator_port(doctor, port, check, str_text(&who), taken, serving);
	}
}

/* Only a machine on the boot network can be the boot server, and only there do ports matter. */
static void check_boot(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	char address[INET_ADDRSTRLEN];
	char interface[IF_NAMESIZE];
	/* Where another machine has taken over, it is asked. */
	if (doctor->site == NULL || doctor->takeover.node)
		return;
	if (boot_address_find(doctor->site, address, interface, &err) != 0) {
		doctor_add(doctor, doctor->here ? DOCTOR_FAIL : DOCTOR_WARN, "boot interface",
			   err.text,
			   doctor->here ? "nobody can boot; systemctl status systemd-networkd, and "
					  "look at the link"
					: "only a machine with one can pxe serve; give it to an "
					  "interface here, or serve elsewhere");
		return;
	}
	AUTO_FREE char *found = xasprintf("%s has %s", interface, address);
	doctor_add(doctor, DOCTOR_OK, "boot interface", found, NULL);
	check_ports(doctor, address);
}

/* ---- clock ---- */

/* A clock before the site's last commit, or before this program was made, is wrong. */
static time_t latest_known(const struct doctor *doctor)
{
	struct stat st;
	time_t latest = stat("/proc/self/exe", &st) == 0 ? st.st_mtime : 0;
	AUTO_STR struct str out = STR_INIT;
	AUTO_FREE char *dir = doctor_git(doctor);
	const struct run run = { .argv = RUN_ARGV("git", "-C", dir, "log", "-1", "--format=%ct",
						  doctor->here ? STORE_MAIN : "HEAD"),
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
		doctor_add(doctor, DOCTOR_WARN, "clock", found,
			   doctor->here ? "give its node a clock: moyai explain clock"
					: "apt-get install chrony");
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
	/* On the manager all is on one partition, and no image is made. */
	if (!doctor->here)
		check_space(doctor, "image space", doctor->options->images_dir, (uint64_t)4 << 30,
			    DOCTOR_WARN);
	if (doctor->state_dir)
		check_space(doctor, "state space", doctor->state_dir, (uint64_t)64 << 20,
			    DOCTOR_FAIL);
}
