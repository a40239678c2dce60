/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor-reconciler: keeps the zones that run equal to their files.
 * Ending it, by whatever means, ends no zone and no worker.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/log.h"
#include "base/worker.h"
#include "config/board_description.h"
#include "config/settings.h"
#include "daemon/control.h"
#include "daemon/notify.h"
#include "daemon/watch.h"
#include "engine/engine.h"
#include "engine/fd_store.h"
#include "engine/journal.h"

struct options {
        struct zone_dirs zones_dirs;
        const char *board, *socket, *specs_dir, *worker;
        bool level_given; /* on the command line or in the environment, which count before the settings */
};

struct daemon {
        sd_event *event;
        struct hypervisor *hypervisor;
        struct launcher *launcher;
        struct engine *engine;
        struct control *control;
        struct watch *watch;
        bool ready;
        bool level_given;
        bool ended;    /* was told to end */
        bool upgraded; /* what is under way may end; then the program is executed anew */
};

static void usage(void) {
        printf("Usage: reconciler [OPTION…]\n"
               "Keeps the zones that run equal to the files in directories. Normally started by systemd.\n\n"
               "  --zones-dir=DIR   zones' files; given again: of a lower directory, whose files those of the same "
               "name\n"
               "                    in a higher one hide (" ZONES_DIR ", " RUN_ZONES_DIR ",\n"
               "                    " LIB_ZONES_DIR ")\n"
               "  --board=FILE      what the board has (" BOARD_CONF ")\n"
               "  --socket=PATH     control socket (" RUN_BUS ")\n"
               "  --specs-dir=DIR   copies of the specs last applied (" RUN_SPECS_DIR ")\n"
               "  --worker=PROGRAM  what serves a device (" WORKER_BINARY ")\n"
               "  --log-level=LEVEL " LOG_LEVELS " (info; " LOG_ENVIRONMENT "= in the environment, too)\n"
               "  --version, --help\n");
}

static int parse_level(const char *word, bool *ret_given) {
        int level = log_level_parse(word);

        if (level < 0)
                log_error("--log-level=%s: one of " LOG_LEVELS " is wanted", word);
        else
                log_set_level(level);
        *ret_given = true;
        return level;
}

/* Watching follows a path from the root down, so it must begin there. */
static int parse_path(const char *option, const char *path, const char **ret) {
        if (path[0] != '/') {
                log_error("--%s=%s: an absolute path is wanted", option, path);
                return -EINVAL;
        }
        *ret = path;
        return 0;
}

/* The first takes the place of those that are usual. */
static int add_zones_dir(struct options *o, const char *path) {
        size_t n = zone_dirs_count(&o->zones_dirs);

        if (n == ZONE_DIRS_MAX) {
                log_error("--zones-dir=%s: at most %d directories are read", path, ZONE_DIRS_MAX);
                return -E2BIG;
        }
        return parse_path("zones-dir", path, &o->zones_dirs.paths[n]);
}

/* Return: 1 go on, 0 all done, -EINVAL. */
static int parse_options(int argc, char *argv[], struct options *o) {
        enum { ZONES_DIR_OPTION = 256, BOARD, SOCKET, SPECS_DIR, WORKER, LEVEL, VERSION_OPTION, HELP };
        static const struct option options[] = {
                { "zones-dir", required_argument, NULL, ZONES_DIR_OPTION },
                { "board", required_argument, NULL, BOARD },
                { "socket", required_argument, NULL, SOCKET },
                { "specs-dir", required_argument, NULL, SPECS_DIR },
                { "worker", required_argument, NULL, WORKER },
                { "log-level", required_argument, NULL, LEVEL },
                { "version", no_argument, NULL, VERSION_OPTION },
                { "help", no_argument, NULL, HELP },
                {},
        };
        const char **const paths[] = {
                [BOARD - BOARD] = &o->board,
                [SOCKET - BOARD] = &o->socket,
                [SPECS_DIR - BOARD] = &o->specs_dir,
                [WORKER - BOARD] = &o->worker,
        };
        int c, index, r = 1;

        while (r > 0 && (c = getopt_long(argc, argv, "", options, &index)) >= 0) {
                if (c == ZONES_DIR_OPTION)
                        r = add_zones_dir(o, optarg) < 0 ? -EINVAL : 1;
                else if (c >= BOARD && c <= WORKER)
                        r = parse_path(options[index].name, optarg, paths[c - BOARD]) < 0 ? -EINVAL : 1;
                else if (c == LEVEL)
                        r = parse_level(optarg, &o->level_given) < 0 ? -EINVAL : 1;
                else if (c == VERSION_OPTION)
                        r = printf("hvisor-reconciler %s\n", VERSION) < 0;
                else if (c == HELP)
                        r = (usage(), 0);
                else /* getopt has said which */
                        r = (log_error("see --help"), -EINVAL);
        }
        if (r > 0 && optind < argc) {
                log_error("unexpected argument \"%s\"; see --help", argv[optind]);
                r = -EINVAL;
        }
        if (!o->zones_dirs.paths[0])
                o->zones_dirs = zone_dirs_default;
        return r;
}

