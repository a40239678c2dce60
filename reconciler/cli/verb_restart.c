/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/log.h"
#include "cli/client.h"
#include "cli/verb.h"

int verb_restart(const struct arguments *a) {
        struct err e = {};
        int r = client_call("Restart", a->words[0], NULL, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        printf("%s restarts; hvisor status %s tells how it goes.\n", a->words[0], a->words[0]);
        return EXIT_SUCCESS;
}
