/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor virtio start: hvisor-tool's daemon for devices, as far as anybody can tell. It serves nothing itself: while
 * it runs, the devices that it was given are those of their zones.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-event.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/bring.h"
#include "cli/client.h"
#include "cli/table.h"
#include "config/settings.h"

#define COMM "hvisor-virtio" /* as hvisor-tool's: what is pkilled is this */

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata _unused_) {
        log_debug("told to end by signal %u of process %u", info->ssi_signo, info->ssi_pid);
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int on_terminals(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        terminals_look(userdata);
        return 0;
}

/* nohup(1) has SIGHUP ignored: then it stays so. Blocked from the beginning: what was brought is taken back. */
static int block_signals(sigset_t *ret) {
        struct sigaction hangup;

        sigemptyset(ret);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGINT);
        if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
                sigaddset(ret, SIGHUP);
        return sigprocmask(SIG_BLOCK, ret, NULL) < 0 ? -errno : 0;
}

static int stay(struct terminals *t, const sigset_t *ends) {
        sd_event *event = NULL;
        int r = sd_event_new(&event);

        for (int n = 1; n < _NSIG && r >= 0; n++)
                if (sigismember(ends, n) == 1)
                        r = sd_event_add_signal(event, NULL, n, on_signal, NULL);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, t->events, EPOLLIN, on_terminals, t);
        if (r >= 0) {
                terminals_look(t);
                r = sd_event_loop(event);
        }
        sd_event_unref(event);
        return r;
}

/* It stays, as the daemon does: what is set for that counts for it, too. */
static void take_log_level(void) {
        struct diagnostics ignored = {};
        struct settings s;

        if (!getenv(LOG_ENVIRONMENT) && settings_load(SETTINGS_CONF, &ignored, &s) >= 0 && s.log_level)
                log_set_level(s.log_level);
        diagnostics_clear(&ignored);
}

int verb_virtio_start(const struct arguments *a) {
        struct terminals terminals;
        struct diagnostics d = {};
        struct brings brings = {};
        sigset_t ends;
        bool good;
        int r;

        take_log_level();
        signal(SIGPIPE, SIG_IGN); /* nobody reads what is told: it goes on */
        setlinebuf(stdout);       /* a nohup.out is read while this runs */
        (void) prctl(PR_SET_NAME, COMM);
        r = block_signals(&ends);
        if (r >= 0)
                r = mkdir_parents(RUN_ZONES_DIR "/");
        if (r >= 0)
                r = terminals_open(&terminals, stdout);
        if (r < 0) {
                log_error("%s: %s", RUN_ZONES_DIR, strerror(-r));
                return EXIT_FAILURE;
        }
        good = brings_read(&brings, a, &terminals, &d);
        diagnostics_print(&d, stderr, colour_wanted(stderr));
        diagnostics_clear(&d);
        if (good && !client_daemon_runs()) {
                log_error(CLIENT_NOT_RUNNING);
                good = false;
        }
        r = good ? brings_do(&brings) : -EINVAL;
        if (r >= 0)
                r = stay(&terminals, &ends);
        terminals_close(&terminals);
        brings_take_back(&brings);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
