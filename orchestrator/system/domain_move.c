/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/domain_move.h"

#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "system/library.h"

/* clang-format off */
#define FUNCTIONS(F) \
	F(xmlReadMemory) F(xmlDocGetRootElement) F(xmlGetProp) F(xmlSetProp) F(xmlNodeGetContent) \
	F(xmlDocCopyNode) F(xmlReplaceNode) F(xmlFreeNode) F(xmlFreeDoc) F(xmlDocDumpMemory)
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

static xmlNode *child(const xmlNode *node, const char *name)
{
	for (xmlNode *at = node ? node->children : NULL; at; at = at->next)
		if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
			return at;
	return NULL;
}

static xmlDoc *read(const char *text)
{
	return xml.xmlReadMemory(text, (int)strlen(text), NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

static int set_epoch(const xmlNode *root, uint64_t epoch, struct err *err)
{
	const xmlNode *metadata = child(root, "metadata");
	AUTO_FREE char *text = xasprintf("%" PRIu64, epoch);
	for (xmlNode *at = metadata ? metadata->children : NULL; at; at = at->next)
		if (at->type == XML_ELEMENT_NODE && at->ns != NULL &&
		    strcmp((const char *)at->ns->href, DOMAIN_MARK_URI) == 0) {
			xml.xmlSetProp(at, (const xmlChar *)"epoch", (const xmlChar *)text);
			return 0;
		}
	return err_set(err, "it has no mark of ours");
}

/* Whichever way it is attached there; what the guest sees of it, with its address, stays. */
static int set_disk(xmlNode *disk, const char *device, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	domain_print_disk(device, 0, &text);
	xmlDoc *other = read(str_text(&text));
	xmlNode *root = other ? xml.xmlDocGetRootElement(other) : NULL;
	xmlNode *source = child(root, "source");
	xmlNode *old = child(disk, "source");
	if (source == NULL || old == NULL) {
		xml.xmlFreeDoc(other);
		return err_set(err, "one of its disks has no source");
	}
	xmlChar *type = xml.xmlGetProp(root, (const xmlChar *)"type");
	xml.xmlSetProp(disk, (const xmlChar *)"type", type);
	free(type);
	xml.xmlReplaceNode(old, xml.xmlDocCopyNode(source, disk->doc, 1));
	xml.xmlFreeNode(old);
	xml.xmlFreeDoc(other);
	return 0;
}

/* "moyai-disk-2": the second one; 0: it is an image's file. */
static size_t number_of(const xmlNode *disk)
{
	xmlNode *serial = child(disk, "serial");
	AUTO_FREE char *text = serial ? (char *)xml.xmlNodeGetContent(serial) : NULL;
	return text && text_starts(text, DOMAIN_DISK_SERIAL)
		       ? (size_t)strtoul(text + strlen(DOMAIN_DISK_SERIAL), NULL, 10)
		       : 0;
}

static int set_disks(const xmlNode *root, const struct text_list *disks, struct err *err)
{
	const xmlNode *devices = child(root, "devices");
	size_t count = 0;
	for (xmlNode *at = devices ? devices->children : NULL; at; at = at->next) {
		size_t number =
			at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, "disk") == 0
				? number_of(at)
				: 0;
		if (number == 0)
			continue;
		count++;
		if (number > disks->count)
			break;
		if (set_disk(at, disks->items[number - 1], err) != 0)
			return -1;
	}
	return count == disks->count
		       ? 0
		       : err_set(err, "it has other disks than it should; moyai apply comes first");
}

int domain_moved(const char *text, uint64_t epoch, const struct text_list *disks, char **moved,
		 struct err *err)
{
	if (load(err) != 0)
		return -1;
	xmlDoc *doc = read(text);
	const xmlNode *root = doc ? xml.xmlDocGetRootElement(doc) : NULL;
	int rc = root ? set_epoch(root, epoch, err)
		      : err_set(err, "what libvirt says of it is not XML");
	if (rc == 0)
		rc = set_disks(root, disks, err);
	if (rc == 0) {
		xmlChar *dumped = NULL;
		int size;
		xml.xmlDocDumpMemory(doc, &dumped, &size);
		*moved = (char *)dumped; /* libxml2's memory is malloc's */
	}
	if (doc != NULL)
		xml.xmlFreeDoc(doc);
	return rc;
}
