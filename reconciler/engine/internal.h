/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine's own files share: engine.c (the loop), execute.c (the plan's actions
 * are begun), task.c (one zone's action), worker.c (one device's process).
 */
#pragma once

#include "base/log.h"
#include "engine/backoff.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "plan/plan.h"
#include "plan/status.h"

struct zone;
struct opening;
struct checking;

/* The process behind one device, as far as we watch it. */
struct worker {
        struct zone *zone;
        char name[NAME_SIZE]; /* of the device */
        pid_t pid;            /* 0: none watched */
        int pidfd;
        uint64_t generation; /* of its attachment; 0: not seen attached yet */
        bool starting;       /* launched, not attached yet */
        bool ending;         /* was told to end */
        bool found;          /* seen, identity not yet confirmed */
        sd_event_source *exit_source, *timer;
        struct opening *opening; /* under way */
        struct backoff backoff;
        uint64_t tried;    /* device_spec_cookie() of what it was wanted with when it was last begun */
        char message[256]; /* why it ended last */
        char refusal[256]; /* why its file's image cannot be served: it keeps what it had; else "" */
};

struct task;

/* What is remembered of a zone beside what can be observed. */
struct zone {
        struct engine *engine;
        char name[NAME_SIZE];
        struct worker workers[ZONE_DEVICES_MAX];
        size_t num_workers;
        int fd;      /* of the zone object, -1: none */
        uint32_t id; /* its */
        sd_event_source *fd_source;
        struct task *task; /* the action under way */
        struct backoff backoff;
        bool failed;          /* the last action failed, or it ended by failure */
        bool hopeless;        /* do not retry at all until something changes */
        uint64_t failed_with; /* engine_spec_hash() of the settings that it failed with */
        unsigned restarts;
        char message[ERR_TEXT_SIZE];
        enum zone_state last_state;
        bool unwritten;         /* the spec last applied is not in its file: to be written again */
        bool restart_requested; /* by a person; stands until the images are checked */
};

struct engine {
        struct engine_config config;
        struct desired desired;
        struct live live;
        struct plan plan;
        struct told *told; /* sorted by zone: tell.c */
        size_t num_told;
        struct zone **zones;
        size_t num_zones;
        struct job *abandoned;   /* whose zone or worker did not wait for them */
        struct upgrade *upgrade; /* under way; NULL: none */
        sd_event_source *reconcile_source, *timer;
        uint64_t listing; /* live_listing() at the last pass */
        bool others_busy; /* so were they then */
        bool only_polls;  /* what the timer is set for */
        bool incomplete;  /* something of the last pass was not done, for want of memory, say: another comes soon */
        uint64_t read_at; /* when the files are to be read again; 0: when they change */
        int read_error;   /* why they could not be read; 0: they could */
        int observe_error;
};

/* ---- engine.c --------------------------------------------------------------------------------------- */
uint64_t engine_now(const struct engine *e);
/* zone_spec_cookie() on the board that we have; 0 without a spec or a board */
uint64_t engine_spec_cookie(const struct engine *e, const struct zone_spec *z);
/* tells any change of its settings from none, be its cost what it may; 0 without a spec */
uint64_t engine_spec_hash(const struct engine *e, const struct zone_spec *z);
void engine_reconcile_soon(struct engine *e);
void engine_record_why(struct engine *e, int level, const char *message_id, const char *zone, const char *device,
                       const char *action, const char *result, const char *reason, const char *format, ...)
        _printf_(9, 10);
#define engine_record(e, level, message_id, zone, device, action, result, ...)                                         \
        engine_record_why(e, level, message_id, zone, device, action, result, NULL, __VA_ARGS__)
int engine_observe(struct engine *e);
/* plan_make() of what is wanted and there, and under way; @ret empty before. As engine_check_loaded(), -ENOMEM. */
int engine_make_plan(struct engine *e, struct plan *ret);

/* ---- zone.c ----------------------------------------------------------------------------------------- */
struct zone *engine_zone(struct engine *e, const char *name); /* made if need be; NULL: out of memory */
void zone_free(struct zone *z);
/* Somebody changed something: earlier failures count no more. */
void zone_forgive(struct zone *z);
/* The zone's object was opened or made: watch it for changes of its devices. Takes @fd over. */
int zone_watch(struct zone *z, uint32_t id, int fd);
void zone_unwatch(struct zone *z);

