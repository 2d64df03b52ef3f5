/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/domain.h"

#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "system/library.h"

#define SETTINGS "opt/org.moyai/settings"
#define TOLD "opt/org.moyai/told"
#define RETRY_MS "10000"

void domain_free(struct domain *domain)
{
	free(domain->name);
	free(domain->site);
	free(domain->boot);
	free(domain->kernel);
	free(domain->initrd);
	free(domain->arguments);
	free(domain->state);
	free(domain->secrets);
	text_list_free(&domain->disks);
	text_list_free(&domain->files);
	text_list_free(&domain->interfaces);
	text_list_free(&domain->settings);
	text_list_free(&domain->told);
	*domain = (struct domain){ 0 };
}

/* ---- print ---- */

static void add_part(struct str *out, const char *text, size_t length)
{
	for (const char *end = text + length; text < end; text++) {
		switch (*text) {
		case '&':
			str_add(out, "&amp;");
			break;
		case '<':
			str_add(out, "&lt;");
			break;
		case '>':
			str_add(out, "&gt;");
			break;
		case '\'':
			str_add(out, "&apos;");
			break;
		default:
			str_add_bytes(out, text, 1);
		}
	}
}

static void add_text(struct str *out, const char *text)
{
	add_part(out, text, strlen(text));
}

static void add_element(struct str *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	str_addf(out, "<%s>", name);
	add_text(out, text);
	str_addf(out, "</%s>", name);
}

/*
 * Emulated, one processor to which none could be added: QEMU (7.2) then leaves the guest's memory barriers
 * out, and a virtio queue stands still at times. tests/emulation.sh has more.
 */
static void add_processors(const struct domain *domain, struct str *out)
{
	if (domain->emulated && domain->vcpus == 1)
		str_add(out, "<vcpu current='1'>2</vcpu>");
	else
		str_addf(out, "<vcpu>%" PRIu64 "</vcpu>", domain->vcpus);
}

static void add_boot(const struct domain *domain, struct str *out)
{
	str_add(out, "<os><type arch='x86_64' machine='q35'>hvm</type>");
	add_element(out, "kernel", domain->kernel);
	add_element(out, "initrd", domain->initrd);
	add_element(out, "cmdline", domain->arguments);
	/* While nobody answers and the disk holds nothing, again. */
	if (text_equal(domain->boot, "network"))
		str_add(out, "<boot dev='network'/><bios rebootTimeout='" RETRY_MS "'/>");
	if (!text_equal(domain->boot, "appliance"))
		str_add(out, "<boot dev='hd'/>");
	str_add(out, "</os>");
}

/* vda … vdz, vdaa … */
static void add_target(size_t index, struct str *out)
{
	str_add(out, "<target dev='vd");
	if (index >= 26)
		str_addf(out, "%c", (char)('a' + index / 26 - 1));
	str_addf(out, "%c' bus='virtio'/>", (char)('a' + index % 26));
}

/*
 * What a guest writes is on the disk when it is told so, and what it discards is free again. When the
 * disk is away for longer than its session waits, the guest is paused: nothing of what it wrote is
 * lost, and it goes on when the disk is there again.
 */
#define DISK_DRIVER                                                                                \
	"<driver name='qemu' type='raw' cache='none' discard='unmap' error_policy='stop' "         \
	"rerror_policy='stop'/>"

/* "PORTAL IQN USER INITIATOR": QEMU's own initiator. */
static void add_iscsi(const char *words, struct str *out)
{
	AUTO_FREE char *copy = xstrdup(words);
	char *rest = copy;
	char *portal = strsep(&rest, " ");
	const char *iqn = strsep(&rest, " ");
	const char *user = strsep(&rest, " ");
	char *port = strrchr(portal, ':');
	if (rest == NULL || port == NULL)
		return; /* derive() makes no such line */
	*port++ = '\0';
	str_addf(out,
		 "<disk type='network' device='disk'>" DISK_DRIVER
		 "<source protocol='iscsi' name='%s/0'><host name='%s' port='%s'/>"
		 "<initiator><iqn name='%s'/></initiator><auth username='%s'>"
		 "<secret type='iscsi' usage='" DOMAIN_SECRET "%s'/></auth></source>",
		 iqn, portal, port, rest, user, iqn);
}

