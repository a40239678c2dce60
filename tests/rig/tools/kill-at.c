// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill-at PID N: kills a process (SIGKILL) at its Nth deed, which is not done then. A deed is a system call, of any of
 * its threads, that changes something outside of it: an object of hvisor.ko, a file's name, a process. Says "attached" once it watches and "killed at CALL" at the end.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

#include <hvisor.h>

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

/* ---- what counts ---------------------------------------------------------------------------------------- */

static const char *ioctl_name(unsigned request) {
        static const struct {
                unsigned request;
                const char *name;
        } changing[] = {
                { HVISOR_ZONE_CREATE, "zone-create" }, { HVISOR_DEVICE_CREATE, "device-create" },
                { HVISOR_ZONE_LOAD, "zone-load" },     { HVISOR_ZONE_START, "zone-start" },
                { HVISOR_ZONE_STOP, "zone-stop" },     { HVISOR_ZONE_DESTROY, "zone-destroy" },
        };

        for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
                if (changing[i].request == request)
                        return changing[i].name;
        return NULL;
}

/* Its name; NULL: no deed. */
static const char *deed(const struct ptrace_syscall_info *call) {
        const __u64 *a = call->entry.args;

        switch (call->entry.nr) {
        case SYS_ioctl:
                return ioctl_name((unsigned) a[1]);
        case SYS_clone:
                return a[0] & CLONE_THREAD ? NULL : "clone";
        case SYS_renameat:
        case SYS_renameat2:
                return "rename";
        case SYS_unlinkat:
                return "unlink";
        case SYS_pidfd_send_signal:
                return "pidfd-send-signal";
        default:
                return NULL;
        }
}

/* ---- watching -------------------------------------------------------------------------------------------- */

static void attach(pid_t tid) {
        if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) < 0 ||
            ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
                die("attach");
}

static void attach_all(pid_t pid) {
        struct dirent *entry;
        char path[64];
        DIR *threads;

        snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
        threads = opendir(path);
        if (!threads)
                die(path);
        while ((entry = readdir(threads)))
                if (entry->d_name[0] != '.')
                        attach(atoi(entry->d_name));
        closedir(threads);
}

static const char *deed_at_stop(pid_t tid) {
        struct ptrace_syscall_info call = {};

        if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(call), &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY)
                return NULL;
        return deed(&call);
}

/* The signal to go on with: one that was on its way to the process. */
static int signal_at_stop(int status) {
        return status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
}

int main(int argc, char **argv) {
        pid_t pid = argc == 3 ? atoi(argv[1]) : 0, tid;
        int left = argc == 3 ? atoi(argv[2]) : 0, status;

        if (pid <= 0 || left <= 0) {
                fprintf(stderr, "kill-at PID N\n");
                return EXIT_FAILURE;
        }
        attach_all(pid);
        puts("attached");
        fflush(stdout);
        while ((tid = waitpid(-1, &status, __WALL)) > 0) {
                const char *name = NULL;

                if (!WIFSTOPPED(status))
                        continue;
                if (WSTOPSIG(status) == (SIGTRAP | 0x80))
                        name = deed_at_stop(tid);
                if (name && --left == 0) {
                        kill(pid, SIGKILL);
                        printf("killed at %s\n", name);
                        return EXIT_SUCCESS;
                }
                (void) ptrace(PTRACE_SYSCALL, tid, NULL, signal_at_stop(status));
        }
        puts("it ended by itself");
        return EXIT_FAILURE;
}
