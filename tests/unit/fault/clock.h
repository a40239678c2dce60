/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that jumps to the next timer of the daemon's when nothing else is to be waited for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** clock_skip() - to the next time that a source waits for; false: none does */
bool clock_skip(void);

/** clock_us() - µs, as the daemon sees it */
uint64_t clock_us(void);
