/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/completion.h"

#include <string.h>

#include "config/schema.h"
#include "schema/verb_rows.h"

static const char zones_function[] =
        "_hvisor_zones() {\n"
        "        local file\n"
        "        for file in /etc/hvisor/zones.d/*.conf /run/hvisor/zones.d/*.conf /usr/lib/hvisor/zones.d/*.conf; do\n"
        "                file=${file##*/} file=${file%.conf}\n"
        "                [ \"$file\" = '*' ] || printf '%s\\n' \"$file\"\n"
        "        done\n"
        "}\n";

/* Those of "hvisor cat ZONE": a drop-in may add some. */
static void write_devices_function(FILE *f) {
        const char *before = "";

        fputs("_hvisor_devices() {\n"
              "        hvisor cat \"$1\" 2>/dev/null | sed -nE 's/^\\[('\"${2:-",
              f);
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, name, ...)                                                                                          \
        fprintf(f, "%s%s", before, name);                                                                              \
        before = "|";
#include "schema/keys.def"
        fputs("}\"') ([A-Za-z0-9._-]+)\\].*/\\2/p' | sort -u\n"
              "}\n",
              f);
}

/* What `hvisor console` attaches to; "": any device. */
static const char *device_sections(const struct verb *v) {
        return strcmp(v->name, "console") == 0 ? "Console" : "";
}

/* The names of all sections and keys of a zone's file. */
static void write_key_names(FILE *f) {
        for (size_t i = 0; i < _SECTION_MAX; i++)
                fprintf(f, "%s%s", i ? " " : "", schema_sections[i].name);
        for (size_t i = 0; i < schema_num_keys; i++) {
                bool again = false;

                for (size_t j = 0; j < i && !again; j++)
                        again = strcmp(schema_keys[j].name, schema_keys[i].name) == 0;
                if (!again)
                        fprintf(f, " %s", schema_keys[i].name);
        }
}

static bool takes(const struct verb *v, const char *word) {
        return strstr(v->usage, word);
}

/* Of "zone start" that is "zone", which the rows of the others share. */
static int first_word(const struct verb *v) {
        return (int) strcspn(v->name, " ");
}

static bool same_group(const struct verb *a, const struct verb *b) {
        return first_word(a) == first_word(b) && strncmp(a->name, b->name, (size_t) first_word(a)) == 0;
}

static bool begins_group(size_t i) {
        return i == 0 || !same_group(&verb_rows[i - 1], &verb_rows[i]);
}

static bool has_two_words(const struct verb *v) {
        return v->name[first_word(v)] != '\0';
}

/* "start shutdown list" */
static void write_second_words(FILE *f, const struct verb *v) {
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++)
                if (same_group(&verb_rows[i], v))
                        fprintf(f, "%s ", verb_rows[i].name + first_word(v) + 1);
}

/* ---- bash ------------------------------------------------------------------------------------------- */

static void write_bash_verb(FILE *f, const struct verb *v) {
        fprintf(f, "        '%s')\n                options='", v->name);
        for (const struct verb_option *o = v->options; o->name; o++)
                fprintf(f, "--%s%s ", o->name, o->value ? "=" : "");
        fputs("--help'\n", f);
        if (takes(v, "ZONE"))
                fputs("                ((before_it > 0)) || words=$(_hvisor_zones)\n", f);
        if (takes(v, "DEVICE"))
                fprintf(f, "                ((before_it != 1)) || words=$(_hvisor_devices \"$zone\" %s)\n",
                        device_sections(v));
        else if (takes(v, "KEY"))
                fputs("                words=$keys\n", f);
        else if (takes(v, "FILE"))
                fputs("                files=yes\n", f);
        fputs("                ;;\n", f);
}

/* Verbs of two words: the second is completed, or makes the verb. */
static void write_bash_groups(FILE *f) {
        fputs("        case $verb in\n", f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++) {
                const struct verb *v = &verb_rows[i];

                if (!has_two_words(v) || !begins_group(i))
                        continue;
                fprintf(f,
                        "        %.*s)\n"
                        "                verb+=\" ${COMP_WORDS[2]-}\"\n"
                        "                if ((COMP_CWORD == 2)); then\n"
                        "                        COMPREPLY=($(compgen -W '",
                        first_word(v), v->name);
                write_second_words(f, v);
                fputs("--help' -- \"$word\"))\n"
                      "                        return\n"
                      "                fi\n"
                      "                ;;\n",
                      f);
        }
        fputs("        esac\n", f);
}

