/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/identity.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "config/spec.h"

struct file_identity file_identity_get(int fd, const char *path) {
        const int flags = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC | (path[0] == '\0' ? AT_EMPTY_PATH : 0);
        struct file_identity id = { .known = true };
        struct statx st;

        if (statx(fd, path, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &st) < 0)
                return (struct file_identity){};
        if (S_ISBLK(st.stx_mode)) {
                id.device = makedev(st.stx_rdev_major, st.stx_rdev_minor);
                return id;
        }
        id.device = makedev(st.stx_dev_major, st.stx_dev_minor);
        id.inode = st.stx_ino;
        if (st.stx_mask & STATX_BTIME)
                id.born = st.stx_btime.tv_sec * INT64_C(1000000000) + st.stx_btime.tv_nsec;
        return id;
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b) {
        return a->known && b->known && a->device == b->device && a->inode == b->inode &&
               (a->born == b->born || a->born == 0 || b->born == 0);
}

/* ---- of a zone's images ----------------------------------------------------------------------------- */

#define PATIENCE_MS 200

/* One look at all images of a zone, in a thread of its own; who leaves last frees it. */
struct lookup {
        pthread_mutex_t lock;
        pthread_cond_t ended;
        bool done;
        unsigned users;
        char *paths[ZONE_DEVICES_MAX]; /* NULL: no image */
        struct file_identity found[ZONE_DEVICES_MAX];
};

/* Threads that a file system has not answered yet: while there is one, nobody waits for another. */
static atomic_uint left_behind;

static void lookup_leave(struct lookup *l) {
        bool last;

        pthread_mutex_lock(&l->lock);
        last = --l->users == 0;
        pthread_mutex_unlock(&l->lock);
        if (!last)
                return;
        pthread_mutex_destroy(&l->lock);
        pthread_cond_destroy(&l->ended);
        for (size_t i = 0; i < ELEMENTSOF(l->paths); i++)
                free(l->paths[i]);
        free(l);
}

static void *lookup_run(void *argument) {
        struct lookup *l = argument;

        for (size_t i = 0; i < ELEMENTSOF(l->paths); i++)
                if (l->paths[i])
                        l->found[i] = file_identity_get(AT_FDCWD, l->paths[i]);
        pthread_mutex_lock(&l->lock);
        atomic_fetch_sub(&left_behind, 1); /* before anybody hears that it is done, and comes with the next */
        l->done = true;
        pthread_cond_signal(&l->ended);
        pthread_mutex_unlock(&l->lock);
        lookup_leave(l);
        return NULL;
}

static struct lookup *lookup_new(const struct zone_spec *z) {
        struct lookup *l = calloc(1, sizeof(*l));
        pthread_condattr_t attributes;

        if (!l)
                return NULL;
        l->users = 1;
        pthread_mutex_init(&l->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&l->ended, &attributes);
        pthread_condattr_destroy(&attributes);
        for (size_t i = 0; i < z->num_devices; i++)
                l->paths[i] = z->devices[i].image ? strdup(z->devices[i].image) : NULL; /* no memory: not known */
        return l;
}

static bool lookup_begin(struct lookup *l) {
        pthread_t thread;

        l->users++;
        atomic_fetch_add(&left_behind, 1);
        if (pthread_create(&thread, NULL, lookup_run, l) == 0) {
                pthread_detach(thread);
                return true;
        }
        l->users--;
        atomic_fetch_sub(&left_behind, 1);
        return false;
}

static void lookup_wait(struct lookup *l, struct zone_spec *z) {
        struct timespec until;
        int r = 0;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += PATIENCE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&l->lock);
        while (!l->done && r == 0)
                r = pthread_cond_timedwait(&l->ended, &l->lock, &until);
        for (size_t i = 0; l->done && i < z->num_devices; i++)
                z->devices[i].image_identity = l->found[i];
        pthread_mutex_unlock(&l->lock);
}

static bool has_image(const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (z->devices[i].image)
                        return true;
        return false;
}

void zone_spec_identify(struct zone_spec *z) {
        struct lookup *l;

        if (!has_image(z) || atomic_load(&left_behind) > 0)
                return;
        l = lookup_new(z);
        if (!l)
                return;
        if (lookup_begin(l))
                lookup_wait(l, z);
        lookup_leave(l);
}
