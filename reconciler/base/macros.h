/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few macros that every file uses: ownership by cleanup attribute, taking
 * ownership over, array sizes. No dependencies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* One line each. */
/* clang-format off */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1U << (n))
#define MIN(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define MAX(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })

/* Ownership leaves a variable: its value is returned, the variable is empty. */
#define TAKE_PTR(p) ({ __typeof__(p) _taken = (p); (p) = NULL; _taken; })
#define TAKE_FD(fd) ({ int _taken = (fd); (fd) = -1; _taken; })

/* clang-format on */

/* Defines name##p(), for _cleanup_(), of a destructor that takes a pointer and stands NULL. */
#define DEFINE_CLEANUP(type, name)                                                                                     \
        static inline void name##p(type *p) {                                                                          \
                if (*p)                                                                                                \
                        name(*p);                                                                                      \
        }                                                                                                              \
        struct __semicolon_wanted

static inline void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(freep)