void domain_print_disk(const char *device, size_t index, struct str *out)
{
	if (text_starts(device, DOMAIN_ISCSI)) {
		add_iscsi(device + strlen(DOMAIN_ISCSI), out);
	} else {
		str_add(out, "<disk type='block' device='disk'>" DISK_DRIVER "<source dev='");
		add_text(out, device);
		str_add(out, "'/>");
	}
	add_target(index, out);
	str_addf(out, "<serial>" DOMAIN_DISK_SERIAL "%zu</serial></disk>", index + 1);
}

/* Of an image: other guests have it too, so its owner stays as it is. */
static void add_file(const char *line, size_t index, struct str *out)
{
	size_t serial = strcspn(line, " ");
	str_add(out,
		"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='");
	add_text(out, line + serial + (line[serial] == ' '));
	str_add(out, "'><seclabel model='dac' relabel='no'/></source>");
	add_target(index, out);
	str_add(out, "<readonly/><serial>");
	add_part(out, line, serial);
	str_add(out, "</serial></disk>");
}

static void add_interface(const char *line, struct str *out)
{
	size_t bridge = strcspn(line, " ");
	const char *mac = line + bridge + (line[bridge] == ' ');
	size_t length = strcspn(mac, " ");
	const char *address = mac[length] == ' ' ? mac + length + 1 : NULL;
	str_add(out, "<interface type='bridge'><source bridge='");
	add_part(out, line, bridge);
	str_add(out, "'/><mac address='");
	add_part(out, mac, length);
	str_add(out, "'/><model type='virtio'/>");
	if (address != NULL) {
		str_add(out, "<filterref filter='clean-traffic'><parameter name='IP' value='");
		add_text(out, address);
		str_add(out, "'/></filterref>");
	} else {
		str_add(out, "<filterref filter='no-mac-spoofing'/>");
	}
	str_add(out, "</interface>");
}

/* In base64: what XML has to escape, libvirt (9.0) hands to QEMU as it is escaped. */
static void add_lines(const struct text_list *list, struct str *out)
{
	AUTO_STR struct str lines = STR_INIT;
	gnutls_datum_t coded;
	for (size_t i = 0; i < list->count; i++)
		str_addf(&lines, "%s\n", list->items[i]);
	const gnutls_datum_t plain = { (unsigned char *)lines.data, (unsigned)lines.length };
	if (lines.length == 0 || gnutls_base64_encode2(&plain, &coded) != 0)
		return;
	str_add_bytes(out, coded.data, coded.size);
	gnutls_free(coded.data);
}

static void add_entry(const char *name, const struct text_list *list, struct str *out)
{
	if (list->count == 0)
		return;
	str_addf(out, "<entry name='%s'>", name);
	add_lines(list, out);
	str_add(out, "</entry>");
}

static void add_settings(const struct domain *domain, struct str *out)
{
	if (domain->settings.count + domain->told.count == 0)
		return;
	str_add(out, "<sysinfo type='fwcfg'>");
	add_entry(SETTINGS, &domain->settings, out);
	add_entry(TOLD, &domain->told, out);
	str_add(out, "</sysinfo>");
}

void domain_print_told(const struct text_list *told, struct str *xml)
{
	str_add(xml, "<lines>");
	add_lines(told, xml);
	str_add(xml, "</lines>");
}

/*
 * Emulated, without what is fast on a real processor and slow there: copies by single bytes, vectors of
 * 256 bits, page tables of five levels. A boot takes about a fifth less processor time: tests/emulation.sh.
 */
static const char EMULATED[] =
	"<cpu mode='maximum'><feature policy='disable' name='erms'/>"
	"<feature policy='disable' name='fsrm'/><feature policy='disable' name='avx'/>"
	"<feature policy='disable' name='avx2'/><feature policy='disable' name='la57'/></cpu>";

void domain_print(const struct domain *domain, struct str *out)
{
	str_addf(out, "<domain type='%s'>", domain->emulated ? "qemu" : "kvm");
	add_element(out, "name", domain->name);
	str_add(out, "<metadata><moyai:guest xmlns:moyai='" DOMAIN_MARK_URI "' site='");
	add_text(out, domain->site);
	str_addf(out, "' epoch='%" PRIu64 "'/></metadata><memory unit='b'>%" PRIu64 "</memory>",
		 domain->epoch, domain->memory_bytes);
	add_processors(domain, out);
	add_settings(domain, out);
	add_boot(domain, out);
	str_addf(out,
		 "<features><acpi/></features>%s<on_poweroff>destroy</on_poweroff>"
		 "<on_reboot>restart</on_reboot><on_crash>destroy</on_crash><devices>",
		 domain->emulated ? EMULATED : "<cpu mode='host-model'/>");
	for (size_t i = 0; i < domain->disks.count; i++)
		domain_print_disk(domain->disks.items[i], i, out);
	for (size_t i = 0; i < domain->files.count; i++)
		add_file(domain->files.items[i], domain->disks.count + i, out);
	for (size_t i = 0; i < domain->interfaces.count; i++)
		add_interface(domain->interfaces.items[i], out);
	if (domain->told.count > 0)
		str_add(out, "<channel type='unix'><target type='virtio' "
			     "name='org.qemu.guest_agent.0'/></channel>");
	str_add(out, "<serial type='pty'/><rng model='virtio'><backend model='random'>/dev/urandom"
		     "</backend></rng></devices></domain>");
}

