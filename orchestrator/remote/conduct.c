/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/conduct.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "remote/pool.h"

/* Connections kept open between plan and apply; more are opened again. */
enum { KEEP_MAX = 256 };

struct fleet_threads {
	pthread_mutex_t lock; /* the graph, the slots, the events */
	pthread_cond_t free_slot;
	pthread_cond_t ended; /* an applying thread ended */
	pthread_cond_t *wake; /* per host: perhaps there is a step to start */
	unsigned slots;	      /* hosts that may still become busy */
	size_t running;	      /* applying threads */
	size_t kept;	      /* connections */
	size_t answered;      /* hosts, of this phase */
	size_t phase_hosts;
	size_t *done_steps; /* per host */
	bool keep;
	size_t first; /* host that index 0 of the pool stands for */
	void (*work)(struct host *, const struct remote_options *);
	const struct str *request;
};

static bool stopped(const struct fleet *fleet)
{
	return fleet->options->stop && __atomic_load_n(fleet->options->stop, __ATOMIC_ACQUIRE);
}

/* ---- events: always under the lock ---- */

static void emit(struct fleet *fleet, const struct conduct_event *event)
{
	if (fleet->event)
		fleet->event(fleet->context, event);
}

static void emit_messages(struct fleet *fleet, struct host *host)
{
	const char *at = host->messages.data;
	while (at && *at) {
		AUTO_STR struct str line = STR_INIT;
		size_t length = strcspn(at, "\n");
		utf8_add_visible(&line, at, length);
		emit(fleet, &(struct conduct_event){ .type = CONDUCT_MESSAGE,
						     .node = host->name,
						     .text = str_text(&line) });
		at += length + (at[length] == '\n');
	}
	str_clear(&host->messages);
}

static void emit_step(struct fleet *fleet, enum conduct_event_type type, size_t index,
		      const char *text)
{
	const struct graph_step *step = &fleet->graph.steps[index];
	const struct graph_node *node = &fleet->graph.nodes[step->node];
	emit(fleet, &(struct conduct_event){
			    .type = type,
			    .node = node->name,
			    .kind = step->kind,
			    .id = step->id,
			    .action = step->action,
			    .text = text,
			    .done = fleet->threads->done_steps[step->node],
			    .total = node->end - node->first,
		    });
}

/* ---- opening ---- */

/* A thousand connections are a thousand descriptors; the usual limit is 1024. */
static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void add_host(struct fleet *fleet, const struct site_node *node, bool outside_limit)
{
	fleet->hosts = xrealloc(fleet->hosts, fleet->count + 1, sizeof(*fleet->hosts));
	fleet->hosts[fleet->count++] = (struct host){
		.node = node,
		.name = node->name,
		.outside_limit = outside_limit,
	};
}

int fleet_open(struct fleet *fleet, const struct remote_options *options,
	       const struct text_list *names, struct err *err)
{
	struct fleet open = { .options = options };
	for (size_t i = 0; i < names->count; i++) {
		const struct site_node *node = site_find_node(options->site, names->items[i]);
		if (node == NULL) {
			free(open.hosts);
			return err_set(err, "there is no node \"%s\"", names->items[i]);
		}
		add_host(&open, node, false);
	}
	raise_file_limit();
	open.chosen = open.count;
	open.event = fleet->event;
	open.context = fleet->context;
	open.threads = xcalloc(1, sizeof(*open.threads));
	pthread_mutex_init(&open.threads->lock, NULL);
	pthread_cond_init(&open.threads->free_slot, NULL);
	pthread_cond_init(&open.threads->ended, NULL);
	*fleet = open;
	return 0;
}

void fleet_close(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		host_free(&fleet->hosts[i]);
	free(fleet->hosts);
	graph_free(&fleet->graph);
	if (fleet->threads) {
		pthread_mutex_destroy(&fleet->threads->lock);
		pthread_cond_destroy(&fleet->threads->free_slot);
		pthread_cond_destroy(&fleet->threads->ended);
		free(fleet->threads);
	}
	*fleet = (struct fleet){ 0 };
}

size_t fleet_failed(const struct fleet *fleet)
{
	size_t failed = 0;
	for (size_t i = 0; i < fleet->chosen; i++)
		failed += fleet->hosts[i].failed != NULL;
	return failed;
}

/* ---- a phase on every host ---- */

