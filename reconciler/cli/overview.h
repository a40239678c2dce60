/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reconciler would see, seen without it: the same loading, observing
 * and planning code, once. For `hvisor status` and `hvisor plan` while it is
 * down. Needs root, as it does.
 */
#pragma once

#include "base/err.h"
#include "live/live.h"
#include "plan/desired.h"
#include "plan/plan.h"

struct overview {
        struct desired desired;
        struct live live;
        struct plan plan;
};

/** overview_take() - @o is empty before, overview_clear() also after a failure. Return: 0, -errno. */
int overview_take(struct overview *o, struct err *e);
void overview_clear(struct overview *o);

/**
 * status_get() - from the reconciler; from an overview if it is down
 * @ret: owned by the caller
 *
 * Return: 0, -errno with the story.
 */
int status_get(json_t **ret, struct err *e);
