/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of one zone: found, forgotten, and its object watched. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "engine/internal.h"

static struct zone *find_zone(const struct engine *e, const char *name) {
        for (size_t i = 0; i < e->num_zones; i++)
                if (strcmp(e->zones[i]->name, name) == 0)
                        return e->zones[i];
        return NULL;
}

struct zone *engine_zone(struct engine *e, const char *name) {
        struct zone *z = find_zone(e, name), **zones;

        if (z)
                return z;
        zones = reallocarray(e->zones, e->num_zones + 1, sizeof(*zones));
        if (!zones)
                return NULL;
        e->zones = zones;
        z = calloc(1, sizeof(*z));
        if (!z)
                return NULL;
        *z = (struct zone){ .engine = e, .fd = -1 };
        snprintf(z->name, sizeof(z->name), "%s", name);
        zones[e->num_zones++] = z;
        return z;
}

void zone_free(struct zone *z) {
        z->task = task_free(z->task);
        for (size_t i = 0; i < z->num_workers; i++) {
                worker_abandon_opening(&z->workers[i]);
                worker_forget(&z->workers[i]);
        }
        zone_unwatch(z);
        free(z);
}

void zone_forgive(struct zone *z) {
        backoff_reset(&z->backoff);
        z->failed = z->hopeless = false;
        z->failed_with = 0;
        z->restarts = 0;
        z->message[0] = '\0';
}

/* ---- watching a zone's object ----------------------------------------------------------------------- */

static int on_zone_event(sd_event_source *s _unused_, int fd, uint32_t events, void *userdata) {
        struct zone *z = userdata;

        (void) hypervisor_zone_acknowledge(z->engine->config.hypervisor, fd);
        if (events & (EPOLLHUP | EPOLLERR)) {
                /* The object is gone. A task's thread may be using the descriptor: then the task closes it.
                 */
                z->fd_source = sd_event_source_disable_unref(z->fd_source);
                if (!z->task)
                        zone_unwatch(z);
        }
        if (z->task)
                task_notice(z->task, NULL);
        engine_reconcile_soon(z->engine);
        return 0;
}

/*
 * A guest makes an event with each reset of a device, and the daemon looks at everything then: more than this is seen
 * to together, later. What a zone's own start makes is less.
 */
#define EVENTS_MAX      20
#define EVENTS_INTERVAL (SECOND / 2)

int zone_watch(struct zone *z, uint32_t id, int fd) {
        int r = sd_event_add_io(z->engine->config.event, &z->fd_source, fd, EPOLLIN, on_zone_event, z);

        if (r >= 0)
                r = sd_event_source_set_ratelimit(z->fd_source, EVENTS_INTERVAL, EVENTS_MAX);
        if (r < 0) {
                z->fd_source = sd_event_source_disable_unref(z->fd_source);
                fd_close(fd);
                return r;
        }
        z->fd = fd;
        z->id = id;
        return 0;
}

void zone_unwatch(struct zone *z) {
        z->fd_source = sd_event_source_disable_unref(z->fd_source);
        z->fd = fd_close(z->fd);
}
