/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
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

/*
 * Who goes first when memory runs out: an ordinary program before a worker, whose guest waits for another, and a worker before
 * the daemon (its unit's OOMScoreAdjust=), who replaces it. Of one that is not above us already: to lower it is no affair of ours.
 */
static void set_oom_score(void) {
        static const char score[] = "-500";
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void) !write(fd, score, sizeof(score) - 1);
                close(fd);
        }
}

/* Between clone and exec of a process with threads: async-signal-safe calls only. */
_Noreturn static void child(char *const argv[], char *const environment[], int error_fd, const int *fds, size_t num_fds,
                            int gate) {
        struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t stop;
        char byte;
        int null;

        setsid();
        set_oom_score();
        for (int i = 1; i < NSIG; i++)
                sigaction(i, &standard, NULL);
        /* The first process of a PID namespace would not even notice them before it has said what it does about them. */
        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGINT);
        sigprocmask(SIG_SETMASK, &stop, NULL);
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

/* As fork(2), and a pidfd with it. (Not clone3(2): a filter cannot look into its flags, so systemd's denies it whole.) */
static pid_t fork_with(unsigned long flags, int *ret_pidfd) {
        return (pid_t) syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd, NULL, NULL);
}

/* A worker without a PID namespace says so itself: it is the one that knows all that its cage lacks. */
static pid_t fork_apart(int *ret_pidfd) {
        pid_t pid = fork_with(CLONE_NEWPID, ret_pidfd);

        if (pid < 0 && (errno == EPERM || errno == EINVAL || errno == ENOSPC))
                pid = fork_with(0, ret_pidfd);
        return pid;
}

int process_fork(char *const argv[], int error_fd, const int *fds, size_t num_fds, struct process *ret, struct err *e) {
        struct environment environment = {};
        int gate[2], pidfd = -1;
        pid_t pid;

        environment_fill(&environment);
        if (pipe2(gate, O_CLOEXEC) < 0)
                return err_set(e, -errno, "pipe: %s", strerror(errno));
        pid = fork_apart(&pidfd);
        if (pid == 0) {
                close(gate[1]);
                child(argv, environment.list, error_fd, fds, num_fds, gate[0]);
        }
        close(gate[0]);
        if (pid < 0) {
                int r = -errno;

                close(gate[1]);
                return err_set(e, r, "clone: %s", strerror(-r));
        }
        *ret = (struct process){ .pid = pid, .pidfd = pidfd, .gate = gate[1] };
        return 0;
}

void process_go(int *gate) {
        if (*gate >= 0)
                (void) !write(*gate, "g", 1);
        *gate = fd_close(*gate);
}
