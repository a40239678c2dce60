/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two zones both claim: a name, an Id, CPUs, RAM, I/O, real interrupts,
 * images that one of them writes, taps. Pure: which files the images are was looked up
 * by zone_spec_identify().
 */
#pragma once

#include "config/spec.h"

struct conflict {
        char text[320];                    /* what is the matter, e.g. "CPU 2 belongs to zone linux2" */
        const char *advice;                /* what to do */
        const void *object, *other_object; /* whose settings claim it, for zone_spot(); NULL: the zones themselves */
        const char *key, *other_key;
};

/** zone_conflict_find() - the first thing that both claim, false if there is none: then @ret means nothing */
bool zone_conflict_find(const struct zone_spec *z, const struct zone_spec *other, struct conflict *ret);

/** zone_conflict() - its text alone, for a message about what @z waits for; @text is written only if there is one */
bool zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size);

/** zone_conflict_explain() - for a message at a place of @z, which has to give way: the other's place, what to do */
void zone_conflict_explain(const struct conflict *c, const struct zone_spec *z, const struct zone_spec *other,
                           char *text, size_t size);

/** zone_conflict_tell() - the same with @z's place before it; @text is written only if there is a conflict */
bool zone_conflict_tell(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size);

/** device_image_shared() - true if both have the same image, whatever they call it, and one of them writes it */
bool device_image_shared(const struct device_spec *a, const struct device_spec *b);
