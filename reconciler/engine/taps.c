/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/taps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/rtnetlink.h"
#include "base/worker.h"
#include "engine/worker_fds.h"

_Static_assert(TAP_NAME_SIZE == INTERFACE_NAME_SIZE, "as long as the configuration takes them");

#define MTU_DEFAULT 1500 /* of Ethernet */

struct kept_tap {
        char zone[NAME_SIZE], device[NAME_SIZE];
        struct tap tap;
        char bridge[TAP_NAME_SIZE]; /* that it is to be a port of; "": whatever it is */
        bool astray;                /* it is not, which was said */
};

struct taps {
        struct kept_tap **list;
        size_t count;
        int links_fd; /* of link_listen() */
        sd_event_source *links;
};

/* ---- the list --------------------------------------------------------------------------------------- */

static struct kept_tap *find(const struct taps *l, const char *zone, const char *device) {
        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->list[i]->zone, zone) == 0 && strcmp(l->list[i]->device, device) == 0)
                        return l->list[i];
        return NULL;
}

/* The entry of that device, made if need be; NULL: out of memory. */
static struct kept_tap *get(struct taps *l, const char *zone, const char *device) {
        struct kept_tap *t = find(l, zone, device), **list;

        if (t)
                return t;
        list = reallocarray(l->list, l->count + 1, sizeof(*list));
        if (!list)
                return NULL;
        l->list = list;
        t = calloc(1, sizeof(*t));
        if (!t)
                return NULL;
        snprintf(t->zone, sizeof(t->zone), "%s", zone);
        snprintf(t->device, sizeof(t->device), "%s", device);
        return list[l->count++] = t;
}

static void store(const struct kept_tap *t) {
        for (unsigned i = 0; i < t->tap.num_fds; i++)
                fd_store_add(FD_TAP, t->zone, t->device, t->tap.fds[i]);
}

static void let_go(struct kept_tap *t) {
        fd_store_remove(FD_TAP, t->zone, t->device);
        tap_end(&t->tap); /* systemd takes its time */
}

/* ---- one device's ----------------------------------------------------------------------------------- */

static void set_bridge(struct kept_tap *t, const struct device_spec *d) {
        snprintf(t->bridge, sizeof(t->bridge), "%s", d->bridge);
        t->astray = false;
}

static bool is_auto(const struct device_spec *d) {
        return strcmp(d->tap, TAP_AUTO) == 0;
}

void tap_name_of(const char *zone, const struct device_spec *d, char ret[static TAP_NAME_SIZE]) {
        if (is_auto(d))
                tap_auto_name(zone, d->name, ret);
        else
                snprintf(ret, TAP_NAME_SIZE, "%s", d->tap);
}

/* What is kept may be of an interface that was removed, renamed or moved away, or is no longer wanted. */
static bool fits(const struct tap *t, const char *name, bool made_here, unsigned queues) {
        struct tap_identity id;

        if (t->num_fds == 0 || tap_identify(t->fds[0], &id) < 0)
                return false;
        return strcmp(id.name, name) == 0 && id.made_here == made_here && !tap_is_elsewhere(t->fds[0]) &&
               t->num_fds == (made_here || id.multi_queue ? queues : 1);
}

static int make(struct kept_tap *t, const char *name, bool own, unsigned queues, struct err *e) {
        int r;

        let_go(t);
        r = own ? tap_create(name, queues, &t->tap, e) : tap_open(name, queues, &t->tap, e);
        if (r >= 0)
                store(t);
        return r;
}

int taps_get(struct taps *l, const char *zone, const struct device_spec *d, unsigned queues, const struct tap **ret,
             struct err *e) {
        struct kept_tap *t = get(l, zone, d->name);
        /* One of ours is as its settings say, whatever they said before. */
        struct tap_wish wish = {
                .mtu = d->mtu > 0 || !is_auto(d) ? d->mtu : MTU_DEFAULT,
                .bridge = d->bridge[0] || is_auto(d) ? d->bridge : NULL,
        };
        char name[TAP_NAME_SIZE];
        int r = 0;

        if (!t)
                return -ENOMEM;
        t->bridge[0] = '\0';
        tap_name_of(zone, d, name);
        if (!fits(&t->tap, name, is_auto(d), queues)) {
                wish.up = is_auto(d);
                r = make(t, name, is_auto(d), queues, e);
        }
        if (r >= 0)
                r = tap_configure(name, &wish, e);
        /* One that is half made is made anew next time: it would not be switched on else. */
        if (r < 0 && wish.up)
                let_go(t);
        if (r < 0)
                return r;
        set_bridge(t, d);
        *ret = &t->tap;
        return 0;
}

