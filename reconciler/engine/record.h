/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine tells of its doings: one record per event, with fields for
 * machines and a sentence for people. The daemon writes them to the journal.
 */
#pragma once

#include "base/macros.h"

/* MESSAGE_ID= of each kind of event; never changed once released, explained in units/hvisor.catalog. */
#define MESSAGE_ZONE_ACTION    "071023a3e02b4339ad3ca4f323d81eca" /* a zone's action begins */
#define MESSAGE_ZONE_ABANDONED "80b9a7652c4540e6b78b547d12f3bccf" /* and is given up before anything was done */
#define MESSAGE_ZONE_STARTED   "0cb22170e6374da9840e2ec822059240"
#define MESSAGE_ZONE_STOPPED   "660e1a4fcd224e71b8a827e52868246f"
#define MESSAGE_ZONE_FAILED    "8aef8ffb0ffb40588bef67cb03fc39e2"
#define MESSAGE_ZONE_ENDED     "1de4c8a807d6440eac5d088ee3411b1c" /* its guest powered off, or went astray */
#define MESSAGE_ZONE_WARNING   "72b12eb093a34fab8de1ef0d2c9089f9" /* it is started, but its guest will stumble */
#define MESSAGE_ZONE_NOTE      "3b008c73327a40438ad78dfba5ff92ac" /* refused, waiting, bad file, foreign … */
#define MESSAGE_WORKER_STARTED "b736bef4bee44e9cabb056e53c9e48f8"
#define MESSAGE_WORKER_ENDED   "8f78f026f2fe4c158f39146e3f9fff95"
#define MESSAGE_WORKER_FAILED  "a16a8bc6ee0646a99271359b8b86ba7d"
#define MESSAGE_WORKER_SAID    "35bd596f96f8438ba9172e0d980a1fa7" /* a line of a worker's own log */
#define MESSAGE_ENGINE         "44a043bd182f48faa05ee1dedd099740" /* the whole, not one zone */

struct record {
        int level; /* syslog's */
        const char *message_id;
        const char *zone, *device; /* NULL: none */
        const char *action;        /* "zone-start" … */
        const char *result;        /* "begun", "done", "failed" … */
        const char *reason;        /* why, by itself, as far as it is known; NULL: @text says all */
        const char *text;
};
