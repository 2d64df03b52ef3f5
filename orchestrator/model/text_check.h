/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_TEXT_CHECK_H
#define MODEL_TEXT_CHECK_H
#include <stdbool.h>
/* Texts that end up in files and commands of the image, checked for their form. */
bool text_is_domain(const char *text);	/* "demo.example": DNS labels with dots */
bool text_is_name(const char *text);	/* a DNS label, as FIELD_NAME is */
bool text_is_url(const char *text);	/* http or https, printable, no blanks */
bool text_is_package(const char *text); /* Debian policy 5.6.1 */
bool text_is_console(const char *text); /* "ttyS0,115200" */
bool text_is_serial(const char *text);	/* of a disk: "moyai-disk-1" */
bool text_is_module(const char *text);	/* "8021q" */
bool text_is_unit(const char *text);	/* "ssh.service" */
#define TEXT_PARAMETER_SIGNS "._:/,@+=~-"
/* Of a roll: letters, digits and those signs, or nothing at all: a file or a shell takes it for no more. */
bool text_is_parameter(const char *text);
bool text_is_argument(const char *text); /* no blanks, no quotes, nothing but text to iPXE */
/* A sysctl by which a machine forwards: ip_forward, and `forwarding` of all interfaces or of one. */
bool text_is_forwarding(const char *text);
/* Units without which Moyai neither reaches nor changes a node: never stopped, never masked. */
bool text_is_needed_unit(const char *text);
/* Whether an interface can be called so: 15 characters at most, as the kernel wants it. */
bool text_is_interface(const char *text);
/* Why no interface of ours may be called so, ready for a message; NULL: it may. */
const char *text_interface_refusal(const char *name);
/* One line of authorized_keys(5) without options: "ssh-ed25519 AAAA… comment";
   the type inside the base64 is the one in front of it. */
bool text_is_ssh_key(const char *text);
#endif
