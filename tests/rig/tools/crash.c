// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash PID: makes a process run into nowhere, as a mistake of its own would: its next instruction is at address 0. (A
 * SIGSEGV that is merely sent does not reach the first process of a PID namespace.)
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <asm/ptrace.h>

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
        pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
        struct user_pt_regs registers;
        struct iovec io = { &registers, sizeof(registers) };
        int status;

        if (pid <= 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0)
                die("crash PID");
        if (ptrace(PTRACE_GETREGSET, pid, (void *) NT_PRSTATUS, &io) < 0)
                die("registers");
        registers.pc = 0;
        if (ptrace(PTRACE_SETREGSET, pid, (void *) NT_PRSTATUS, &io) < 0 || ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
                die("registers");
        return EXIT_SUCCESS;
}
