/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone's files for people: each below its path. */
#pragma once

#include <stdio.h>

#include "config/zone_sources.h"

/**
 * sources_print() - as systemctl cat has it
 * @prefix: before each line, the paths' too; ""
 * @terminal: what a terminal must not see becomes "?", and paths are coloured unless @colour is false
 */
void sources_print(const struct zone_sources *s, const char *prefix, bool terminal, bool colour, FILE *f);
