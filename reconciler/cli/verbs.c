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
          { { "board", "FILE", "the board that the zones are for; else " BOARD_CONF } },
          verb_check },
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
          "If the input is not a terminal it is copied to its end; the console's output then\n"
          "goes on until it has been silent for some seconds (--timeout), at most ten times as long.\n"
          "\n"
          "Exit status: 0 left, or the console was closed; 1 there is none, or an error.\n",
          { { "timeout", "SECONDS", "of silence that end it after the input's end (2); not for terminals" } },
          verb_console },
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
};

const size_t num_verbs = ELEMENTSOF(verbs);
