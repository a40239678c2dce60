/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/man.h"

#include <string.h>

#include "cli/keys_text.h"
#include "schema/verb_rows.h"

/* ---- roff ------------------------------------------------------------------------------------------- */

/* Text that is to be read as it is written: no escapes, no requests, no typographic hyphens in `quoted` words. */
static void write_text(FILE *f, const char *text) {
        bool quoted = false;

        if (*text == '.' || *text == '\'')
                fputs("\\&", f);
        for (; *text; text++)
                if (*text == '`') {
                        quoted = !quoted;
                        fputs(quoted ? "\\fB" : "\\fR", f);
                } else if (*text == '\\') {
                        fputs("\\e", f);
                } else if (*text == '-' && quoted) {
                        fputs("\\-", f);
                } else {
                        fputc(*text, f);
                }
}

static void write_title(FILE *f, const char *page, int section, const char *what) {
        fprintf(f,
                ".\\\" Made by the build, from schema/keys.def and reconciler/cli/verbs.def.\n"
                ".TH %s %d \"\" \"hvisor-reconciler %s\" \"hvisor\"\n"
                ".SH NAME\n%s \\- %s\n",
                page, section, VERSION, page, what);
}

static void write_section(FILE *f, const char *title, const char *const *paragraphs) {
        fprintf(f, ".SH %s\n", title);
        for (; *paragraphs; paragraphs++) {
                write_text(f, *paragraphs);
                fputs(paragraphs[1] ? "\n.PP\n" : "\n", f);
        }
}

static void write_example(FILE *f, const char *lines) {
        fputs(".PP\n.RS 4\n.nf\n", f);
        while (*lines) {
                size_t n = strcspn(lines, "\n");

                fprintf(f, "%s%.*s\n", *lines == '.' ? "\\&" : "", (int) n, lines);
                lines += n + (lines[n] == '\n');
        }
        fputs(".fi\n.RE\n", f);
}

/* ---- the tables ------------------------------------------------------------------------------------- */

static void write_key(FILE *f, const struct key_schema *k) {
        fputs(".TP\n", f);
        fprintf(f, ".B %s=\n", k->name);
        write_text(f, k->help);
        fputs("\n.br\n", f);
        fputs("Value: ", f);
        keys_write_form(f, k);
        fputs("; ", f);
        keys_write_presence(f, k);
        if (keys_cost(k))
                fprintf(f, ". When it changes, %s", keys_cost(k));
        fputs(".\n", f);
}

static void write_keys(FILE *f, unsigned files) {
        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];

                if (!(s->files & files))
                        continue;
                fprintf(f, ".SS [%s%s]\n", s->name, s->named ? " NAME" : "");
                write_text(f, s->help);
                fputs("\n", f);
                keys_write_section_facts(f, s);
                fputs("\n", f);
                for (size_t j = 0; j < schema_num_keys; j++)
                        if (schema_keys[j].section == s->id)
                                write_key(f, &schema_keys[j]);
        }
}

/* Lines of a text that is wrapped for terminals become paragraphs; those that begin with a blank stay lines. */
static void write_details(FILE *f, const char *text) {
        while (*text) {
                size_t n = strcspn(text, "\n");
                char line[256];

                (void) snprintf(line, sizeof(line), "%.*s", (int) n, text);
                if (line[0] == ' ')
                        fputs(".nf\n", f);
                if (n > 0)
                        write_text(f, line);
                fputs(n > 0 ? "\n" : ".IP\n", f);
                if (line[0] == ' ')
                        fputs(".fi\n", f);
                text += n + (text[n] == '\n');
        }
}

static void write_verb(FILE *f, const struct verb *v) {
        fprintf(f, ".TP\n.B hvisor %s%s \\fI%s\n", v->name, v->options[0].name ? " \\fR[\\fIOPTION\\fR]..." : "",
                v->usage);
        write_text(f, v->help);
        fputs(".\n.IP\n", f);
        write_details(f, v->details);
        if (!v->options[0].name)
                return;
        fputs(".RS\n", f);
        for (const struct verb_option *o = v->options; o->name; o++) {
                char letter = verb_option_letter(v, o);

                fputs(".TP\n.B ", f);
                if (letter)
                        fprintf(f, "\\-%c\\fR, \\fB", letter);
                fprintf(f, "\\-\\-%s%s", o->name, o->value ? "=\\fI" : "\n");
                if (o->value)
                        fprintf(f, "%s\n", o->value);
                write_text(f, o->help);
                fputs("\n", f);
        }
        fputs(".RE\n", f);
}

