/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"

struct job {
        pthread_t thread;
        int finished; /* eventfd; written by the thread as its last act */
        sd_event_source *source;
        job_work work;
        job_done done;
        void *userdata;
        int result;
        struct err err;
        void (*discard)(void *userdata); /* of an abandoned one; else NULL */
        struct job **at;                 /* what points to it among those that were abandoned */
        struct job *next;
};

static void *run(void *argument) {
        struct job *j = argument;

        j->result = j->work(j->userdata, &j->err);
        (void) eventfd_write(j->finished, 1); /* never full: it cannot fail */
        return NULL;
}

static void job_free(struct job *j) {
        sd_event_source_disable_unref(j->source);
        fd_close(j->finished);
        free(j);
}

static void job_discard(struct job *j) {
        *j->at = j->next;
        if (j->next)
                j->next->at = j->at;
        j->discard(j->userdata);
}

static int on_finished(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        struct job *j = userdata;

        pthread_join(j->thread, NULL);
        sd_event_source_set_enabled(j->source, SD_EVENT_OFF);
        if (j->discard)
                job_discard(j);
        else
                j->done(j->userdata, j->result, &j->err);
        job_free(j);
        return 0;
}

/* Signals are the loop's: a thread that took one would hide it from the signalfd. */
static int create_thread(struct job *j) {
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&j->thread, NULL, run, j);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int job_start(sd_event *event, job_work work, job_done done, void *userdata, struct job **ret) {
        struct job *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        *j = (struct job){ .work = work, .done = done, .userdata = userdata };
        j->finished = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = j->finished < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(event, &j->source, j->finished, EPOLLIN, on_finished, j);
        if (r >= 0)
                r = create_thread(j);
        if (r < 0) {
                job_free(j);
                return r;
        }
        *ret = j;
        return 0;
}

struct job *job_cancel(struct job *j) {
        if (j) {
                pthread_join(j->thread, NULL);
                job_free(j);
        }
        return NULL;
}

void job_abandon(struct job *j, struct job **left, void (*discard)(void *userdata)) {
        j->discard = discard;
        j->at = left;
        j->next = *left;
        if (j->next)
                j->next->at = &j->next;
        *left = j;
}

void jobs_finish(struct job **left) {
        while (*left) {
                struct job *j = *left;

                pthread_join(j->thread, NULL);
                job_discard(j);
                job_free(j);
        }
}