static void phase_work(void *context, size_t index)
{
	struct fleet *fleet = context;
	struct fleet_threads *threads = fleet->threads;
	struct host *host = &fleet->hosts[threads->first + index];
	if (stopped(fleet)) {
		host_fail(host, "interrupted");
	} else {
		pthread_mutex_lock(&threads->lock);
		emit(fleet, &(struct conduct_event){ .type = CONDUCT_BUSY, .node = host->name });
		pthread_mutex_unlock(&threads->lock);
		if (threads->request)
			host_run(host, fleet->options, threads->request);
		else
			threads->work(host, fleet->options);
	}
	pthread_mutex_lock(&threads->lock);
	threads->answered++;
	bool keep = threads->keep && host->step_count > 0 && threads->kept < KEEP_MAX;
	threads->kept += keep && host->link;
	emit_messages(fleet, host);
	emit(fleet, &(struct conduct_event){ .type = host->failed ? CONDUCT_LOST : CONDUCT_ANSWERED,
					     .node = host->name,
					     .text = host->failed,
					     .done = threads->answered,
					     .total = threads->phase_hosts });
	pthread_mutex_unlock(&threads->lock);
	if (!keep)
		host_disconnect(host);
}

static int phase(struct fleet *fleet, size_t first, bool keep, const struct str *request,
		 void (*work)(struct host *, const struct remote_options *), struct err *err)
{
	struct fleet_threads *threads = fleet->threads;
	threads->first = first;
	threads->keep = keep;
	threads->answered = 0;
	threads->phase_hosts = fleet->count - first;
	threads->work = work;
	threads->request = request;
	return pool_run(fleet->count - first, fleet->options->parallel, phase_work, fleet, err);
}

int fleet_each(struct fleet *fleet, void (*work)(struct host *, const struct remote_options *),
	       struct err *err)
{
	return phase(fleet, 0, false, NULL, work, err);
}

int fleet_run(struct fleet *fleet, const struct str *request, struct err *err)
{
	return phase(fleet, 0, false, request, NULL, err);
}

/* ---- plan ---- */

/* A node that was taken out of the site is no more asked whether it has let go of something: nobody
   could answer for it. */
static void forget_strangers(const struct fleet *fleet, struct host *host)
{
	for (size_t s = 0; s < host->step_count; s++) {
		struct refs *needs = &host->steps[s].needs;
		for (size_t n = needs->count; n-- > 0;)
			if (needs->items[n].gone &&
			    site_find_node(fleet->options->site, needs->items[n].node) == NULL)
				refs_drop(needs, n);
	}
}

static void make_graph(struct fleet *fleet)
{
	const struct text_list *maintained = fleet->options->left_alone;
	graph_free(&fleet->graph);
	for (size_t i = 0; i < fleet->count; i++) {
		struct host *host = &fleet->hosts[i];
		forget_strangers(fleet, host);
		size_t node = graph_add_node(&fleet->graph, host->name, host->outside_limit,
					     host->failed);
		fleet->graph.nodes[node].off = host->off;
		fleet->graph.nodes[node].maintained =
			host->outside_limit && maintained && text_list_has(maintained, host->name);
		for (size_t s = 0; s < host->step_count; s++) {
			const struct remote_step *step = &host->steps[s];
			graph_add_step(&fleet->graph, step->action, step->kind, step->id,
				       step->digest, step->refused, &step->needs);
		}
	}
}

struct silent {
	struct fleet *fleet;
	size_t *hosts;
	size_t count;
};

static void ask_power(void *context, size_t index)
{
	const struct silent *silent = context;
	host_ask_power(&silent->fleet->hosts[silent->hosts[index]], silent->fleet->options);
}

/* Who was not reached and has to let go of something first: what is switched off has. */
static int ask_silent(struct fleet *fleet, struct err *err)
{
	struct silent silent = { .fleet = fleet,
				 .hosts = xcalloc(fleet->count + 1, sizeof(size_t)) };
	for (size_t i = 0; i < fleet->count; i++)
		if (fleet->hosts[i].unreachable && fleet->hosts[i].failed &&
		    graph_waits_to_be_gone(&fleet->graph, fleet->hosts[i].name))
			silent.hosts[silent.count++] = i;
	int rc = pool_run(silent.count, fleet->options->parallel, ask_power, &silent, err);
	free(silent.hosts);
	return rc;
}