/* ---- the pages -------------------------------------------------------------------------------------- */

static const char *const syntax[] = {
        "Lines of `Key=Value` below a `[Section]` or `[Section NAME]`. A line that begins with # or ; is a comment. A "
        "section or "
        "key that is not known, or that one file gives twice, is an error, told with its line and column; `hvisor "
        "check` "
        "shows "
        "all errors of a file at once.",
        "Numbers are decimal or 0x hex. Sizes take K, M or G (1024). Lists of CPUs and interrupts are written as "
        "2-3,5. "
        "Paths are absolute.",
        NULL,
};

static const char *const directories[] = {
        "Of files with one name that in the first of the three directories counts and hides the others. A symlink to "
        "/dev/null masks: there is no such zone, and one that runs is shut down. An empty file does not mask, it is a "
        "bad file. A directory that vanishes is not an empty one: its zones stay as they are.",
        "Files *.conf in the directories NAME.conf.d are drop-ins, read after NAME.conf in the order of their file "
        "names; of those with one name that in the first directory counts, or masks. What a drop-in says of a key "
        "counts, whole lists included; a section goes on with that of the same name. A key without a value takes back "
        "what was given before.",
        NULL,
};

/* How such files are written, and all that may stand in them. */
static void write_reference(FILE *f, unsigned files) {
        write_section(f, "SYNTAX", syntax);
        fputs(".SH SECTIONS AND KEYS\n", f);
        write_keys(f, files);
}

void man_write_zone(FILE *f) {
        static const char *const description[] = {
                "One file, one zone: a virtual machine under the hvisor hypervisor with CPUs, memory and devices of "
                "its own. The "
                "file's name before .conf is the zone's name: 1 to 31 of A-Z a-z 0-9 . _ -. hvisor-reconciler(8) boots "
                "the zone when the file appears, and shuts it down, a power cut for its guest, when the file vanishes.",
                "A file that is wrong hurts only itself: its zone goes on as it was. A change that only a device's own "
                "process "
                "sees replaces that process; one that the guest would see restarts the zone, or, with `OnChange=hold`, "
                "waits "
                "for `hvisor restart`. `hvisor plan` says beforehand what a change would do.",
                "The guest finds its devices in its own device tree: virtio,mmio nodes with the same addresses; their "
                "interrupts count from 32, so Interrupt=78 is <0 46 1> there.",
                NULL,
        };

        write_title(f, "hvisor.zone", 5, "a zone's file");
        fputs(".SH SYNOPSIS\n/etc/hvisor/zones.d/NAME.conf\n.br\n/run/hvisor/zones.d/NAME.conf\n.br\n"
              "/usr/lib/hvisor/zones.d/NAME.conf\n.br\nand NAME.conf.d/*.conf in these directories\n",
              f);
        write_section(f, "DESCRIPTION", description);
        write_section(f, "DIRECTORIES AND DROP-INS", directories);
        write_reference(f, ZONE_FILE);
        fputs(".SH EXAMPLE\nA Linux with a disk and a console:\n", f);
        write_example(f, "[Zone]\n"
                         "Id=1\n"
                         "CPUs=2-3\n"
                         "Kernel=/var/lib/hvisor/Image\n"
                         "KernelAddress=0x50400000\n"
                         "EntryPoint=0x50400000\n"
                         "DeviceTree=/var/lib/hvisor/linux2.dtb\n"
                         "DeviceTreeAddress=0x50000000\n"
                         "\n"
                         "[Memory ram]\n"
                         "PhysicalAddress=0x50000000\n"
                         "Size=768M\n"
                         "\n"
                         "[Block root]\n"
                         "Image=/var/lib/hvisor/rootfs2.ext4\n"
                         "Address=0xa003c00\n"
                         "Interrupt=78\n"
                         "\n"
                         "[Console main]\n"
                         "Address=0xa003800\n"
                         "Interrupt=76\n");
        fputs(".PP\nMore of them are in /usr/share/doc/hvisor/examples.\n"
              ".SH SEE ALSO\n"
              ".BR hvisor (1),\n.BR hvisor.board (5),\n.BR hvisor.conf (5),\n.BR hvisor\\-reconciler (8)\n",
              f);
}

