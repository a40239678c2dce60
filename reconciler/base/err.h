/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error with its story: what failed, told by each border it crosses, the
 * outermost first ("zone linux2: start on hvisor: CPU 2 belongs to …").
 *
 * The caller owns a struct err, fixed in size, no allocation; NULL is allowed
 * everywhere and means that nobody listens. Functions return -errno beside it.
 */
#pragma once

#include "base/macros.h"

#define ERR_TEXT_SIZE 512

struct err {
        int code; /* -errno of the first failure, 0 if none */
        char text[ERR_TEXT_SIZE];
};

/** err_set() - the first failure; @code is -errno, and is returned */
int err_set(struct err *e, int code, const char *format, ...) _printf_(3, 4);

/** err_add() - puts context before what is there; returns @code */
int err_add(struct err *e, int code, const char *format, ...) _printf_(3, 4);

/** error_is_lack() - @r, -errno, is of memory or descriptors: it tells nothing of what was asked for, and may be over soon */
bool error_is_lack(int r);

/** error_is_of_medium() - likewise of the disk or the server that a file lies on */
bool error_is_of_medium(int r);

/** err_text() - the story, or the errno's own text where none was told */
const char *err_text(const struct err *e, int code);
