/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/text_check.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Nothing but letters, digits and `more`, and at least one of them. */
static bool consists_of(const char *text, const char *more)
{
	size_t length = 0;
	for (const char *at = text; *at; at++, length++)
		if (strchr(LETTERS, *at) == NULL && strchr(more, *at) == NULL)
			return false;
	return length > 0;
}

bool text_is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return length > 0 && length <= 63 && text[length] == '\0' && text[0] != '-' &&
	       text[length - 1] != '-';
}

bool text_is_domain(const char *text)
{
	while (*text) {
		size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
		if (length == 0 || length > 63 || text[0] == '-' || text[length - 1] == '-')
			return false;
		text += length;
		if (*text == '\0')
			return true;
		if (*text++ != '.')
			return false;
	}
	return false;
}

static bool is_printable(const char *text, const char *but_not)
{
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr(but_not, *at))
			return false;
	return true;
}

bool text_is_url(const char *text)
{
	const char *host = text_starts(text, "http://")	   ? text + 7
			   : text_starts(text, "https://") ? text + 8
							   : NULL;
	return host != NULL && isalnum((unsigned char)host[0]) &&
	       is_printable(text, "\"'`\\<>|{}[]^$;()");
}

bool text_is_package(const char *text)
{
	size_t length = strlen(text);
	/* "foo-" tells apt to remove foo. */
	return length >= 2 && length <= 128 && strchr(LOWER, text[0]) != NULL &&
	       text[length - 1] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == length;
}

bool text_is_console(const char *text)
{
	return strlen(text) <= 64 && isalpha((unsigned char)text[0]) && consists_of(text, ",");
}

bool text_is_serial(const char *text)
{
	return strlen(text) <= 64 && text[0] != '-' && consists_of(text, "-_.:+");
}

bool text_is_module(const char *text)
{
	return strlen(text) <= 64 && text[0] != '-' && consists_of(text, "_-");
}

bool text_is_unit(const char *text)
{
	const char *dot = strrchr(text, '.');
	return strlen(text) <= 200 && text[0] != '-' && text[0] != '.' && dot != NULL &&
	       dot[1] != '\0' && consists_of(text, ":-_.@\\");
}

bool text_is_forwarding(const char *text)
{
	bool of_interfaces =
		text_starts(text, "net.ipv4.conf.") || text_starts(text, "net.ipv6.conf.");
	return strcmp(text, "net.ipv4.ip_forward") == 0 ||
	       (of_interfaces &&
		(text_ends(text, ".forwarding") || text_ends(text, ".force_forwarding")));
}

bool text_is_parameter(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && strchr(TEXT_PARAMETER_SIGNS, *text) == NULL)
			return false;
	return true;
}

bool text_is_argument(const char *text)
{
	/* It stands in a line of an iPXE script, where these are more than text. */
	bool ipxe = text[0] == '#' || strcmp(text, "||") == 0 || strcmp(text, "&&") == 0 ||
		    strstr(text, "${") != NULL;
	return text[0] != '\0' && !ipxe && is_printable(text, "\"'\\");
}

static int base64_value(char c)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(DIGITS, c) : NULL;
	return at ? (int)(at - DIGITS) : -1;
}

/* Decode at most `room` bytes from the front; false when it is not base64. */
static bool base64_front(const char *text, size_t length, uint8_t *out, size_t room, size_t *got)
{
	uint32_t bits = 0;
	unsigned held = 0;
	*got = 0;
	if (length % 4 != 0)
		return false;
	while (length > 0 && text[length - 1] == '=' && length % 4 != 2)
		length--;
	for (size_t i = 0; i < length; i++) {
		int value = base64_value(text[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (*got < room)
			out[(*got)++] = (uint8_t)(bits >> held);
	}
	return true;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(text, words[i]))
			return true;
	return false;
}

bool text_is_needed_unit(const char *text)
{
	/* networkctl speaks to networkd by D-Bus; links under /dev are udev's. */
	static const char *const UNITS[] = { "ssh.service",	      "sshd.service",
					     "dbus.service",	      "dbus.socket",
					     "systemd-udevd.service", "systemd-networkd.service" };
	return is_one_of(text, UNITS, COUNT_OF(UNITS));
}

bool text_is_interface(const char *text)
{
	size_t length = strlen(text);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
			return false;
	return length > 0 && length <= 15 && text[0] != '.';
}

const char *text_interface_refusal(const char *name)
{
	static const char *const EVERYWHERE[] = { "boot0", "lo" };
	/* Folders of /proc/sys/net/ipv4/conf that stand for all interfaces. */
	static const char *const KERNEL[] = { "all", "default" };
	if (is_one_of(name, EVERYWHERE, COUNT_OF(EVERYWHERE)))
		return "that is the name of an interface every node has; choose another";
	if (is_one_of(name, KERNEL, COUNT_OF(KERNEL)))
		return "the kernel refuses that name for an interface; choose another";
	/* systemd takes it for the index of an interface. */
	if (name[strspn(name, "0123456789")] == '\0')
		return "a number is no name for an interface; begin with a letter";
	return NULL;
}

bool text_is_ssh_key(const char *text)
{
	static const char *const TYPES[] = { "ssh-ed25519",
					     "ssh-rsa",
					     "ecdsa-sha2-nistp256",
					     "ecdsa-sha2-nistp384",
					     "ecdsa-sha2-nistp521",
					     "sk-ssh-ed25519@openssh.com",
					     "sk-ecdsa-sha2-nistp256@openssh.com" };
	size_t type = strcspn(text, " ");
	bool known = false;
	for (size_t i = 0; i < COUNT_OF(TYPES); i++)
		known = known || (strlen(TYPES[i]) == type && strncmp(text, TYPES[i], type) == 0);
	if (!known || text[type] != ' ')
		return false;
	const char *key = text + type + 1;
	size_t length = strcspn(key, " ");
	for (const char *at = key + length; *at; at++)
		if ((unsigned char)*at < 32 || *at == 127)
			return false;
	/* RFC 4253, 6.6: the blob begins with its type as a string. */
	uint8_t front[64];
	size_t got;
	if (!base64_front(key, length, front, sizeof(front), &got) || got < 4 + type + 4)
		return false;
	return front[0] == 0 && front[1] == 0 && front[2] == 0 && front[3] == type &&
	       memcmp(front + 4, text, type) == 0;
}