void man_write_board(FILE *f) {
        static const char *const description[] = {
                "What root Linux cannot see of its own board. Its device tree lists only its own CPUs and memory, and "
                "a zone with a "
                "CPU or memory that the board lacks would stop the hypervisor, and the board with it: a zone outside "
                "of "
                "what stands here is refused. Without this file no zone is started.",
                "For a board that hvisor itself is configured for its name does: `Board=imx8mp`. `hvisor board --list` "
                "names those that are described, in NAME.conf below /etc/hvisor/boards, for one of your own, or else "
                "/usr/lib/hvisor/boards (HVISOR_BOARDS=DIRECTORY instead of both). What board.conf says itself comes "
                "before the description.",
                NULL,
        };

        write_title(f, "hvisor.board", 5, "what the board has");
        fputs(".SH SYNOPSIS\n/etc/hvisor/board.conf\n.br\n/etc/hvisor/boards/*.conf\n.br\n/usr/lib/hvisor/boards/*.conf\n", f);
        write_section(f, "DESCRIPTION", description);
        write_reference(f, BOARD_FILE);
        fputs(".SH EXAMPLE\nQEMU's virt machine with four CPUs and 2 GiB:\n", f);
        write_example(f, "[Board]\n"
                         "CPUs=0-3\n"
                         "Memory=0x50000000+0x70000000\n"
                         "WakeupInterrupt=64\n"
                         "\n"
                         "[GIC]\n"
                         "Version=3\n"
                         "DistributorAddress=0x8000000\n"
                         "DistributorSize=0x10000\n"
                         "RedistributorAddress=0x80a0000\n"
                         "RedistributorSize=0xf60000\n");
        fputs(".SH SEE ALSO\n.BR hvisor (1),\n.BR hvisor.zone (5),\n.BR hvisor\\-reconciler (8)\n", f);
}

void man_write_settings(FILE *f) {
        static const char *const description[] = {
                "How hvisor-reconciler(8) itself works. It may be missing. It is read when the daemon starts and when "
                "it is "
                "reloaded (`systemctl reload hvisor-reconciler`); what is wrong in it is told in the journal, and the "
                "settings then stay as they were.",
                NULL,
        };

        write_title(f, "hvisor.conf", 5, "settings of the hvisor reconciler");
        fputs(".SH SYNOPSIS\n/etc/hvisor/hvisor.conf\n", f);
        write_section(f, "DESCRIPTION", description);
        write_reference(f, SETTINGS_FILE);
        fputs(".SH SEE ALSO\n.BR hvisor\\-reconciler (8),\n.BR hvisor.zone (5)\n", f);
}

static const char *const exit_status[] = {
        "0: done. 1: an error, which was told. `hvisor plan`: 2, there is something to do. What else a verb means by "
        "it "
        "stands with the verb.",
        NULL,
};

static const char *const programs[] = {
        "What `--json` prints is described by a JSON Schema (2020-12) in /usr/share/hvisor: VERB.schema.json for "
        "`status`, "
        "`plan`, `check`, `board` and `logs`, which know every field there is. `hvisor keys --json` prints such a "
        "schema itself, that of a zone's settings: hvisor.zone.schema.json; with `--board` hvisor.board.schema.json.",
        "The reconciler speaks D-Bus on /run/hvisor/bus, without a bus daemon. It describes itself: `busctl "
        "--address=unix:path=/run/hvisor/bus introspect org.hvisor.Reconciler /org/hvisor/Reconciler`.",
        NULL,
};

static const char *const diagnostics[] = {
        "Errors go to standard error, one line each. Those of a file begin with its path, line and column; the line "
        "itself "
        "follows, and a suggestion where a name is near one that is known.",
        "`the reconciler is not running`: `systemctl start hvisor-reconciler`. Only `restart`, `upgrade`, `zone "
        "start`, `zone "
        "shutdown` and `virtio start` need it. `become root (sudo)`: what is asked of the module, the hypervisor and "
        "the "
        "reconciler is root's.",
        "What a state in `hvisor status` means and what to do about it `hvisor status ZONE` says; what was done and "
        "why, "
        "`hvisor logs ZONE`. `journalctl -x -u hvisor-reconciler` adds an explanation to each record.",
        NULL,
};

