/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

/*
 * Where the log goes, and the level that is in force; beside them nothing:
 * NOTIFY_SOCKET, WATCHDOG_* and LISTEN_* are the daemon's own.
 */
struct environment {
        char journal[128], level[32];
        char *list[3];
};

static void environment_fill(struct environment *v) {
        const char *stream = getenv("JOURNAL_STREAM"), *level = log_level_word(log_level());
        char **next = v->list;

        if (stream && snprintf(v->journal, sizeof(v->journal), "JOURNAL_STREAM=%s", stream) < (int) sizeof(v->journal))
                *next++ = v->journal;
        if (level && snprintf(v->level, sizeof(v->level), LOG_ENVIRONMENT "=%s", level) < (int) sizeof(v->level))
                *next++ = v->level;
}

/* Between fork and exec of a process with threads: async-signal-safe calls only. */
_Noreturn static void child(char *const argv[], char *const environment[], int error_fd, const int *fds, size_t num_fds,
                            int gate) {
        struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t none;
        char byte;
        int null;

        setsid();
        for (int i = 1; i < NSIG; i++)
                sigaction(i, &standard, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(error_fd, STDOUT_FILENO) < 0 ||
            dup2(error_fd, STDERR_FILENO) < 0)
                _exit(125);
        for (size_t i = 0; i < num_fds; i++)
                if (fcntl(fds[i], F_SETFD, 0) < 0)
                        _exit(125);
        if (read(gate, &byte, 1) != 1)
                _exit(0); /* the daemon is gone, or gave up */
        execve(argv[0], argv, environment);
        _exit(errno == ENOENT ? 127 : 126);
}

int process_fork(char *const argv[], int error_fd, const int *fds, size_t num_fds, struct process *ret, struct err *e) {
        struct environment environment = {};
        int gate[2], pidfd;
        pid_t pid;

        environment_fill(&environment);
        if (pipe2(gate, O_CLOEXEC) < 0)
                return err_set(e, -errno, "pipe: %s", strerror(errno));
        pid = fork();
        if (pid == 0) {
                close(gate[1]);
                child(argv, environment.list, error_fd, fds, num_fds, gate[0]);
        }
        close(gate[0]);
        if (pid < 0) {
                close(gate[1]);
                return err_set(e, -errno, "fork: %s", strerror(errno));
        }
        pidfd = pidfd_open(pid, 0); /* our own unreaped child: the pid cannot be another's */
        if (pidfd < 0) {
                int r = -errno;

                close(gate[1]);
                waitpid(pid, NULL, 0);
                return err_set(e, r, "pidfd_open: %s", strerror(-r));
        }
        *ret = (struct process){ .pid = pid, .pidfd = pidfd, .gate = gate[1] };
        return 0;
}

void process_go(int *gate) {
        if (*gate >= 0)
                (void) !write(*gate, "g", 1);
        *gate = fd_close(*gate);
}
