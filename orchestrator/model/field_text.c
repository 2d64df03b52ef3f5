/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/utf8.h"
#include "model/field.h"
#include "model/ip.h"
#include "model/ipv4.h"

enum { TEXT_LIMIT = 4096, LABEL_LIMIT = 63 };

/* Every parse_X() returns the canonical text for the caller to own, or NULL with err. */
static char *parse_text(const struct field *field, const char *text, struct err *err)
{
	size_t length = strlen(text);
	uint64_t max = field->max ? field->max : TEXT_LIMIT;
	if (utf8_valid_length(text, length) != length) {
		err_set(err, "is not UTF-8; save the file as UTF-8");
		return NULL;
	}
	if (length < field->min) {
		if (length == 0)
			err_set(err, "is empty; write something or leave it out");
		else
			err_set(err, "has %zu characters; at least %llu", length,
				(unsigned long long)field->min);
		return NULL;
	}
	if (length > max) {
		err_set(err, "has %zu characters; at most %llu", length, (unsigned long long)max);
		return NULL;
	}
	return xstrdup(text);
}

static char *parse_name(const struct field *field, const char *text, struct err *err)
{
	size_t length = strlen(text);
	uint64_t max = field->max ? field->max : LABEL_LIMIT;
	bool valid = length > 0 && text[0] != '-' && text[length - 1] != '-';
	for (size_t i = 0; i < length; i++)
		valid = valid && (islower((unsigned char)text[i]) ||
				  isdigit((unsigned char)text[i]) || text[i] == '-');
	if (!valid) {
		err_set(err,
			"\"%.80s\" is not a name; write a-z, 0-9 and \"-\", beginning and ending "
			"with a letter or digit",
			text);
		return NULL;
	}
	if (length > max) {
		err_set(err, "\"%.80s\" has %zu characters; at most %llu", text, length,
			(unsigned long long)max);
		return NULL;
	}
	return xstrdup(text);
}

static char *parse_path(const char *text, struct err *err)
{
	size_t length = strlen(text);
	bool valid = text[0] == '/' && length <= TEXT_LIMIT && strstr(text, "//") == NULL &&
		     strstr(text, "/../") == NULL && !text_ends(text, "/..");
	for (size_t i = 0; i < length; i++)
		valid = valid && !iscntrl((unsigned char)text[i]);
	if (!valid || utf8_valid_length(text, length) != length) {
		err_set(err,
			"\"%.80s\" is not an absolute path; begin with \"/\", without \"..\", "
			"\"//\" or control characters",
			text);
		return NULL;
	}
	return xstrdup(text);
}

static char *parse_choice(const struct field *field, const char *text, struct err *err)
{
	size_t length = strlen(text);
	const char *word = field->choices;
	AUTO_STR struct str list = STR_INIT;
	while (*word) {
		size_t size = strcspn(word, " ");
		if (size == length && memcmp(word, text, size) == 0)
			return xstrdup(text);
		str_addf(&list, "%s\"%.*s\"", list.length ? ", " : "", (int)size, word);
		word += size + (word[size] == ' ');
	}
	err_set(err, "\"%.80s\" is not one of the choices; write one of %s", text, str_text(&list));
	return NULL;
}

static char *parse_address(const char *text, struct err *err)
{
	uint32_t address;
	if (!ipv4_parse(text, &address)) {
		err_set(err, "\"%.80s\" is not an IPv4 address; write it like \"10.0.20.5\"", text);
		return NULL;
	}
	return ipv4_text(address);
}

static char *parse_cidr(const char *text, struct err *err)
{
	struct ipv4_network network;
	if (!ipv4_parse_network(text, &network)) {
		err_set(err,
			"\"%.80s\" is not an IPv4 network with prefix length; write it like "
			"\"10.0.20.0/24\"",
			text);
		return NULL;
	}
	AUTO_FREE char *address = ipv4_text(network.address);
	return xasprintf("%s/%u", address, network.prefix);
}

static char *parse_ip(const char *text, struct err *err)
{
	struct ip ip;
	if (ip_parse(text, &ip))
		return ip_text(&ip);
	err_set(err, "\"%.80s\" is not an IP address; write it like \"10.0.20.5\" or \"fd00::5\"",
		text);
	return NULL;
}

static char *parse_subnet(const char *text, struct err *err)
{
	struct ip_subnet subnet;
	if (ip_parse_subnet(text, &subnet))
		return ip_subnet_text(&subnet);
	err_set(err,
		"\"%.80s\" is not an IP network with prefix length; write it like "
		"\"10.0.20.0/24\" or \"fd00:20::/64\"",
		text);
	return NULL;
}