/* ---- tell.c ----------------------------------------------------------------------------------------- */
void tell_ends(struct engine *e);
int tell_notes(struct engine *e); /* -ENOMEM: the next pass tells them */

/* ---- remember.c ------------------------------------------------------------------------------------- */
/** remember_applied() - @z is what the zone has from now on; the plan may not borrow what it had before */
int remember_applied(struct engine *e, const char *zone, const struct zone_spec *z);
/** write_applied() - the same for the next daemon; a failure is recorded and changes nothing now */
void write_applied(struct engine *e, const struct zone_spec *z);
/** forget_applied() - the zone does not come back with it. Clears the plan, which may borrow it. */
void forget_applied(struct engine *e, struct zone *z);
/** forget_what_is_gone() - of zones that were to come back and are not wanted any more; before the plan is made */
void forget_what_is_gone(struct engine *e);
/** remember_what_was_taken() - settings that came into force without a start */
void remember_what_was_taken(struct engine *e);

/* ---- execute.c -------------------------------------------------------------------------------------- */
void execute(struct engine *e);

/* ---- restart.c -------------------------------------------------------------------------------------- */
/** restart_what_is_asked_for() - by engine_restart(): before the plan's own actions */
void restart_what_is_asked_for(struct engine *e);

/* ---- worker.c --------------------------------------------------------------------------------------- */
struct worker *zone_worker(struct zone *z, const char *device); /* made if need be; NULL: too many */
bool zone_has_workers(const struct zone *z);
/** worker_launch() - the descriptors are borrowed; @image_fd: device_image_open()'s */
int worker_launch(struct worker *w, const struct device_spec *d, int device_fd, int image_fd, struct err *e);
/** worker_start() - for a zone that runs: opens the device first; failures are recorded and backed off.
 * @r: negative: it failed already, @e says why */
void worker_start(struct worker *w, const struct device_spec *d, int image_fd, int r, const struct err *e);
/** worker_end() - SIGTERM, and SIGKILL if it has not gone after 2 s: no failure of its own */
void worker_end(struct worker *w);
/** worker_stop() - the device is not to be served any more: ends its worker; where there is none, withdraws the device */
void worker_stop(struct worker *w, const char *reason);
/** worker_give_up() - SIGKILL: counts as its failure. @why: "did not …"; NULL if how it ends says enough */
void worker_give_up(struct worker *w, const char *why);
void worker_forget(struct worker *w);
/** workers_look() - takes in what was observed: who attached; true if workers were found that need a second
 * look */
bool workers_look(struct zone *z, const struct zone_live *l);
/** workers_confirm() - the second look: who is still what was found is ours to watch */
void workers_confirm(struct zone *z, const struct zone_live *l);

/* ---- opening.c -------------------------------------------------------------------------------------- */
/** device_image_open() - what the device's worker needs of the file system, -1 for nothing. May block for long: call
 * it in a job. */
int device_image_open(const struct device_spec *d, int *ret_fd, struct err *e);
/** worker_open_image() - and then starts the worker, or ends the one that serves something else than @a wants;
 * @cookie: of what it serves, or did. Nothing is begun while an earlier one for the same is under way. */
void worker_open_image(struct worker *w, const struct action *a, uint64_t cookie);
void worker_abandon_opening(struct worker *w);

/* ---- upgrade.c -------------------------------------------------------------------------------------- */
/** upgrade_step() - after each pass: begins what can be begun */
void upgrade_step(struct engine *e);
void upgrade_free(struct engine *e);

/* ---- task.c ----------------------------------------------------------------------------------------- */
/** task_start() - begins the action; failures end up in the zone's history */
void task_start(struct zone *z, const struct action *a);
struct task *task_free(struct task *t);
enum zone_phase task_phase(const struct task *t);
const char *task_text(const struct task *t);
/** task_spec() - what the zone is to be in the end; NULL: down */
const struct zone_spec *task_spec(const struct task *t);
/** task_minds_workers() - false: a worker's end is no affair of the step that goes on now */
bool task_minds_workers(const struct task *t);
/** task_reconsider() - gives it up, freeing it, if its file has changed before anything was done */
void task_reconsider(struct task *t);
/** task_notice() - a device of the zone changed, or a worker ended (@ended) */
void task_notice(struct task *t, const struct worker *ended);
