/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>

#include "base/dirs.h"
#include "base/macros.h"
#include "cli/verb.h"

const struct verb verbs[] = {
        { "status",
          "[ZONE]",
          0,
          1,
          NEEDS_NOTHING,
          "what is wanted, what runs, what went wrong",
          "With ZONE: its settings, devices, and the last error. If the reconciler is down,\n"
          "what can be seen without it is shown.\n"
          "\n"
          "Exit status: 0 shown; 1 it could not be seen, or there is no such zone.\n",
          { { "json", NULL, "for programs" } },
          verb_status },
        { "check",
          "[FILE|DIRECTORY]...",
          0,
          SIZE_MAX,
          NEEDS_NOTHING,
          "whether configuration files are right",
          "Without an argument: " ZONES_DIR ". Nothing is changed and no reconciler is needed:\n"
          "this works on any machine, and what could not be checked there is named.\n"
          "Files are also compared with the zones of " ZONES_DIR ", if there are any.\n"
          "\n"
          "Exit status: 0 all right; 1 something is wrong.\n",
          { { "board", "FILE", "the board that the zones are for; else " BOARD_CONF },
            { "json", NULL, "for programs: settings with all defaults (see hvisor keys), and what is wrong" } },
          verb_check },
        { "keys",
          "[SECTION|KEY]",
          0,
          1,
          NEEDS_NOTHING,
          "what may stand in a zone's file",
          "Without an argument: every section and key of a zone's file, what it means, its\n"
          "range and default, and what a change of it costs a zone that runs.\n"
          "SECTION or KEY is looked for in board.conf and hvisor.conf, too: hvisor keys reconciler.\n"
          "\n"
          "Exit status: 0 shown; 1 there is no such section or key.\n",
          { { "json", NULL, "a JSON Schema (2020-12) of what hvisor check --json prints as settings" },
            { "board", NULL, "of board.conf" } },
          verb_keys },
        { "import",
          "FILE [VIRTIO-FILE]",
          1,
          2,
          NEEDS_NOTHING,
          "the JSON files of hvisor-tool as a zone's file",
          "A zone's JSON file, and the virtio file that has its devices, become one .conf: printed, or\n"
          "put into DIRECTORY as NAME.conf; in " ZONES_DIR " that starts the zone. What there\n"
          "is no key for is named, in a comment, too; what can be no zone here is not written.\n"
          "Files in it are taken from the current directory, or else from the JSON file's own.\n"
          "\n"
          "Exit status: 0 done, perhaps with warnings; 1 something is wrong.\n",
          { { "output", "DIRECTORY", "where NAME.conf goes; one that is there already is left alone" } },
          verb_import },
        { "plan",
          "",
          0,
          0,
          NEEDS_NOTHING,
          "what the reconciler would do now, and why",
          "If the reconciler is down: what it would do if it were started.\n"
          "\n"
          "Exit status: 0 nothing to do; 1 error; 2 there is something to do.\n",
          { { "json", NULL, "for programs" } },
          verb_plan },
        { "console",
          "ZONE [DEVICE]",
          1,
          2,
          NEEDS_NOTHING,
          "attach to a zone's console; Ctrl-] leaves it",
          "Recent output comes first. Without DEVICE: the zone's only console, or \"main\".\n"
          "Any number may watch, one writes: the first that came; when it leaves, one of the others.\n"
          "If the input is not a terminal it is copied to its end; the console's output then\n"
          "goes on until it has been silent for some seconds (--timeout), at most ten times as long.\n"
          "\n"
          "Exit status: 0 left, or the console was closed; 1 there is none, or an error.\n",
          { { "timeout", "SECONDS", "of silence that end it after the input's end (2); not for terminals" },
            { "watch", NULL, "never write, only look; not the input's end, but a signal ends it" } },
          verb_console },
        { "logs",
          "ZONE [DEVICE]",
          1,
          2,
          NEEDS_NOTHING,
          "what was done with a zone, why, and what its workers said",
          "From the journal, through journalctl, oldest first; with or without the reconciler.\n"
          "What the guest itself prints is on its console.\n"
          "\n"
          "Exit status: 0 shown; 1 error, or nothing is known of such a zone.\n",
          { { "follow", NULL, "wait for more" },
            { "number", "LINES", "only the newest" },
            { "json", NULL, "one object a line, with all fields" } },
          verb_logs },
        { "restart",
          "ZONE",
          1,
          1,
          NEEDS_DAEMON,
          "power-cycle a zone; forget its failures",
          "A power cut for the guest, then a new start from its file. Also what brings back\n"
          "a zone that failed, exited, or waits for its next try.\n"
          "\n"
          "Exit status: 0 it restarts (see hvisor status); 1 error.\n",
          {},
          verb_restart },
        { "upgrade",
          "",
          0,
          0,
          NEEDS_DAEMON,
          "after new programs were installed: make all that runs run them",
          "Workers of an older program are replaced one after another, each before the next is\n"
          "touched; then the reconciler executes itself anew. Guests see nothing of it. A worker\n"
          "that does not come up ends it: the others go on with the program that they have.\n"
          "\n"
          "Exit status: 0 done; 1 error.\n",
          { { "all", NULL, "every worker, as after an upgrade of a library" } },
          verb_upgrade },
        { "stop-all",
          "",
          0,
          0,
          NEEDS_NOTHING,
          "before root Linux goes down: shut all zones down",
          "What hvisor-zones.service does at shutdown; there is seldom a reason to do it by hand.\n"
          "A power cut for the guests. Refused while the reconciler runs, which would start them\n"
          "again, as it does when it is started next. Zones that others started are left alone.\n"
          "\n"
          "Exit status: 0 none is left; 1 error, or some are.\n",
          { { "timeout", "SECONDS", "until it gives up (60)" } },
          verb_stop_all },
};

const size_t num_verbs = ELEMENTSOF(verbs);
