/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/watches.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "config/spec.h"

struct kept {
        char zone[NAME_SIZE], device[NAME_SIZE];
        int fd;
};

struct watches {
        struct kept *list;
        size_t count;
};

struct watches *watches_new(void) {
        return calloc(1, sizeof(struct watches));
}

static void *close_it(void *argument) {
        fd_close((int) (intptr_t) argument);
        return NULL;
}

/* In a thread that nobody waits for either; signals are the loop's. */
static void close_without_waiting(int fd) {
        sigset_t all, before;
        pthread_t thread;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, NULL, close_it, (void *) (intptr_t) fd);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r == 0)
                pthread_detach(thread);
        else
                fd_close(fd);
}

static struct kept *find(struct watches *w, const char *zone, const char *device) {
        for (size_t i = 0; i < w->count; i++)
                if (strcmp(w->list[i].zone, zone) == 0 && strcmp(w->list[i].device, device) == 0)
                        return &w->list[i];
        return NULL;
}

int watches_keep(struct watches *w, const char *zone, const char *device, int fd) {
        struct kept *k = find(w, zone, device);

        if (k) {
                close_without_waiting(k->fd);
                k->fd = fd;
                return 0;
        }
        k = reallocarray(w->list, w->count + 1, sizeof(*k));
        if (!k)
                return -ENOMEM;
        w->list = k;
        k = &w->list[w->count++];
        *k = (struct kept){ .fd = fd };
        snprintf(k->zone, sizeof(k->zone), "%s", zone);
        snprintf(k->device, sizeof(k->device), "%s", device);
        return 0;
}

void watches_drop(struct watches *w, const char *zone) {
        size_t kept = 0;

        for (size_t i = 0; i < w->count; i++)
                if (strcmp(w->list[i].zone, zone) == 0)
                        close_without_waiting(w->list[i].fd);
                else
                        w->list[kept++] = w->list[i];
        w->count = kept;
}

/* Workers have them, too: these closes are not the last. */
struct watches *watches_free(struct watches *w) {
        for (size_t i = 0; w && i < w->count; i++)
                fd_close(w->list[i].fd);
        if (w)
                free(w->list);
        free(w);
        return NULL;
}