void taps_drop(struct taps *l, const char *zone, const struct zone_spec *keep) {
        size_t kept = 0;

        for (size_t i = 0; i < l->count; i++) {
                struct kept_tap *t = l->list[i];
                const struct device_spec *d = keep ? zone_spec_find_device(keep, t->device) : NULL;

                if (strcmp(t->zone, zone) != 0 || (d && d->type == DEVICE_NET)) {
                        l->list[kept++] = t;
                        continue;
                }
                let_go(t);
                free(t);
        }
        l->count = kept;
}

/* ---- bridges that come and go ----------------------------------------------------------------------- */

static void bring_back(struct kept_tap *t) {
        struct tap_identity id;
        struct err e = {};
        int r;

        if (!t->bridge[0] || t->tap.num_fds == 0 || tap_is_elsewhere(t->tap.fds[0]) ||
            tap_identify(t->tap.fds[0], &id) < 0 || tap_is_port_of(id.name, t->bridge))
                return;
        r = tap_configure(id.name, &(struct tap_wish){ .bridge = t->bridge }, &e);
        if (r >= 0)
                log_info("zone %s, device %s: %s is a port of %s again", t->zone, t->device, id.name, t->bridge);
        else if (!t->astray)
                log_warning("zone %s, device %s: %s has lost its bridge: %s", t->zone, t->device, id.name,
                            err_text(&e, r));
        t->astray = r < 0;
}

static int on_links(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata) {
        struct taps *l = userdata;

        link_hear(fd);
        for (size_t i = 0; i < l->count; i++)
                bring_back(l->list[i]);
        return 0;
}

static int listen_to_links(struct taps *l, sd_event *event) {
        int r = link_listen(&l->links_fd);

        return r < 0 ? r : sd_event_add_io(event, &l->links, l->links_fd, EPOLLIN, on_links, l);
}

/* ---- taking over ------------------------------------------------------------------------------------ */

static int take_stored(struct taps *l, struct stored_fd *s) {
        struct kept_tap *t;

        if (s->kind != FD_TAP)
                return 0;
        t = get(l, s->zone, s->device);
        if (!t)
                return -ENOMEM;
        if (t->tap.num_fds < TAP_QUEUES_MAX)
                t->tap.fds[t->tap.num_fds++] = TAKE_FD(s->fd);
        return 0;
}

int taps_new(sd_event *event, struct stored_fds *stored, struct taps **ret) {
        struct taps *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->links_fd = -1;
        r = listen_to_links(l, event);
        for (size_t i = 0; i < stored->count && r == 0; i++)
                r = take_stored(l, &stored->list[i]);
        if (r < 0)
                taps_free(l);
        else
                *ret = l;
        return r;
}

struct taps *taps_free(struct taps *l) {
        for (size_t i = 0; l && i < l->count; i++) {
                tap_close(&l->list[i]->tap);
                free(l->list[i]);
        }
        if (l) {
                sd_event_source_disable_unref(l->links);
                fd_close(l->links_fd);
                free(l->list);
        }
        free(l);
        return NULL;
}

/* Whoever has taken a worker over may have it say what he likes of its descriptors. */
static bool is_one_tap(const struct tap *t) {
        struct tap_identity first, id;

        for (unsigned i = 0; i < t->num_fds; i++)
                if (tap_identify(t->fds[i], i == 0 ? &first : &id) < 0 || (i > 0 && strcmp(id.name, first.name) != 0))
                        return false;
        return t->num_fds > 0;
}

/* The device's entry, with a copy of what its worker has; NULL: that has no tap, or there is no memory. */
static struct kept_tap *copy_of_worker(struct taps *l, const char *zone, const char *device, pid_t worker, int pidfd) {
        struct kept_tap *t = NULL;
        struct tap tap = { 0 };

        tap.num_fds = worker_fds_copy(worker, pidfd, WORKER_OPTION_TAP_FDS, tap.fds, TAP_QUEUES_MAX);
        if (is_one_tap(&tap))
                t = get(l, zone, device);
        if (!t) {
                tap_close(&tap);
                return NULL;
        }
        t->tap = tap;
        store(t);
        return t;
}

void taps_regain(struct taps *l, const char *zone, const char *device, const struct device_spec *d, pid_t worker,
                 int pidfd) {
        struct kept_tap *t = find(l, zone, device);

        if (!t || t->tap.num_fds == 0)
                t = copy_of_worker(l, zone, device, worker, pidfd);
        if (!t || !d)
                return;
        set_bridge(t, d);
        bring_back(t);
}
