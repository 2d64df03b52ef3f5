/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/read.h"

/*
 * What rolls, packages and files add to an appliance is a role, which extends it: with an image as any
 * other, and one for all clusters that ask for the same. It is called APPLIANCE-with-ROLLS, with a
 * digest of the packages and of where the files are behind it, or of all when that is too long for a name.
 */
enum { NAME_MAX_LENGTH = 63, APPLIANCE_MAX_LENGTH = 48, DIGEST_LENGTH = 8 };

/* One group of guests at work. */
struct composition {
	const struct cluster *cluster;
	struct cluster_group *group;
	const struct roll *rolls[64]; /* that add something to it; a cluster has no more */
	size_t roll_count;
	char *files; /* clusters/CLUSTER/GROUP, whose files/ is laid over it; NULL: there is none */
};

static bool is_frontend(const struct composition *of)
{
	return of->group == &of->cluster->frontend;
}

static const struct roll_part *part_of(const struct composition *of, const struct roll *roll)
{
	return is_frontend(of) ? &roll->frontend : &roll->compute;
}

static char *folder_of(const struct composition *of, const struct roll *roll)
{
	return xasprintf("%s/%s", roll->folder, is_frontend(of) ? "frontend" : "compute");
}

static void find_rolls(const struct reader *reader, struct composition *of)
{
	const struct text_list *names = &of->cluster->rolls;
	for (size_t i = 0; i < names->count && of->roll_count < COUNT_OF(of->rolls); i++) {
		const struct roll *roll = roll_list_find(&reader->site->rolls, names->items[i]);
		if (roll == NULL || roll->broken)
			continue;
		AUTO_FREE char *folder = folder_of(of, roll);
		AUTO_FREE char *files = xasprintf("%s/files", folder);
		const struct roll_part *part = part_of(of, roll);
		if (part->packages.count > 0 || part->services.count > 0 || file_is_dir(files))
			of->rolls[of->roll_count++] = roll;
	}
}

static void find_files(const struct reader *reader, struct composition *of)
{
	AUTO_FREE char *folder = xasprintf("%s/" CLUSTER_FOLDER "/%s/%s", reader->dir,
					   of->cluster->name, of->group->name);
	AUTO_FREE char *files = xasprintf("%s/files", folder);
	if (of->group->name != NULL && file_is_dir(files))
		of->files = xstrdup(folder);
}

static void add_digest(const char *of, struct str *name)
{
	char hex[HASH_HEX_SIZE] = "";
	hash_bytes_hex(of, strlen(of), hex, NULL);
	str_addf(name, "-%.*s", (int)DIGEST_LENGTH, hex);
}

static char *name_of(const struct composition *of)
{
	AUTO_STR struct str name = STR_INIT;
	AUTO_STR struct str more = STR_INIT;
	AUTO_LIST struct text_list sorted = TEXT_LIST_INIT;
	str_addf(&name, "%s-with", of->group->appliance);
	for (size_t i = 0; i < of->roll_count; i++)
		str_addf(&name, "-%s", of->rolls[i]->name);
	text_list_copy(&sorted, &of->group->packages);
	text_list_sort(&sorted);
	for (size_t i = 0; i < sorted.count; i++)
		str_addf(&more, "%s\n", sorted.items[i]);
	if (of->files != NULL)
		str_addf(&more, "files of %s/%s\n", of->cluster->name, of->group->name);
	if (more.length > 0)
		add_digest(str_text(&more), &name);
	if (name.length <= NAME_MAX_LENGTH)
		return str_take(&name);
	AUTO_STR struct str shorter = STR_INIT;
	str_addf(&shorter, "%.*s-with", APPLIANCE_MAX_LENGTH, of->group->appliance);
	add_digest(str_text(&name), &shorter);
	return str_take(&shorter);
}

/* A roll that is added last adds its accounts to those that were there: their numbers stay. */
static void add_phase(struct role *role, const struct text_list *packages)
{
	AUTO_STR struct str line = STR_INIT;
	for (size_t i = 0; i < packages->count; i++)
		str_addf(&line, "%s%s", i ? " " : "", packages->items[i]);
	if (packages->count > 0)
		text_list_add(&role->phases, str_text(&line));
}

static void lay_rolls(const struct composition *of, struct role *role)
{
	AUTO_STR struct str doc = STR_INIT;
	str_addf(&doc, "%s, with", of->group->appliance);
	for (size_t i = 0; i < of->roll_count; i++) {
		const struct roll_part *part = part_of(of, of->rolls[i]);
		struct role layer = { .packages = part->packages, .enable = part->services };
		role_lay_over(role, &layer); /* copies */
		add_phase(role, &part->packages);
		text_list_take(&role->folders, folder_of(of, of->rolls[i]));
		str_addf(&doc, "%s %s", i ? "," : "", of->rolls[i]->name);
	}
	const struct role packages = { .packages = of->group->packages };
	role_lay_over(role, &packages);
	add_phase(role, &of->group->packages);
	if (of->group->packages.count > 0)
		str_addf(&doc, "%s %zu packages", of->roll_count ? ", and" : "",
			 of->group->packages.count);
	if (of->files != NULL) {
		text_list_add(&role->folders, of->files);
		str_addf(&doc, "%s files of the cluster %s",
			 of->roll_count || of->group->packages.count ? ", and" : "",
			 of->cluster->name);
	}
	free(role->doc);
	role->doc = str_take(&doc);
}

