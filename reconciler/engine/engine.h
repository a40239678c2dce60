/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reconcile loop: observe, plan, execute; whatever completes leads to
 * observing and planning anew, so a missed event costs time, never truth. One
 * action at a time per zone, zones side by side. Nothing here blocks: what takes its
 * time runs in jobs. All calls from the event loop's thread.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "engine/desired_load.h"
#include "engine/launcher.h"
#include "engine/record.h"
#include "hypervisor/hypervisor.h"
#include "plan/status.h"

struct engine;

/* What surrounds it; everything is borrowed and must outlive it. */
struct engine_config {
        sd_event *event;
        struct hypervisor *hypervisor;
        struct launcher *launcher;
        struct desired_paths paths;
        const char *version;

        void *userdata;
        void (*record)(void *userdata, const struct record *r);
        void (*changed)(void *userdata); /* after each pass; may be NULL */
        uint64_t (*now)(void *userdata); /* µs, monotonic; NULL: the real clock */
        uint64_t attach_timeout;         /* µs; 0: 10 s */
};

int engine_new(const struct engine_config *config, struct engine **ret);

/** engine_free() - forgets; touches no zone and no worker. Waits for jobs that are under way. */
struct engine *engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_free);

/** engine_reload() - looks at all files again and reconciles; -errno: nothing of the kind, and the engine tries again by
 * itself */
int engine_reload(struct engine *e);

/** engine_reload_files() - the same of these files of the directory, and of the board's */
int engine_reload_files(struct engine *e, const char *const *files, size_t num_files);

/**
 * engine_end_all() - instead of engine_reload(): no file counts, every zone of ours is shut down
 * @reason: borrowed; why
 *
 * The first pass is made here; then as always. All is done when engine_count() tells that there is none.
 */
void engine_end_all(struct engine *e, const char *reason);

/** engine_check_loaded() - 0; -EAGAIN: no look at the files has succeeded yet (@err says why), so nobody knows what is
 * wanted: no pass is made, nothing planned */
int engine_check_loaded(const struct engine *e, struct err *err);

/** engine_reconcile() - one pass now */
void engine_reconcile(struct engine *e);

/** engine_restart() - by a person: forgets failures; restarts what runs; -ENOENT, -EPERM (foreign), -EBADMSG
 * (it cannot be brought up just now, @err says why), as engine_check_loaded() */
int engine_restart(struct engine *e, const char *zone, struct err *err);

/* Who follows an upgrade; called between two events. */
struct upgrade_watcher {
        void *userdata;
        /* The worker of a device is about to be replaced, after @done of @total. */
        void (*progress)(void *userdata, size_t done, size_t total, const char *zone, const char *device);
        /* Over: 0, or -errno; @text says what has come of it. Once. */
        void (*ended)(void *userdata, int result, const char *text);
};

/**
 * engine_upgrade() - replaces workers by those of the program that is installed now, one after another
 * @all: also those that run it already
 * @watcher: copied; not called before this returns
 *
 * Stops at the first that does not come up. Return: 0, -EBUSY (one is under way), as engine_check_loaded(), -errno.
 */
int engine_upgrade(struct engine *e, bool all, const struct upgrade_watcher *watcher, struct err *err);

/** engine_status(), engine_plan() - see plan/status.h, plan/plan.h; NULL: out of memory, and no plan before
 * engine_check_loaded(). The caller decrefs. */
json_t *engine_status(struct engine *e);
json_t *engine_plan(struct engine *e);

/** engine_count() - how many zones are in which state, as of the last pass; none if there is no memory */
void engine_count(const struct engine *e, struct status_counts *ret);

/** engine_busy() - true while an action or a worker's start is under way */
bool engine_busy(const struct engine *e);