int fleet_plan(struct fleet *fleet, bool keep, struct err *err)
{
	if (phase(fleet, 0, keep, NULL, host_plan, err) != 0)
		return -1;
	make_graph(fleet);
	AUTO_LIST struct text_list missing = TEXT_LIST_INIT;
	graph_missing_nodes(&fleet->graph, &missing);
	for (size_t i = 0; i < missing.count; i++) {
		const struct site_node *node =
			site_find_node(fleet->options->site, missing.items[i]);
		if (node)
			add_host(fleet, node, true);
	}
	if (fleet->count > fleet->chosen) {
		if (phase(fleet, fleet->chosen, false, NULL, host_plan, err) != 0)
			return -1;
	}
	if (ask_silent(fleet, err) != 0)
		return -1;
	make_graph(fleet);
	return graph_link(&fleet->graph, err);
}

/* ---- apply ---- */

struct apply {
	struct fleet *fleet;
	size_t index; /* of the host and of its node in the graph */
	struct stream *stream;
	char *token; /* network changes that are not confirmed yet; NULL: none */
};

static int begin_apply(struct apply *apply, struct err *err)
{
	struct host *host = &apply->fleet->hosts[apply->index];
	AUTO_STR struct str line = STR_INIT;
	if (host_slice_line(host, apply->fleet->options, &line, err) != 0)
		return -1;
	/* Not broken off by Ctrl-C: a step that runs is waited for. */
	apply->stream = host_begin(host, apply->fleet->options, "apply", &line, NULL, err);
	return apply->stream ? 0 : -1;
}

static bool risks_connection(const char *kind)
{
	const struct kind_spec *spec = kind_find(kind);
	return spec && spec->risks_connection;
}

/* Before the first step that may cut the node off: unless it hears from us over a new
   connection, it takes back what it changes from now on. */
static int arm(struct apply *apply, struct err *err)
{
	enum { TOKEN_BYTES = 16 };
	const struct remote_options *options = apply->fleet->options;
	unsigned char random[TOKEN_BYTES];
	char token[2 * TOKEN_BYTES + 1];
	AUTO_STR struct str line = STR_INIT;
	struct message message;
	if (hash_random(random, sizeof(random), err) != 0)
		return -1;
	hash_hex(random, sizeof(random), token);
	request_arm(&line, token, (unsigned)options->site->confirm_within_s);
	if (stream_write(apply->stream, line.data, line.length, options->answer_timeout_ms, err) !=
		    0 ||
	    host_message(apply->stream, options->answer_timeout_ms, &message, err) != 0)
		return -1;
	int rc = message.type == MESSAGE_ARMED
			 ? 0
			 : err_set(err, "the node said \"%s\" instead of \"armed\"",
				   message_type_text(message.type));
	message_free(&message);
	if (rc == 0)
		apply->token = xstrdup(token);
	return rc;
}

static bool concerns(const struct message *message, const char *kind, const char *id)
{
	return text_equal(message->kind, kind) && text_equal(message->id, id);
}

/*
 * One step on the node. 0: *failure says whether it came true (NULL) or why not;
 * -1: the stream is lost.
 */
static int do_step(struct apply *apply, const char *kind, const char *id, const char *digest,
		   char **failure, struct err *err)
{
	const struct remote_options *options = apply->fleet->options;
	if (apply->stream == NULL && begin_apply(apply, err) != 0)
		return -1;
	if (risks_connection(kind) && apply->token == NULL && arm(apply, err) != 0)
		return -1;
	AUTO_STR struct str line = STR_INIT;
	request_go(&line, kind, id, digest);
	if (stream_write(apply->stream, line.data, line.length, options->answer_timeout_ms, err) !=
	    0)
		return -1;
	for (bool started = false;;) {
		struct message message;
		if (host_message(apply->stream, options->step_timeout_ms, &message, err) != 0)
			return -1;
		enum message_type type = message.type;
		bool ours = concerns(&message, kind, id);
		AUTO_FREE char *why = xstrdup(message.error);
		message_free(&message);
		bool goes_on = type == (started ? MESSAGE_STILL : MESSAGE_START);
		bool in_turn =
			goes_on || (started && (type == MESSAGE_OK || type == MESSAGE_FAILED));
		if (!ours || !in_turn)
			return err_set(err, "the node said \"%s\" out of turn",
				       message_type_text(type));
		started = true;
		if (goes_on)
			continue;
		if (type == MESSAGE_FAILED)
			*failure = xstrdup(why);
		return 0;
	}
}