static const struct {
        const char *what, *lines;
} examples[] = {
        { "A new zone, from the first line to its prompt:",
          "hvisor edit linux2\nhvisor status linux2\nhvisor console linux2\n" },
        { "More CPUs for it; `hvisor keys` says what the change costs a zone that runs:",
          "hvisor keys CPUs\n"
          "printf '[Zone]\\enCPUs=1-3\\en' >50-cpus.conf\n"
          "install -D -m 644 -t /etc/hvisor/zones.d/linux2.conf.d 50-cpus.conf\n" },
        { "Why does it not run?", "hvisor status linux2\nhvisor logs linux2 -n 50\nhvisor check\n" },
        { "The names of all zones that run, in a script:",
          "hvisor status --json | jq -r '.zones[] | select(.state == \"running\") | .name'\n" },
        { "A zone of hvisor-tool's JSON files for good:",
          "hvisor import linux2.json virtio_cfg.json -o /etc/hvisor/zones.d\n" },
};

static void write_files(FILE *f) {
        static const char *const files[][2] = {
                { ZONES_DIR ", " RUN_ZONES_DIR ", " LIB_ZONES_DIR, "Zones' files and drop-ins, see hvisor.zone(5)." },
                { BOARD_CONF, "What the board has, see hvisor.board(5)." },
                { OWN_BOARDS_DIR ", " BOARDS_DIR, "Descriptions of boards." },
                { "/etc/hvisor/hvisor.conf", "Settings of the reconciler, see hvisor.conf(5)." },
                { "/run/hvisor/bus", "The reconciler's control socket." },
                { "/usr/share/hvisor", "JSON Schemas." },
                { "/usr/share/doc/hvisor", "README.md, keys.md, and examples of zones' files." },
        };

        fputs(".SH FILES\n", f);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                fprintf(f, ".TP\n%s\n%s\n", files[i][0], files[i][1]);
}

void man_write_command(FILE *f) {
        static const char *const description[] = {
                "Looks at the zones of the hvisor hypervisor, checks their files, attaches to their consoles. A zone "
                "is a file, "
                "/etc/hvisor/zones.d/NAME.conf, see hvisor.zone(5): put it there and the zone boots, delete it and the "
                "zone is "
                "shut down. hvisor-reconciler(8) sees to that.",
                NULL,
        };
        static const char *const environment[] = {
                "`HVISOR_LOG` sets how much is said: trace, debug, info, warn, error or fatal. `NO_COLOR`: no colours, "
                "also on a "
                "terminal. `SYSTEMD_EDITOR`, `EDITOR` and `VISUAL` name the editor of `hvisor edit`. `HVISOR_BOARDS`: "
                "a "
                "directory of boards' descriptions instead of the installed ones.",
                NULL,
        };

        write_title(f, "hvisor", 1, "zones of the hvisor hypervisor, kept as their files say");
        fputs(".SH SYNOPSIS\n.B hvisor\n.I VERB\n.RI [ OPTION ]...\n.RI [ ARGUMENT ]...\n", f);
        write_section(f, "DESCRIPTION", description);
        fputs(".SH VERBS\n", f);
        for (size_t i = 0; i < ELEMENTSOF(verb_rows); i++)
                write_verb(f, &verb_rows[i]);
        write_section(f, "EXIT STATUS", exit_status);
        write_section(f, "ENVIRONMENT", environment);
        write_files(f);
        write_section(f, "FOR PROGRAMS", programs);
        write_section(f, "DIAGNOSTICS", diagnostics);
        fputs(".SH EXAMPLES\n", f);
        for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
                write_text(f, examples[i].what);
                fputs("\n", f);
                write_example(f, examples[i].lines);
                fputs(".PP\n", f);
        }
        fputs(".SH SEE ALSO\n.BR hvisor.zone (5),\n.BR hvisor.board (5),\n.BR hvisor.conf (5),\n.BR "
              "hvisor\\-reconciler (8)\n",
              f);
}
