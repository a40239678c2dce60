/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * describe WHAT: prints what the build makes from schema/keys.def. It runs on the
 * machine that builds, whichever the programs are for.
 */
#include <stdio.h>
#include <string.h>

#include "cli/keys_text.h"
#include "cli/schema_json.h"

int main(int argc, char **argv) {
        const char *what = argc == 2 ? argv[1] : "";
        int r = -1;

        if (strcmp(what, "zone.schema.json") == 0)
                r = schema_write(ZONE_FILE, stdout);
        else if (strcmp(what, "board.schema.json") == 0)
                r = schema_write(BOARD_FILE, stdout);
        else if (strcmp(what, "keys.md") == 0) {
                keys_write_markdown(stdout);
                r = 0;
        }
        if (r < 0 || fflush(stdout) != 0) {
                fputs("usage: describe zone.schema.json|board.schema.json|keys.md\n", stderr);
                return 1;
        }
        return 0;
}