/* No more steps: the node lets go of its lock and says done. */
static int end_apply(struct apply *apply, struct err *err)
{
	const struct remote_options *options = apply->fleet->options;
	AUTO_STR struct str line = STR_INIT;
	request_end(&line);
	if (stream_write(apply->stream, line.data, line.length, options->answer_timeout_ms, err) !=
	    0)
		return -1;
	return host_done(apply->stream, options->answer_timeout_ms, err);
}

/* Under the lock. Whoever waits for this step, or lost it, may have to look:
   dependents are few, and a failure can reach far. */
static void wake_all(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		pthread_cond_signal(&fleet->threads->wake[i]);
}

static void wake_dependents(struct fleet *fleet, size_t step)
{
	const struct graph_step *done = &fleet->graph.steps[step];
	for (size_t i = 0; i < done->dependent_count; i++)
		pthread_cond_signal(
			&fleet->threads->wake[fleet->graph.steps[done->dependents[i]].node]);
}

static void host_lost(struct apply *apply, const char *why)
{
	struct fleet *fleet = apply->fleet;
	struct host *host = &fleet->hosts[apply->index];
	host_fail(host, why);
	graph_node_failed(&fleet->graph, apply->index, host->failed);
	emit(fleet, &(struct conduct_event){
			    .type = CONDUCT_LOST, .node = host->name, .text = host->failed });
	wake_all(fleet);
}

static void add_taken_back(const struct apply *apply, struct err *err)
{
	AUTO_FREE char *why = xstrdup(err->text);
	err_set(err, "%s; its network changes are not confirmed, and it takes them back after %u s",
		why, (unsigned)apply->fleet->options->site->confirm_within_s);
}

/* Under the lock, which is let go meanwhile. One confirmation for all changes that follow each
   other: some networks are whole again only after the last of them. */
static void confirm(struct apply *apply)
{
	struct fleet *fleet = apply->fleet;
	AUTO_FREE char *token = apply->token;
	struct err err = ERR_INIT;
	apply->token = NULL;
	pthread_mutex_unlock(&fleet->threads->lock);
	int rc = host_confirm(&fleet->hosts[apply->index], fleet->options, token,
			      (unsigned)fleet->options->site->confirm_within_s, &err);
	if (rc != 0 && fleet->hosts[apply->index].unreachable) {
		err_context(&err, "no new connection after the network changes");
		add_taken_back(apply, &err);
	}
	pthread_mutex_lock(&fleet->threads->lock);
	if (rc != 0)
		host_lost(apply, err.text);
}

/* Under the lock, which is let go while the step runs. */
static void run_step(struct apply *apply, size_t index)
{
	struct fleet *fleet = apply->fleet;
	struct fleet_threads *threads = fleet->threads;
	const struct graph_step *step = &fleet->graph.steps[index];
	struct err err = ERR_INIT;
	AUTO_FREE char *failure = NULL;
	graph_start(&fleet->graph, index);
	emit_step(fleet, CONDUCT_START, index, NULL);
	pthread_mutex_unlock(&threads->lock);
	int rc = do_step(apply, step->kind, step->id, step->digest, &failure, &err);
	if (rc != 0 && apply->token)
		add_taken_back(apply, &err);
	pthread_mutex_lock(&threads->lock);
	if (rc != 0) {
		host_lost(apply, err.text);
		return;
	}
	graph_finish(&fleet->graph, index, failure);
	threads->done_steps[apply->index]++;
	emit_step(fleet, failure ? CONDUCT_FAILED : CONDUCT_OK, index, failure);
	if (failure)
		wake_all(fleet);
	else
		wake_dependents(fleet, index);
}

/* Steps of the host that came true. */
static size_t count_ok(const struct graph *graph, size_t node)
{
	size_t ok = 0;
	for (size_t i = graph->nodes[node].first; i < graph->nodes[node].end; i++)
		ok += graph->steps[i].state == GRAPH_OK;
	return ok;
}

