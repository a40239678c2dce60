// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject PID NUMBER [ARGUMENT…]: has a process that waits in a system call make another one, as if its own code had been
 * taken over. An argument is a number, or "text:…", of which the address is passed. Says "killed by N", or "returned N"
 * and then lets the process go on as if nothing had been.
 */
#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef __aarch64__
#error "registers and instructions here are arm64's"
#endif

#define SVC_0       0xd4000001U /* the instruction "svc #0" */
#define ARGUMENTS   6
#define BELOW_STACK 4096 /* where texts are put: nobody's */

struct registers {
        unsigned long long x[31], sp, pc, pstate;
};

static pid_t pid;

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static void copy_registers(enum __ptrace_request request, struct registers *r) {
        struct iovec whole = { r, sizeof(*r) };

        if (ptrace(request, pid, (void *) NT_PRSTATUS, &whole) < 0)
                die("registers");
}

/* Return: the wait status of its next stop; it may be its end. */
static int next_stop(void) {
        int status;

        if (waitpid(pid, &status, __WALL) != pid)
                die("wait");
        return status;
}

static bool has_returned(void) {
        struct __ptrace_syscall_info call = {};

        return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *) sizeof(call), &call) > 0 &&
               call.op == PTRACE_SYSCALL_INFO_EXIT;
}

/* Takes hold of it. An interrupted system call has just returned, or will be made again: "svc" is behind or before. */
static unsigned long long stop(struct registers *ret) {
        int status;
        long word;

        if (ptrace(PTRACE_SEIZE, pid, NULL, (void *) PTRACE_O_TRACESYSGOOD) < 0 ||
            ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
                die("attach");
        status = next_stop();
        if (!WIFSTOPPED(status))
                die("it ended");
        copy_registers(PTRACE_GETREGSET, ret);
        for (unsigned long long at = ret->pc - 4; at <= ret->pc; at += 4) {
                word = ptrace(PTRACE_PEEKTEXT, pid, (void *) at, NULL);
                if ((unsigned) word == SVC_0)
                        return at;
        }
        fprintf(stderr, "it is not in a system call\n");
        exit(EXIT_FAILURE);
}

static unsigned long long put_text(const char *text, unsigned long long at) {
        size_t size = strlen(text) + 1;

        for (size_t i = 0; i < size; i += sizeof(long)) {
                long word = 0;

                memcpy(&word, text + i, size - i < sizeof(word) ? size - i : sizeof(word));
                if (ptrace(PTRACE_POKEDATA, pid, (void *) (at + i), (void *) word) < 0)
                        die("text");
        }
        return at;
}

static unsigned long long argument(const char *word, const struct registers *r, int index) {
        static const char text[] = "text:";

        if (strncmp(word, text, strlen(text)) == 0)
                return put_text(word + strlen(text), ((r->sp - BELOW_STACK) & ~15ULL) + 256 * (unsigned) index);
        return strtoull(word, NULL, 0);
}

int main(int argc, char **argv) {
        struct registers before, r;
        unsigned long long svc;
        int status;

        pid = argc >= 3 && argc <= 3 + ARGUMENTS ? atoi(argv[1]) : 0;
        if (pid <= 0) {
                fprintf(stderr, "inject PID NUMBER [ARGUMENT...]\n");
                return EXIT_FAILURE;
        }
        svc = stop(&before);
        r = before;
        r.pc = svc;
        r.x[8] = strtoull(argv[2], NULL, 0);
        for (int i = 0; i < ARGUMENTS; i++)
                r.x[i] = 3 + i < argc ? argument(argv[3 + i], &before, i) : 0;
        copy_registers(PTRACE_SETREGSET, &r);
        do {
                if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
                        die("go on");
                status = next_stop();
        } while (WIFSTOPPED(status) && !has_returned());
        if (WIFSTOPPED(status)) {
                copy_registers(PTRACE_GETREGSET, &r);
                copy_registers(PTRACE_SETREGSET, &before);
                /* A filter kills by a signal, and that comes before a next call of its own. */
                if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
                        die("go on");
                status = next_stop();
        }
        if (WIFSIGNALED(status)) {
                printf("killed by %d\n", WTERMSIG(status));
                return EXIT_SUCCESS;
        }
        printf("returned %lld\n", (long long) r.x[0]);
        return ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
