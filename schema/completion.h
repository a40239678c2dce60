/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shells complete after `hvisor`, made from cli/verbs.def and schema/keys.def. */
#pragma once

#include <stdio.h>

/** completion_write_bash() - for /usr/share/bash-completion/completions/hvisor; needs nothing but bash */
void completion_write_bash(FILE *f);

/** completion_write_zsh() - for /usr/share/zsh/vendor-completions/_hvisor */
void completion_write_zsh(FILE *f);