void completion_write_bash(FILE *f) {
        fputs("# Made from reconciler/cli/verbs.def by the build. SPDX-License-Identifier: GPL-2.0-or-later\n", f);
        fputs(zones_function, f);
        write_devices_function(f);
        fputs("\n"
              "_hvisor() {\n"
              "        local i zone= before_it=0 # words behind the verb that are no options\n"
              "        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
              "        local verb=${COMP_WORDS[1]} options= words= files= keys='",
              f);
        write_key_names(f);
        fputs("'\n"
              "        if ((COMP_CWORD == 1)); then\n"
              "                COMPREPLY=($(compgen -W '",
              f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++)
                if (begins_group(i))
                        fprintf(f, "%.*s ", first_word(&verb_rows[i]), verb_rows[i].name);
        fputs("--help --version' -- \"$word\"))\n"
              "                return\n"
              "        fi\n",
              f);
        write_bash_groups(f);
        fputs("        for ((i = 2; i < COMP_CWORD; i++)); do\n"
              "                [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
              "                ((before_it++)) || zone=${COMP_WORDS[i]}\n"
              "        done\n",
              f);
        fputs("        case $verb in\n", f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++)
                write_bash_verb(f, &verb_rows[i]);
        fputs("        esac\n"
              "        # \"--board=FILE\" is three words: readline splits at the sign\n"
              "        if [ \"$word\" = = ] || [ \"$before\" = = ]; then\n"
              "                COMPREPLY=($(compgen -f -- \"${word#=}\"))\n"
              "        elif [[ $word == -* ]]; then\n"
              "                COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
              "                [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
              "        else\n"
              "                COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
              "                [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$word\"))\n"
              "        fi\n"
              "        return 0\n"
              "}\n"
              "complete -o filenames -F _hvisor hvisor\n",
              f);
}

/* ---- zsh -------------------------------------------------------------------------------------------- */

/* Inside '…' and […]: what ends either, and the colon that ends a description. */
static void write_zsh_text(FILE *f, const char *text) {
        for (; *text; text++)
                if (*text == '\'')
                        fputs("'\\''", f);
                else if (strchr("[]:\\", *text))
                        fprintf(f, "\\%c", *text);
                else
                        fputc(*text, f);
}

static void write_zsh_option(FILE *f, const struct verb_option *o) {
        fprintf(f, " \\\n                        '--%s%s[", o->name, o->value ? "=" : "");
        write_zsh_text(f, o->help);
        fputc(']', f);
        if (o->value)
                fprintf(f, ":%s:%s", o->value,
                        strcmp(o->value, "FILE") == 0        ? "_files"
                        : strcmp(o->value, "DIRECTORY") == 0 ? "_files -/"
                                                             : "");
        fputc('\'', f);
}

static void write_zsh_verb(FILE *f, const struct verb *v) {
        fprintf(f, "                '%s')\n                _arguments", v->name);
        for (const struct verb_option *o = v->options; o->name; o++)
                write_zsh_option(f, o);
        fputs(" \\\n                        '--help[more about it]'", f);
        if (takes(v, "ZONE"))
                fputs(" \\\n                        '1:zone:_hvisor_zone'", f);
        if (takes(v, "DEVICE"))
                fprintf(f, " \\\n                        '2:device:{_hvisor_device %s}'", device_sections(v));
        else if (takes(v, "KEY"))
                fputs(" \\\n                        '1:section or key:($keys)'", f);
        else if (takes(v, "FILE"))
                fputs(" \\\n                        '*:file:_files'", f);
        fputs("\n                ;;\n", f);
}

static void write_zsh_groups(FILE *f) {
        fputs("        local verb=$words[1]\n"
              "        case $verb in\n",
              f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++) {
                const struct verb *v = &verb_rows[i];

                if (!has_two_words(v) || !begins_group(i))
                        continue;
                fprintf(f,
                        "                %.*s)\n"
                        "                if ((CURRENT == 2)); then\n"
                        "                        compadd -- ",
                        first_word(v), v->name);
                write_second_words(f, v);
                fputs("--help\n"
                      "                        return\n"
                      "                fi\n"
                      "                verb=\"$words[1] $words[2]\"\n"
                      "                shift words\n"
                      "                ((CURRENT--))\n"
                      "                ;;\n",
                      f);
        }
        fputs("        esac\n", f);
}

void completion_write_zsh(FILE *f) {
        fputs("#compdef hvisor\n"
              "# Made from reconciler/cli/verbs.def by the build. SPDX-License-Identifier: GPL-2.0-or-later\n",
              f);
        fputs(zones_function, f);
        write_devices_function(f);
        fputs("\n"
              "_hvisor_zone() {\n"
              "        local -a zones=(${(f)\"$(_hvisor_zones)\"})\n"
              "        compadd -a zones\n"
              "}\n"
              "\n"
              "# Of the zone that is the first word which is no option.\n"
              "_hvisor_device() {\n"
              "        local -a others=(${words[2,-1]:#-*})\n"
              "        local -a devices=(${(f)\"$(_hvisor_devices \"$others[1]\" $1)\"})\n"
              "        compadd -a devices\n"
              "}\n"
              "\n"
              "_hvisor() {\n"
              "        setopt local_options null_glob\n"
              "        local -a keys=(",
              f);
        write_key_names(f);
        fputs(")\n"
              "        local -a verbs=(\n",
              f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++) {
                const struct verb *v = &verb_rows[i];

                if (!begins_group(i))
                        continue;
                fprintf(f, "                '%.*s:", first_word(v), v->name);
                if (has_two_words(v))
                        write_second_words(f, v);
                else
                        write_zsh_text(f, v->help);
                fputs("'\n", f);
        }
        fputs("        )\n"
              "        if ((CURRENT == 2)); then\n"
              "                _describe verb verbs\n"
              "                return\n"
              "        fi\n"
              "        shift words\n"
              "        ((CURRENT--))\n",
              f);
        write_zsh_groups(f);
        fputs("        case $verb in\n", f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++)
                write_zsh_verb(f, &verb_rows[i]);
        fputs("        esac\n"
              "}\n"
              "_hvisor \"$@\"\n",
              f);
}
