/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/hash.h"
#include "config/board_description.h"
#include "config/parse.h"

static int set_string(char **to, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

/* Without a good one nobody knows what the board has: zones go on, none starts. */
static int set_no_board(struct desired *d, const char *message) {
        d->board = board_spec_free(d->board);
        return set_string(&d->board_message, message);
}

int desired_board_load(struct desired *d, const char *path) {
        _cleanup_free_ char *text = NULL, *message = NULL;
        struct diagnostics diagnostics = {};
        struct board_spec *board = NULL;
        char first[512];
        uint64_t hash;
        size_t size;
        int r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &size);

        if (error_is_lack(r))
                return r;
        d->board_unread = error_is_of_medium(r);
        if (r == -EAGAIN && d->board)
                return 0; /* stays until its writer closes it, which brings an event */
        if (r < 0) {
                d->board_hash = 0;
                if (asprintf(&message,
                             "%s: %s; it tells which CPUs and memory the board has, and no zone starts "
                             "without it",
                             path, strerror(-r)) < 0)
                        return -ENOMEM;
                return set_no_board(d, message);
        }
        hash = hash_bytes(HASH_INIT, text, size);
        if (hash == d->board_hash && d->board && board_description_is_current(d->board))
                return 0;
        d->board_hash = 0; /* as above */
        r = board_spec_parse(path, text, size, &diagnostics, &board);
        if (r == 0) {
                board_spec_free(d->board);
                d->board = board;
                free(TAKE_PTR(d->board_message));
        } else if (r == -EBADMSG || error_is_of_medium(r)) {
                d->board_unread = r != -EBADMSG;
                diagnostics_summary(&diagnostics, first, sizeof(first));
                r = set_no_board(d, first);
        }
        if (r == 0)
                d->board_hash = hash;
        diagnostics_clear(&diagnostics);
        return r;
}
