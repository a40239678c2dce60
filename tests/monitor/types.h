/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little of a C library that code without an operating system needs. */
#ifndef MONITOR_TYPES_H
#define MONITOR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (1ULL << (n))
#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE_SIZE 4096UL
#define SZ_2M 0x200000UL

#endif
