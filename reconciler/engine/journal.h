/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's records, in the journal with their fields (ZONE=, DEVICE=,
 * ACTION=, RESULT=, REASON=, MESSAGE_ID=); as plain lines where there is no journal.
 */
#pragma once

#include "engine/record.h"

/** journal_open() - finds out where records go: the journal, if standard error goes there, too */
void journal_open(void);

void journal_record(const struct record *r);
