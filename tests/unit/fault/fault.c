/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault/fault.h"

#include <errno.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <string.h>

_Thread_local unsigned fault_muted;
static struct fault_state *state;

void fault_use(struct fault_state *s) {
        state = s;
}

void fault_arm(enum fault_mode mode, unsigned at, unsigned variant) {
        *state = (struct fault_state){ .armed = true, .mode = mode, .at = at, .variant = variant };
}

bool fault_disarm(void) {
        state->armed = false;
        return state->name[0];
}

const char *fault_text(void) {
        static char text[512];

        if (!state->name[0])
                return "no call fails";
        snprintf(text, sizeof(text), "%s(): %s (%s), in %s", state->name, strerrorname_np(state->error),
                 strerror(state->error), state->where);
        return text;
}

static unsigned count_errnos(const struct fault_row *row) {
        unsigned n = 0;

        while (n < FAULT_ERRNOS_MAX && row->errnos[n])
                n++;
        return n;
}

/* A signal interrupts once: whoever goes on then must not be kept for ever. */
static int choose_error(const struct fault_row *row) {
        int error = row->errnos[state->variant % count_errnos(row)];

        return state->mode == FAULT_LASTS && error == EINTR ? row->errnos[0] : error;
}

static bool is_due(const struct fault_row *row) {
        unsigned n;

        if (state->name[0])
                return state->mode == FAULT_LASTS && strcmp(state->name, row->name) == 0;
        n = __atomic_add_fetch(&state->count, 1, __ATOMIC_RELAXED);
        return n == state->at;
}

static void note(const struct fault_row *row, const void *caller) {
        if (state->name[0])
                return;
        snprintf(state->name, sizeof(state->name), "%s", row->name);
        state->error = choose_error(row);
        __sanitizer_symbolize_pc((void *) caller, "%f %s:%l", state->where, sizeof(state->where));
}

struct fault_verdict fault_decide(const struct fault_row *row, const void *caller) {
        static const int values[] = { [MINUS_ONE] = -1 };
        struct fault_verdict v = {};
        int before = errno;

        if (!state || !state->armed || fault_muted || !is_due(row))
                return v;
        {
                FAULT_MUTED;
                note(row, caller);
        }
        v.fails = 1;
        if (row->returns == NEGATIVE || row->returns == POSITIVE) {
                v.value = row->returns == NEGATIVE ? -state->error : state->error;
                errno = before;
        } else {
                v.value = row->returns == MINUS_ONE ? values[MINUS_ONE] : 0;
                errno = state->error;
        }
        return v;
}

/* ---- the way in ------------------------------------------------------------------------------------ */

/*
 * Of every function, whatever its arguments are: they are kept while it is
 * decided, and handed on. Floating-point ones are not: there are none.
 */
#if defined(__x86_64__)
#define WAY_IN(name, goes_to)                                                                                          \
        asm(".text\n.globl __wrap_" #name "\n.type __wrap_" #name ", @function\n__wrap_" #name ":\n"                   \
            "push %rbp\nmov %rsp, %rbp\n"                                                                              \
            "push %rdi\npush %rsi\npush %rdx\npush %rcx\npush %r8\npush %r9\npush %rax\nsub $8, %rsp\n"                \
            "lea fault_row_" #name "(%rip), %rdi\nmov 8(%rbp), %rsi\ncall fault_decide\n"                              \
            "mov %rax, %r10\nmov %rdx, %r11\n"                                                                         \
            "add $8, %rsp\npop %rax\npop %r9\npop %r8\npop %rcx\npop %rdx\npop %rsi\npop %rdi\npop %rbp\n"             \
            "test %r10, %r10\njnz 1f\njmp " #goes_to "@PLT\n1:\nmov %r11, %rax\nret\n");
#define WAY_AROUND(name)                                                                                               \
        asm(".text\n.globl __wrap_" #name "\n.type __wrap_" #name ", @function\n__wrap_" #name ":\n"                   \
            "jmp fake_" #name "@PLT\n");
#elif defined(__aarch64__)
#define WAY_IN(name, goes_to)                                                                                          \
        asm(".text\n.globl __wrap_" #name "\n.type __wrap_" #name ", %function\n__wrap_" #name ":\n"                   \
            "stp x29, x30, [sp, #-96]!\nmov x29, sp\n"                                                                 \
            "stp x0, x1, [sp, #16]\nstp x2, x3, [sp, #32]\nstp x4, x5, [sp, #48]\nstp x6, x7, [sp, #64]\n"             \
            "adrp x0, fault_row_" #name "\nadd x0, x0, :lo12:fault_row_" #name "\nmov x1, x30\nbl fault_decide\n"      \
            "mov x9, x0\nmov x10, x1\n"                                                                                \
            "ldp x0, x1, [sp, #16]\nldp x2, x3, [sp, #32]\nldp x4, x5, [sp, #48]\nldp x6, x7, [sp, #64]\n"             \
            "ldp x29, x30, [sp], #96\ncbnz x9, 1f\nb " #goes_to "\n1:\nmov x0, x10\nret\n");
#define WAY_AROUND(name)                                                                                               \
        asm(".text\n.globl __wrap_" #name "\n.type __wrap_" #name ", %function\n__wrap_" #name ":\nb fake_" #name "\n");
#else
#error "a way in for this architecture is wanted"
#endif

#define FAILS(name_, returns_, ...)                                                                                    \
        extern const struct fault_row fault_row_##name_;                                                               \
        const struct fault_row fault_row_##name_ = { #name_, returns_, { __VA_ARGS__ } };                              \
        WAY_IN(name_, __real_##name_)
#define FAKED(name_, returns_, ...)                                                                                    \
        extern const struct fault_row fault_row_##name_;                                                               \
        const struct fault_row fault_row_##name_ = { #name_, returns_, { __VA_ARGS__ } };                              \
        WAY_IN(name_, fake_##name_)
#define FAKE(name) WAY_AROUND(name)
#define SURE(name)

#include "fault/calls.def"
