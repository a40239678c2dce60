/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device tree as its source (.dts): for people, and dtc takes it. */
#pragma once

#include <stdio.h>

#include "boot/tree.h"

/** tree_write_text() - what is text, and what is numbers, is guessed by its bytes, as everybody does */
void tree_write_text(const struct tree *t, FILE *f);