static void *apply_host(void *argument)
{
	struct apply *apply = argument;
	struct fleet *fleet = apply->fleet;
	struct fleet_threads *threads = fleet->threads;
	struct host *host = &fleet->hosts[apply->index];
	struct err err = ERR_INIT;
	size_t step;
	pthread_mutex_lock(&threads->lock);
	while (graph_pending(&fleet->graph, apply->index)) {
		if (!graph_next(&fleet->graph, apply->index, &step)) {
			pthread_cond_wait(&threads->wake[apply->index], &threads->lock);
			continue;
		}
		while (threads->slots == 0)
			pthread_cond_wait(&threads->free_slot, &threads->lock);
		threads->slots--;
		/* The wait may have been long: is there still something to do? */
		while (graph_next(&fleet->graph, apply->index, &step)) {
			if (apply->token && !risks_connection(fleet->graph.steps[step].kind))
				confirm(apply);
			else
				run_step(apply, step);
		}
		if (apply->token && host->failed == NULL)
			confirm(apply);
		threads->slots++;
		pthread_cond_signal(&threads->free_slot);
	}
	pthread_mutex_unlock(&threads->lock);

	int rc = 0;
	if (apply->stream && host->failed == NULL)
		rc = end_apply(apply, &err);
	host_end(host, apply->stream);
	host_disconnect(host);
	free(apply->token);

	pthread_mutex_lock(&threads->lock);
	if (rc != 0)
		host_lost(apply, err.text);
	emit_messages(fleet, host);
	if (host->failed == NULL)
		emit(fleet, &(struct conduct_event){ .type = CONDUCT_DONE,
						     .node = host->name,
						     .done = count_ok(&fleet->graph, apply->index),
						     .total = host->step_count });
	threads->running--;
	pthread_cond_signal(&threads->ended);
	pthread_mutex_unlock(&threads->lock);
	return NULL;
}

/* Until all threads have ended; on Ctrl-C nothing more is started. */
static void wait_for_threads(struct fleet *fleet)
{
	struct fleet_threads *threads = fleet->threads;
	bool told = false;
	pthread_mutex_lock(&threads->lock);
	while (threads->running > 0) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 200000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&threads->ended, &threads->lock, &until);
		if (!told && stopped(fleet)) {
			told = true;
			graph_stop(&fleet->graph, "interrupted");
			wake_all(fleet);
		}
	}
	pthread_mutex_unlock(&threads->lock);
}

/* A thread per host with steps; those that only wait cost a stack. */
static size_t start_threads(struct fleet *fleet, struct apply *applies, pthread_t *ids)
{
	struct fleet_threads *threads = fleet->threads;
	pthread_attr_t attributes;
	size_t started = 0;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, POOL_STACK_BYTES);
	pthread_mutex_lock(&threads->lock);
	for (size_t i = 0; i < fleet->count; i++) {
		applies[i] = (struct apply){ .fleet = fleet, .index = i };
		if (!graph_pending(&fleet->graph, i))
			continue;
		int error = pthread_create(&ids[started], &attributes, apply_host, &applies[i]);
		if (error == 0) {
			started++;
			threads->running++;
			continue;
		}
		AUTO_FREE char *why = xasprintf("no thread: %s", strerror(error));
		host_lost(&applies[i], why);
	}
	pthread_mutex_unlock(&threads->lock);
	pthread_attr_destroy(&attributes);
	return started;
}

void fleet_apply(struct fleet *fleet)
{
	struct fleet_threads *threads = fleet->threads;
	threads->slots = fleet->options->parallel;
	threads->running = 0;
	threads->done_steps = xcalloc(fleet->count + 1, sizeof(*threads->done_steps));
	threads->wake = xcalloc(fleet->count + 1, sizeof(*threads->wake));
	for (size_t i = 0; i < fleet->count; i++)
		pthread_cond_init(&threads->wake[i], NULL);
	struct apply *applies = xcalloc(fleet->count + 1, sizeof(*applies));
	pthread_t *ids = xcalloc(fleet->count + 1, sizeof(*ids));

	size_t started = start_threads(fleet, applies, ids);
	wait_for_threads(fleet);
	for (size_t i = 0; i < started; i++)
		pthread_join(ids[i], NULL);

	for (size_t i = 0; i < fleet->count; i++)
		pthread_cond_destroy(&threads->wake[i]);
	free(threads->wake);
	free(threads->done_steps);
	threads->wake = NULL;
	threads->done_steps = NULL;
	free(applies);
	free(ids);
}