static struct place place_of_additions(const struct composition *of)
{
	if (of->group->packages.count > 0)
		return place_of(of->group->place, "packages");
	return of->roll_count > 0 ? place_of(of->cluster->place, "rolls") : of->group->place;
}

static bool same_list(const struct text_list *a, const struct text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_list_has(b, a->items[i]))
			return false;
	return true;
}

/* Another cluster has asked for the same. Rolls "a-b" and "a", "b" are called alike. */
static bool is_same(const struct role *a, const struct role *b)
{
	return a->composed && text_equal(a->extends, b->extends) &&
	       same_list(&a->folders, &b->folders) && same_list(&a->packages, &b->packages) &&
	       same_list(&a->enable, &b->enable);
}

static bool may_be_composed(struct reader *reader, const struct composition *of,
			    const struct role *base)
{
	AUTO_FREE char *group = xasprintf("group \"%s\"", of->group->name);
	AUTO_FREE char *what = xasprintf("cluster \"%s\": %s", of->cluster->name,
					 is_frontend(of) ? "frontend" : group);
	const char *appliance = of->group->appliance;
	struct place place = place_of_additions(of);
	if (base == NULL)
		mistake_add(
			reader->mistakes, place,
			"%s: there is no role \"%s\" that rolls, packages or files could be added "
			"to; "
			"write roles/%s, or another appliance",
			what, appliance, appliance);
	else if (base->initramfs.count > 0)
		mistake_add(reader->mistakes, place,
			    "%s: the appliance \"%s\" is all in its initramfs, which takes no "
			    "rolls, packages or files; choose another one, or take them out",
			    what, appliance);
	else
		return true;
	return false;
}

/* The role itself, unless another group has made it. */
static void make_role(struct reader *reader, const struct composition *of)
{
	struct role_list *list = &reader->site->roles;
	const struct cluster *cluster = of->cluster;
	const struct cluster_group *group = of->group;
	const struct role *base = role_list_find(list, group->appliance);
	const struct role *twin = role_list_find(list, group->role);
	if (!cluster_is_wanted(cluster) || !may_be_composed(reader, of, base))
		return;
	struct role role;
	role_init(&role, group->role);
	role_lay_over(&role, base);
	free(role.extends); /* the base's own */
	role.extends = xstrdup(base->name);
	text_list_copy(&role.folders, &base->folders);
	add_phase(&role, &base->packages);
	lay_rolls(of, &role);
	role.place = group->place;
	role.broken = base->broken;
	role.composed = true;
	if (twin == NULL) {
		role_list_take(list, &role);
		return;
	}
	if (!is_same(twin, &role))
		mistake_add(reader->mistakes, place_of_additions(of),
			    "cluster \"%s\": what %s \"%s\" has with its rolls and packages is "
			    "called \"%s\", and so is %s; rename a roll, or that one",
			    cluster->name, is_frontend(of) ? "the frontend's" : "appliance",
			    group->appliance, group->role,
			    twin->composed ? "something else" : "a role of the site");
	role_free(&role);
}

static void refuse_golden(struct reader *reader, const struct composition *of, struct place place,
			  const char *what)
{
	mistake_add(reader->mistakes, place,
		    "cluster \"%s\": group \"%s\": %s: nodes with boot = \"golden\" have what the "
		    "golden disk has; install them there and take them out here",
		    of->cluster->name, of->group->name, what);
}

static void compose(struct reader *reader, const struct cluster *cluster,
		    struct cluster_group *group)
{
	struct composition of = { .cluster = cluster, .group = group };
	if (group->appliance == NULL)
		return; /* a mistake already */
	bool golden = text_equal(group->boot, "golden");
	find_files(reader, &of);
	if (!golden)
		find_rolls(reader, &of);
	else if (group->packages.count > 0)
		refuse_golden(reader, &of, place_of(group->place, "packages"), "packages");
	else if (of.files != NULL)
		refuse_golden(reader, &of, group->place, "files");
	bool plain =
		golden || (of.roll_count == 0 && group->packages.count == 0 && of.files == NULL);
	group->role = plain ? xstrdup(group->appliance) : name_of(&of);
	if (!plain)
		make_role(reader, &of);
	free(of.files);
}

void compose_roles(struct reader *reader)
{
	struct site *site = reader->site;
	for (size_t i = 0; i < site->cluster_count; i++) {
		struct cluster *cluster = &site->clusters[i];
		compose(reader, cluster, &cluster->frontend);
		for (size_t j = 0; j < cluster->group_count; j++)
			compose(reader, cluster, &cluster->groups[j]);
	}
}
