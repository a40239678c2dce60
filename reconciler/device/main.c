/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: one process, one virtio device. It takes its descriptors from the
 * command line, attaches, locks itself up and serves until it is told to stop or
 * its device is gone. It does not care whether the daemon lives.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "base/fd.h"
#include "base/log.h"
#include "device/cage.h"
#include "device/options.h"
#include "virtio/server.h"
#include "virtio/transport_hvisor.h"
#include "virtio/transport_vhost_user.h"

/* What is written when guest memory was taken away; made beforehand, a handler cannot format. */
static char goodbye[160];
static char crash[160];

/* The zone is gone, or this worker was replaced: nothing is wrong with us. */
static void on_sigbus(int signal _unused_) {
        log_text(LOG_INFO, goodbye);
        _exit(EXIT_SUCCESS);
}

static void prepare_goodbye(const char *name) {
        (void) snprintf(goodbye, sizeof(goodbye), "%s: the guest's RAM was taken away, leaving", name);
}

/*
 * One that is sent from outside as well: a process that is the first of its PID namespace is not ended by a signal that
 * it leaves to its default, only by a fault of its own.
 */
static void on_crash(int signal _unused_) {
        log_text(LOG_CRIT, crash);
        *(volatile char *) NULL = 0;
}

static void prepare_crash(const char *name) {
        static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGABRT };
        struct sigaction action = { .sa_handler = on_crash, .sa_flags = (int) SA_RESETHAND };

        (void) snprintf(crash, sizeof(crash), "%s: the worker crashes", name);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaction(signals[i], &action, NULL);
}

/* SIGTERM and SIGINT arrive between two requests, as a descriptor. Return: the descriptor, or -errno. */
static int set_up_signals(void) {
        struct sigaction bus = { .sa_handler = on_sigbus };
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        sigset_t stop;
        int fd;

        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGINT);
        if (sigprocmask(SIG_SETMASK, &stop, NULL) < 0)
                return -errno;
        /* SIGHUP: of a terminal that the daemon was started on. SIGXFSZ: EFBIG says it. */
        if (sigaction(SIGBUS, &bus, NULL) < 0 || sigaction(SIGHUP, &ignore, NULL) < 0 ||
            sigaction(SIGXFSZ, &ignore, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static int make_transport(const struct worker_options *o, const char *name, struct transport **ret, struct err *e) {
        int r;

        if (o->vhost_user)
                return transport_vhost_user_new(o->vhost_user, name, ret, e);
        r = transport_hvisor_new(o->device_fd, ret);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static int serve(struct worker_options *o, const char *name, struct err *e) {
        _cleanup_(virtio_device_freep) struct virtio_device *device = NULL;
        _cleanup_(transport_freep) struct transport *transport = NULL;
        _cleanup_(server_freep) struct server *server = NULL;
        _cleanup_close_ int signal_fd = -1;
        int fds[WORKER_FDS_MAX];
        size_t num_fds = worker_options_fds(o, fds);
        int r;

        r = cage_close_others(fds, num_fds);
        if (r < 0)
                return err_set(e, r, "cannot close inherited descriptors: %s", strerror(-r));
        signal_fd = set_up_signals();
        if (signal_fd < 0)
                return err_set(e, signal_fd, "cannot set up signals: %s", strerror(-signal_fd));
        r = worker_options_open(o, e);
        if (r < 0)
                return r;
        r = make_transport(o, name, &transport, e);
        if (r < 0)
                return r;
        num_fds = worker_options_fds(o, fds);
        r = cage_isolate(name, o->uid, e);
        if (r < 0)
                return r;
        r = o->type->create(&o->arguments, &device, e);
        if (r < 0)
                return r;
        r = server_new(device, transport, name, o->cookie, signal_fd, &server, e);
        if (r < 0)
                return r;
        r = cage_restrict(o->type, o->vhost_user ? CAGE_VHOST_USER : CAGE_HVISOR, fds, num_fds, e);
        if (r < 0)
                return r;
        log_debug("%s: serving", name);
        r = server_run(server);
        /* Said here, before the device is let go of: the daemon does not wait for a process that has none. */
        if (r < 0)
                log_error("%s: %s", name, device->failure ?: strerror(-r));
        return r;
}

int main(int argc, char **argv) {
        struct worker_options options;
        struct err e = { 0 };
        char name[80];
        int r;

        (void) log_open("device");
        (void) signal(SIGPIPE, SIG_IGN); /* of stderr, when the daemon has been stopped */
        r = worker_options_parse(argc, argv, &options, &e);
        if (r == WORKER_OPTIONS_HELP) {
                worker_options_help();
                return EXIT_SUCCESS;
        }
        if (r == WORKER_OPTIONS_VERSION) {
                printf("device (hvisor-reconciler) %s\n", VERSION);
                return EXIT_SUCCESS;
        }
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }

        (void) prctl(PR_SET_NAME, options.type->comm, 0, 0, 0);
        (void) log_open(options.type->comm);
        if (options.log_fd >= 0)
                log_set_fallback(options.log_fd);
        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, options.arguments.zone, options.arguments.device);
        prepare_goodbye(name);
        prepare_crash(name);
        r = serve(&options, name, &e);
        if (e.code < 0)
                log_error("%s: %s", name, err_text(&e, r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