/* ---- parse ---- */

/* clang-format off */
#define FUNCTIONS(F) \
	F(xmlReadMemory) F(xmlDocGetRootElement) F(xmlGetProp) F(xmlNodeGetContent) F(xmlFreeDoc)
/* clang-format on */
static struct {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
} xml;

static int load(struct err *err)
{
#define ENTRY(function) { #function, &xml.function },
	static const struct library_function ALL[] = { FUNCTIONS(ENTRY){ NULL, NULL } };
	return library_load("libxml2.so.2", ALL, err);
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
	for (const xmlNode *at = node ? node->children : NULL; at; at = at->next)
		if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
			return at;
	return NULL;
}

/* libxml2's memory is malloc's, and what is not there is NULL. */
static char *attribute(const xmlNode *node, const char *name)
{
	return node ? (char *)xml.xmlGetProp((xmlNode *)node, (const xmlChar *)name) : NULL;
}

static char *content(const xmlNode *node)
{
	return node ? (char *)xml.xmlNodeGetContent(node) : NULL;
}

static uint64_t take_number(char *text)
{
	uint64_t number = text ? strtoull(text, NULL, 10) : 0;
	free(text);
	return number;
}

static bool has_value(const xmlNode *node, const char *name, const char *value)
{
	AUTO_FREE char *text = attribute(node, name);
	return text_equal(text, value);
}

/* The element of the metadata that is ours by its name space. */
static const xmlNode *metadata_of(const xmlNode *root, const char *uri)
{
	const xmlNode *metadata = child(root, "metadata");
	for (const xmlNode *at = metadata ? metadata->children : NULL; at; at = at->next)
		if (at->type == XML_ELEMENT_NODE && at->ns != NULL &&
		    strcmp((const char *)at->ns->href, uri) == 0)
			return at;
	return NULL;
}

static void read_mark(const xmlNode *root, struct domain *domain)
{
	const xmlNode *mark = metadata_of(root, DOMAIN_MARK_URI);
	domain->site = attribute(mark, "site");
	domain->epoch = take_number(attribute(mark, "epoch"));
}

static void read_boot(const xmlNode *os, struct domain *domain)
{
	bool network = false;
	for (const xmlNode *at = os ? os->children : NULL; at; at = at->next)
		network = network || (at->type == XML_ELEMENT_NODE &&
				      strcmp((const char *)at->name, "boot") == 0 &&
				      has_value(at, "dev", "network"));
	domain->kernel = content(child(os, "kernel"));
	domain->initrd = content(child(os, "initrd"));
	domain->arguments = content(child(os, "cmdline"));
	domain->boot = xstrdup(domain->kernel ? "appliance" : network ? "network" : "disk");
}

static void read_interface(const xmlNode *node, struct domain *domain)
{
	AUTO_FREE char *bridge = attribute(child(node, "source"), "bridge");
	AUTO_FREE char *mac = attribute(child(node, "mac"), "address");
	const xmlNode *filter = child(node, "filterref");
	AUTO_FREE char *name = attribute(filter, "filter");
	AUTO_FREE char *address = attribute(child(filter, "parameter"), "value");
	AUTO_STR struct str line = STR_INIT;
	str_addf(&line, "%s %s", bridge ? bridge : "?", mac ? mac : "?");
	if (text_equal(name, "clean-traffic"))
		str_addf(&line, " %s", address ? address : "?");
	else if (!text_equal(name, "no-mac-spoofing"))
		str_add(&line, " unfiltered");
	text_list_add(&domain->interfaces, str_text(&line));
}

