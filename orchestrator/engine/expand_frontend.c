/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "engine/expansion.h"
#include "model/print.h"

static void check_served(const struct expansion *of, const struct cluster_group *group)
{
	const struct cluster *cluster = of->cluster;
	const struct role *frontend = role_list_find(&of->site->roles, cluster->frontend.role);
	if (frontend != NULL && !role_is_frontend(frontend))
		mistake_add(
			of->mistakes, group->place,
			"cluster \"%s\": group \"%s\": its nodes start from their frontend, and "
			"the appliance \"%s\" of that serves nobody; write appliance = "
			"\"frontend\" there, or appliance = \"micro\" and boot = \"ram\" here",
			cluster->name, group->name, cluster->frontend.appliance);
}

/* Each group once: by its first node. */
void expand_check_served(const struct expansion *of)
{
	const struct cluster *cluster = of->cluster;
	for (size_t i = 1; i < cluster->guest_count; i++)
		if (cluster->guests[i].group != cluster->guests[i - 1].group &&
		    cluster_starts_from_frontend(&cluster->guests[i]))
			check_served(of, cluster->guests[i].group);
}

/* ---- what it is told ---- */

/* What it is made of: another value makes it anew. */
static void set(struct spec *frontend, const char *key, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s=%s", key, value);
	expansion_set(frontend, "settings", line);
}

/* What it takes up while it runs. */
static void tell(struct spec *frontend, const char *key, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s=%s", key, value);
	expansion_set(frontend, "told", line);
}

/* The folder of a role that is not shipped is not on the frontend. */
static void set_role(const struct expansion *of, struct spec *frontend, const char *name)
{
	const struct role_list *roles = &of->site->roles;
	const struct role *role = role_list_find(roles, name);
	const struct role *shipped = role;
	AUTO_STR struct str text = STR_INIT;
	if (role == NULL)
		return; /* another machine made its image: it is as it is shipped */
	while (shipped != NULL && !shipped->shipped)
		shipped = role_list_find(roles, shipped->extends);
	role_print(role, shipped && shipped != role ? shipped->name : NULL, &text);
	AUTO_FREE char *copy = str_take(&text);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		if (*line == '\0')
			continue;
		AUTO_FREE char *value = xasprintf("%s %s", name, line + strspn(line, "\t"));
		set(frontend, "role", value);
	}
}

static const char *value_of(const struct cluster *cluster, const struct roll *roll,
			    const struct roll_parameter *parameter)
{
	for (size_t i = 0; i < cluster->parameter_count; i++) {
		const struct cluster_parameter *said = &cluster->parameters[i];
		if (strcmp(said->roll, roll->name) == 0 && strcmp(said->name, parameter->name) == 0)
			return said->value;
	}
	return parameter->fallback;
}

static void tell_rolls(const struct expansion *of, struct spec *frontend)
{
	const struct cluster *cluster = of->cluster;
	for (size_t i = 0; i < cluster->rolls.count; i++) {
		const struct roll *roll = roll_list_find(&of->site->rolls, cluster->rolls.items[i]);
		set(frontend, "roll", roll->name);
		for (size_t j = 0; j < roll->parameter_count; j++) {
			AUTO_FREE char *value =
				xasprintf("%s %s %s", roll->name, roll->parameters[j].name,
					  value_of(cluster, roll, &roll->parameters[j]));
			tell(frontend, "parameter", value);
		}
	}
}

/* True when it starts from the frontend. */
static bool tell_node(const struct expansion *of, struct spec *frontend, size_t index)
{
	const struct cluster_guest *node = &of->cluster->guests[index];
	const struct allocated_guest *made = &of->made->guests[index];
	const struct cluster_group *group = node->group;
	bool served = cluster_starts_from_frontend(node);
	AUTO_FREE char *value =
		xasprintf("%s %s %s %" PRIu64 " %" PRIu64 " %s%s%s", node->name, made->mac,
			  made->address, group->vcpus, group->memory >> 20, group->boot,
			  served ? " " : "", served ? group->role : "");
	tell(frontend, "node", value);
	return served;
}

void expand_told(const struct expansion *of, struct site_node *host, struct spec *frontend)
{
	const struct cluster *cluster = of->cluster;
	AUTO_LIST struct text_list serves = TEXT_LIST_INIT;
	set(frontend, "cluster", cluster->name);
	set(frontend, "domain", of->site->domain);
	set(frontend, "mirror", of->site->mirror);
	for (size_t i = 0; i < of->site->nameservers.count; i++)
		tell(frontend, "nameserver", of->site->nameservers.items[i]);
	for (size_t i = 0; i < cluster->authorized_keys.count; i++)
		tell(frontend, "key", cluster->authorized_keys.items[i]);
	tell_rolls(of, frontend);
	for (size_t i = 1; i < cluster->guest_count; i++) {
		const struct cluster_group *group = cluster->guests[i].group;
		if (!tell_node(of, frontend, i) || text_list_has(&serves, group->role))
			continue;
		text_list_add(&serves, group->role);
		expansion_set(frontend, "serves", group->role);
		expand_appliance(of, host, group);
	}
	for (size_t i = 0; i < serves.count; i++)
		set_role(of, frontend, serves.items[i]);
}