static char *parse_mac(const char *text, struct err *err)
{
	char mac[18];
	bool valid = strlen(text) == 17;
	for (size_t i = 0; valid && i < 17; i++) {
		if (i % 3 == 2) {
			valid = text[i] == ':' || text[i] == '-';
			mac[i] = ':';
		} else {
			valid = isxdigit((unsigned char)text[i]) != 0;
			mac[i] = (char)tolower((unsigned char)text[i]);
		}
	}
	if (!valid) {
		err_set(err, "\"%.80s\" is not a MAC address; write it like \"52:54:00:00:00:01\"",
			text);
		return NULL;
	}
	mac[17] = '\0';
	/* IEEE 802: the lowest bit of the first octet marks a group of stations. */
	if ((strtoul((char[]){ mac[0], mac[1], '\0' }, NULL, 16) & 1) ||
	    strcmp(mac, "00:00:00:00:00:00") == 0) {
		err_set(err, "\"%s\" is no address of one interface; write the interface's own",
			mac);
		return NULL;
	}
	return xstrdup(mac);
}

static int parse_number(const char *text, uint64_t *number, struct err *err)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0)
		return err_set(err, "\"%.80s\" is not a whole number", text);
	*number = value;
	return 0;
}

static void add_quantity(const struct field *field, uint64_t value, struct str *out)
{
	if (field->type == FIELD_BYTES)
		size_print(value, out);
	else if (field->type == FIELD_SECONDS)
		duration_print(value, out);
	else
		str_addf(out, "%llu", (unsigned long long)value);
}

static int check_limits(const struct field *field, uint64_t value, struct err *err)
{
	if (value == FIELD_UNSET)
		return err_set(err, "is too large");
	if ((field->min == 0 && field->max == 0) || (value >= field->min && value <= field->max))
		return 0;
	AUTO_STR struct str is = STR_INIT;
	AUTO_STR struct str limit = STR_INIT;
	bool small = value < field->min;
	add_quantity(field, value, &is);
	add_quantity(field, small ? field->min : field->max, &limit);
	return err_set(err, "%s is too %s; at %s %s", str_text(&is), small ? "small" : "large",
		       small ? "least" : "most", str_text(&limit));
}

static int set_quantity(const struct field *field, void *object, const char *text, struct err *err)
{
	uint64_t value;
	int failed = field->type == FIELD_BYTES	    ? size_parse(text, &value, err)
		     : field->type == FIELD_SECONDS ? duration_parse(text, &value, err)
						    : parse_number(text, &value, err);
	if (failed != 0 || check_limits(field, value, err) != 0)
		return -1;
	*(uint64_t *)(void *)((char *)object + field->offset) = value;
	return 0;
}

static int set_bool(const struct field *field, void *object, const char *text, struct err *err)
{
	bool value = strcmp(text, "true") == 0;
	if (!value && strcmp(text, "false") != 0)
		return err_set(err, "\"%.80s\" is neither true nor false", text);
	*(int *)(void *)((char *)object + field->offset) = value;
	return 0;
}

static char *parse(const struct field *field, const char *text, struct err *err)
{
	switch (field->type) {
	case FIELD_NAME:
		return parse_name(field, text, err);
	case FIELD_PATH:
		return parse_path(text, err);
	case FIELD_CHOICE:
		return parse_choice(field, text, err);
	case FIELD_ADDRESS:
		return parse_address(text, err);
	case FIELD_CIDR:
		return parse_cidr(text, err);
	case FIELD_IP:
		return parse_ip(text, err);
	case FIELD_SUBNET:
		return parse_subnet(text, err);
	case FIELD_MAC:
		return parse_mac(text, err);
	default:
		return parse_text(field, text, err);
	}
}

/* min and max of a list count its items; those are any text. */
static int add_item(const struct field *field, void *object, const char *text, struct err *err)
{
	const struct field any = { .name = field->name, .type = FIELD_TEXT };
	struct text_list *list = (void *)((char *)object + field->offset);
	if (field->max && list->count >= field->max)
		return err_set(err, "has more than %llu items", (unsigned long long)field->max);
	char *item = parse_text(&any, text, err);
	if (item == NULL)
		return -1;
	text_list_take(list, item);
	return 0;
}

int field_set_text(const struct field *field, void *object, const char *text, struct err *err)
{
	if (field->type == FIELD_LIST)
		return add_item(field, object, text, err);
	if (field->type == FIELD_BOOL)
		return set_bool(field, object, text, err);
	if (field->type > FIELD_MAC)
		return set_quantity(field, object, text, err);
	char *value = parse(field, text, err);
	if (value == NULL)
		return -1;
	char **to = (void *)((char *)object + field->offset);
	free(*to);
	*to = value;
	return 0;
}