/* As add_iscsi() was told; what is not known of it is "?". */
static char *read_iscsi(const xmlNode *source)
{
	const xmlNode *host = child(source, "host");
	AUTO_FREE char *name = attribute(source, "name");
	AUTO_FREE char *address = attribute(host, "name");
	AUTO_FREE char *port = attribute(host, "port");
	AUTO_FREE char *user = attribute(child(source, "auth"), "username");
	AUTO_FREE char *initiator = attribute(child(child(source, "initiator"), "iqn"), "name");
	if (name != NULL && text_ends(name, "/0"))
		name[strlen(name) - strlen("/0")] = '\0';
	return xasprintf(DOMAIN_ISCSI "%s:%s %s %s %s", address ? address : "?", port ? port : "?",
			 name ? name : "?", user ? user : "?", initiator ? initiator : "?");
}

/* A file that we did not give it is as a device that is not known. */
static void read_disk(const xmlNode *node, struct domain *domain)
{
	AUTO_FREE char *device = attribute(child(node, "source"), "dev");
	AUTO_FREE char *file = attribute(child(node, "source"), "file");
	AUTO_FREE char *serial = content(child(node, "serial"));
	if (has_value(child(node, "source"), "protocol", "iscsi"))
		text_list_take(&domain->disks, read_iscsi(child(node, "source")));
	else if (file != NULL && serial != NULL && child(node, "readonly") != NULL)
		text_list_take(&domain->files, xasprintf("%s %s", serial, file));
	else
		text_list_add(&domain->disks, device ? device : "?");
}

static void read_devices(const xmlNode *devices, struct domain *domain)
{
	for (const xmlNode *at = devices ? devices->children : NULL; at; at = at->next) {
		if (at->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp((const char *)at->name, "interface") == 0)
			read_interface(at, domain);
		if (strcmp((const char *)at->name, "disk") != 0)
			continue;
		read_disk(at, domain);
	}
}

static void read_lines(const xmlNode *from, struct text_list *list)
{
	AUTO_FREE char *text = content(from);
	gnutls_datum_t plain;
	const gnutls_datum_t coded = { (unsigned char *)text,
				       text ? (unsigned)strcspn(text, "\n") : 0 };
	if (coded.size == 0 || gnutls_base64_decode2(&coded, &plain) != 0)
		return;
	AUTO_FREE char *lines = xstrndup((const char *)plain.data, plain.size);
	gnutls_free(plain.data);
	for (char *at = lines; *at;) {
		size_t length = strcspn(at, "\n");
		text_list_take(list, xstrndup(at, length));
		at += length + (at[length] == '\n');
	}
}

/* What it was told last, or when it started. */
static void read_settings(const xmlNode *root, struct domain *domain)
{
	const xmlNode *sysinfo = child(root, "sysinfo");
	const xmlNode *told = metadata_of(root, DOMAIN_TOLD_URI);
	for (const xmlNode *at = sysinfo ? sysinfo->children : NULL; at; at = at->next) {
		if (at->type != XML_ELEMENT_NODE)
			continue;
		if (has_value(at, "name", SETTINGS))
			read_lines(at, &domain->settings);
		if (has_value(at, "name", TOLD) && told == NULL)
			read_lines(at, &domain->told);
	}
	read_lines(told, &domain->told);
}

/* libvirt writes KiB, whatever it was given. */
static uint64_t read_memory(const xmlNode *memory)
{
	return take_number(content(memory)) * 1024;
}

/* Of as many as it could have. */
static uint64_t read_processors(const xmlNode *vcpu)
{
	uint64_t current = take_number(attribute(vcpu, "current"));
	return current > 0 ? current : take_number(content(vcpu));
}

int domain_parse(const char *text, struct domain *domain, struct err *err)
{
	struct domain read = { 0 };
	if (load(err) != 0)
		return -1;
	xmlDoc *document =
		xml.xmlReadMemory(text, (int)strlen(text), "domain", NULL,
				  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (document == NULL)
		return err_set(err, "libvirt's description of a domain is not XML");
	const xmlNode *root = xml.xmlDocGetRootElement(document);
	read.name = content(child(root, "name"));
	read.emulated = has_value(root, "type", "qemu");
	read.memory_bytes = read_memory(child(root, "memory"));
	read.vcpus = read_processors(child(root, "vcpu"));
	read_mark(root, &read);
	read_boot(child(root, "os"), &read);
	read_settings(root, &read);
	read_devices(child(root, "devices"), &read);
	xml.xmlFreeDoc(document);
	*domain = read;
	return 0;
}