/* ---- events ----------------------------------------------------------------------------------------- */

static void on_record(void *userdata _unused_, const struct record *r) {
        journal_record(r);
}

/*
 * READY after the first pass: what runs was re-adopted and planned. A hypervisor that cannot be observed holds up
 * nobody's boot either: the engine has said so then, and tries again by its timer.
 */
static void on_pass(void *userdata) {
        struct daemon *d = userdata;
        struct status_counts counts;

        engine_count(d->engine, &counts);
        log_trace("a pass is done: %u running, %u failed, %u other", counts.running, counts.failed, counts.other);
        notify_status(&counts);
        if (d->control)
                control_changed(d->control, &counts);
        if (!d->ready)
                notify_ready();
        d->ready = true;
        if (d->upgraded && !engine_busy(d->engine))
                (void) sd_event_exit(d->event, 0);
}

/* ---- a new program in its place --------------------------------------------------------------------- */

/* How long an action that is under way may take. It can be cut off, as by any other end of this process. */
#define UPGRADE_PATIENCE (10 * 1000 * 1000) /* µs */

static int on_patience_over(sd_event_source *s, uint64_t when _unused_, void *userdata _unused_) {
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

static void on_upgraded(void *userdata) {
        struct daemon *d = userdata;

        d->upgraded = true;
        (void) sd_event_add_time_relative(d->event, NULL, CLOCK_MONOTONIC, UPGRADE_PATIENCE, 0, on_patience_over, d);
}

/*
 * Same process, same descriptors of the fd store, same arguments: to systemd and to workers nothing happens, and the new
 * program finds its zones as after any restart. Returns if it cannot be executed: then systemd starts it anew.
 */
static void execute_anew(const char *program, char *argv[]) {
        int r;

        log_info("executing %s anew", program);
        notify_reloading();
        r = fd_store_hand_over();
        if (r == 0)
                (void) execv(program, argv);
        log_fatal("%s cannot be executed anew: %s", program, strerror(r < 0 ? -r : errno));
}

/* What cannot be read now the engine reads again by itself. */
static int on_files_changed(const struct watch_changes *c, void *userdata) {
        struct daemon *d = userdata;

        (void) (c->all ? engine_reload(d->engine) : engine_reload_files(d->engine, c->files, c->num_files));
        return 0;
}

/* What is wrong in the file is told with its place, and what was taken last stays. */
static void take_settings(struct daemon *d) {
        struct diagnostics diagnostics = {};
        struct settings s;

        if (settings_load(SETTINGS_CONF, &diagnostics, &s) >= 0) {
                if (!d->level_given)
                        log_set_level(s.log_level ?: LOG_INFO);
                watch_set_settling(d->watch, s.settle);
        }
        for (size_t i = 0; i < diagnostics.count; i++) {
                const struct diagnostic *g = &diagnostics.items[i];
                char what[512], text[sizeof(what) + 40];
                struct record r = {
                        .level = LOG_ERR,
                        .message_id = MESSAGE_ENGINE,
                        .action = "settings",
                        .result = "refused",
                        .reason = g->message,
                        .text = text,
                };

                snprintf(text, sizeof(text), "%s; the settings stay as they were",
                         diagnostic_text(g, what, sizeof(what)));
                journal_record(&r);
        }
        diagnostics_clear(&diagnostics);
}

static int on_hangup(sd_event_source *s _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
        notify_reloading();
        log_info("reading all files again (SIGHUP)");
        take_settings(userdata);
        (void) on_files_changed(&(struct watch_changes){ .all = true }, userdata);
        notify_ready();
        return 0;
}

static int on_end(sd_event_source *s, const struct signalfd_siginfo *info _unused_, void *userdata) {
        ((struct daemon *) userdata)->ended = true;
        notify_stopping();
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int block_signals(sd_event *event, struct daemon *d) {
        static const int ends[] = { SIGTERM, SIGINT };
        sigset_t set;
        int r = 0;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(ends) && r >= 0; i++)
                r = sd_event_add_signal(event, NULL, ends[i], on_end, d);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGHUP, on_hangup, d);
}

