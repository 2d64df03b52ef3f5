/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/str.h"

struct pool {
	size_t next; /* atomic */
	size_t count;
	void (*work)(void *context, size_t index);
	void *context;
};

static void *worker(void *argument)
{
	struct pool *pool = argument;
	for (;;) {
		size_t index = __atomic_fetch_add(&pool->next, 1, __ATOMIC_RELAXED);
		if (index >= pool->count)
			return NULL;
		pool->work(pool->context, index);
	}
}

int pool_run(size_t count, unsigned parallel, void (*work)(void *context, size_t index),
	     void *context, struct err *err)
{
	struct pool pool = { .count = count, .work = work, .context = context };
	size_t wanted = count < parallel ? count : parallel;
	size_t started = 0;
	pthread_attr_t attributes;
	pthread_t *threads = xcalloc(wanted + 1, sizeof(*threads));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, POOL_STACK_BYTES);
	int error = 0;
	for (; started < wanted && error == 0; started += error == 0)
		error = pthread_create(&threads[started], &attributes, worker, &pool);
	pthread_attr_destroy(&attributes);
	/* With fewer threads than wished it only takes longer. */
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	if (wanted > 0 && started == 0)
		return err_set_errno(err, error, "no thread");
	return 0;
}
