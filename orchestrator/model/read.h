/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_READ_H
#define MODEL_READ_H
#include <libconfig.h>

#include "model/kind.h"
/*
 * From libconfig's settings to structs, by their field tables. Internal to the
 * model: nothing else includes libconfig.
 */
struct reader {
	const char *dir;       /* the site directory */
	const char *share_dir; /* the shipped roles are in its roles/ */
	struct site *site;
	struct mistakes *mistakes;
	size_t in_values;     /* mistakes of read_check(): what has them can be looked at further */
	const char *file;     /* the file being read; borrowed from site->files */
	const char *seen;     /* libconfig's name of the last included file… */
	const char *included; /* …and ours */
};

/*
 * Guard and parse. `text` NULL: read the file; names are relative to the site
 * directory or absolute. True when config holds the settings; it is to be
 * destroyed in any case.
 */
bool read_config(struct reader *reader, const char *name, const char *text, size_t length,
		 config_t *config);
struct place read_place(struct reader *reader, const config_setting_t *setting);
/* Of a group, with the places of its values: those of the table. */
struct place read_places(struct reader *reader, const config_setting_t *group,
			 const struct field *fields);

/* Keys of a group that are no fields. True: known, and it has been dealt with. */
struct read_more {
	bool (*key)(struct reader *, const config_setting_t *member, void *context);
	const char *names; /* "addresses boot", for suggestions */
	bool sections;	   /* lists of resources may stand here too */
	void *context;
};

/* Read all members by the table; returns the number of mistakes made. `what`
   begins each message: `node "vm1"`, or "". */
size_t read_group(struct reader *reader, const config_setting_t *group, const struct field *fields,
		  void *object, const char *what, const struct read_more *more);

/* What a text, or each text of a list, has to be. */
struct read_rule {
	const char *key;
	bool (*is_valid)(const char *);
	const char *right; /* what to write */
};
extern const struct read_rule READ_CONSOLE, READ_ROOT, READ_FIRMWARE;
/* Mistakes of values of the right type, where they stand. */
void read_check(struct reader *reader, const config_setting_t *group, const struct read_rule *rule,
		const char *what);

/* True when it is a list (of what, the caller looks). Adds a mistake when not. */
bool read_is_list(struct reader *reader, const config_setting_t *setting, const char *what);
/* Likewise a group. */
bool read_is_group(struct reader *reader, const config_setting_t *setting, const char *what);

/* `what` for messages: `KIND "NAME"`, or `KIND 3` when it has no name. The caller frees. */
char *read_what(const config_setting_t *group, const char *kind, unsigned index);

/* The kind whose section the key is, or NULL. */
const struct kind_spec *read_section(const char *key);
/* Append the resources of a section. */
void read_resources(struct reader *reader, const config_setting_t *section,
		    const struct kind_spec *kind, struct spec_list *wants);

/* read_site.c */
void read_site(struct reader *reader, const config_setting_t *root);
/* read_images.c: which nodes boot another image than the newest; after the nodes. */
void read_images(struct reader *reader);
/* read_role.c: the roles of all nodes, and those in the site's own folder. */
void read_roles(struct reader *reader);
/* And those of the clusters' appliances that are there: an appliance is a name, of which another
   machine may have the image. Once nodes, clusters and rolls are read; nodes get their roles. */
void read_appliances(struct reader *reader);
/* compose.c: the roles of guests whose cluster adds rolls or packages to their appliance. */
void compose_roles(struct reader *reader);
/* read_cluster.c: clusters/NAME.cfg, and the guests that they come to. */
void read_clusters(struct reader *reader);
/* NAME of each NAME.cfg in a folder of the site, sorted. */
void read_stems(struct reader *reader, const char *folder, struct text_list *stems);
/* read_roll.c: the rolls of all clusters, and those in the site's own folder. */
void read_rolls(struct reader *reader);
/* read_allocation.c: allocations/NAME.cfg, after the clusters. */
void read_allocations(struct reader *reader);
/* check_bmc.c */
void check_bmcs(const struct site *site, struct mistakes *mistakes);
/* check_node.c */
void check_consents(const struct site *site, struct mistakes *mistakes);
void check_kernel_arguments(const struct site *site, struct mistakes *mistakes);
/* check.c */
void check_site(struct site *site, struct mistakes *mistakes);
#endif
