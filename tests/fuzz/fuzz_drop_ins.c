/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A zone's file and its drop-ins, with a form feed between each two. Every message names the file that it is about, and
 * a place in it; what comes of all is a zone that can be written as one file. A file that says the same once more
 * changes nothing, and neither does an empty one.
 */
#include "fuzz/board.h"
#include "fuzz/conf_mutator.h"

#define FILES_MAX 6

static const char *const paths[FILES_MAX] = {
        "x.conf", "x.conf.d/1.conf", "x.conf.d/2.conf", "x.conf.d/3.conf", "x.conf.d/4.conf", "x.conf.d/5.conf",
};

static struct zone_spec *merge(const struct input *texts, size_t count) {
        struct zone_source sources[FILES_MAX];
        struct told_file files[FILES_MAX];
        struct diagnostics d = {};
        struct zone_spec *z = NULL;
        int r;

        for (size_t i = 0; i < count; i++) {
                files[i] = (struct told_file){ paths[i], texts[i] };
                sources[i] = (struct zone_source){ .path = (char *) paths[i],
                                                   .file = paths[i],
                                                   .text = (char *) texts[i].at,
                                                   .size = input_left(&texts[i]) };
        }
        r = zone_spec_merge("x", sources, count, &d, &z);
        CLAIM(r == 0 ? z && d.errors == 0 : r == -EBADMSG && !z && d.errors > 0);
        claim_told(&d, files, count);
        if (z)
                check_board(z, files, count, usual_board());
        return z;
}

/* One more file behind the others. */
static void claim_unchanged(const struct zone_spec *z, struct input *texts, size_t count, struct input more) {
        _cleanup_(zone_spec_freep) struct zone_spec *same = NULL;

        texts[count] = more;
        same = merge(texts, count + 1);
        CLAIM(same);
        claim_equal(z, same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size }, texts[FILES_MAX];
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        _cleanup_free_ char *whole = NULL;
        size_t count = 0;

        do
                texts[count++] = input_part(&in);
        while (input_left(&in) > 0 && count < FILES_MAX - 1);
        z = merge(texts, count);
        if (!z)
                return 0;
        claim_round_trip(z);
        claim_unchanged(z, texts, count, input_of(""));
        CLAIM(zone_spec_format(z, &whole) == 0);
        claim_unchanged(z, texts, count, input_of(whole));
        return 0;
}