/* ---- life ------------------------------------------------------------------------------------------- */

static int daemon_start(struct daemon *d, const struct options *o, struct err *e) {
        struct engine_config config = {
                .paths = { .dirs = o->zones_dirs, .board_path = o->board, .specs_dir = o->specs_dir },
                .version = VERSION,
                .userdata = d,
                .record = on_record,
                .changed = on_pass,
        };
        struct watch_paths paths = { .dirs = o->zones_dirs, .file = o->board };
        int r = sd_event_default(&d->event);

        if (r >= 0)
                r = block_signals(d->event, d);
        if (r < 0)
                return err_set(e, r, "the event loop: %s", strerror(-r));
        r = hypervisor_hvisor_open(&d->hypervisor, e);
        if (r == 0)
                r = launcher_system_new(d->event, o->worker, journal_record, &d->launcher, e);
        if (r < 0)
                return r;
        config.event = d->event;
        config.hypervisor = d->hypervisor;
        config.launcher = d->launcher;
        r = engine_new(&config, &d->engine);
        if (r == 0)
                r = control_new(d->event, d->engine, o->socket, on_upgraded, d, &d->control, e);
        if (r < 0)
                return r;
        /* Watched before it is read for the first time: nothing can change unnoticed in between. */
        (void) board_directories(paths.boards);
        r = watch_new(d->event, &paths, on_files_changed, d, &d->watch);
        if (r < 0)
                return err_set(e, r, "watching %s: %s", o->zones_dirs.paths[0], strerror(-r));
        d->level_given = o->level_given;
        take_settings(d);
        (void) engine_reload(d->engine); /* it tries again by itself */
        return 0;
}

static void daemon_stop(struct daemon *d) {
        watch_free(d->watch);
        control_free(d->control);
        engine_free(d->engine);
        launcher_free(d->launcher);
        hypervisor_close(d->hypervisor);
        sd_event_unref(d->event);
}

/* Where this program lies: asked before another takes its place. */
static void find_program(char *ret, size_t size) {
        ssize_t n = readlink("/proc/self/exe", ret, size - 1);

        ret[MAX(n, 0)] = '\0';
}

/* Workers that ended while one program took the place of another are nobody else's to bury. */
static void reap_children(void) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

int main(int argc, char *argv[]) {
        char program[PATH_MAX];
        struct options options = {
                .board = BOARD_CONF,
                .socket = RUN_BUS,
                .specs_dir = RUN_SPECS_DIR,
                .worker = WORKER_BINARY,
        };
        struct daemon d = {};
        struct err e = {};
        int r;

        find_program(program, sizeof(program));
        reap_children();
        prctl(PR_SET_NAME, DAEMON_COMM);
        options.level_given = log_open("hvisor-reconciler");
        journal_open();
        r = parse_options(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        r = daemon_start(&d, &options, &e);
        if (r >= 0) {
                notify_watchdog(d.event);
                r = sd_event_loop(d.event);
        }
        if (r < 0)
                log_fatal("cannot go on: %s", err_text(&e, r));
        if (r >= 0 && d.upgraded && !d.ended) {
                execute_anew(program, argv);
                return EXIT_FAILURE;
        }
        daemon_stop(&d);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
