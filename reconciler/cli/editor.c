/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/editor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"

#define EXIT_NO_EDITOR 127
#define WORDS_MAX      16

static const char *from_environment(void) {
        static const char *const names[] = { "SYSTEMD_EDITOR", "EDITOR", "VISUAL" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *value = getenv(names[i]);

                if (value && value[strspn(value, " \t")])
                        return value;
        }
        return NULL;
}

/* "emacs -nw": words between blanks, as systemctl takes them. */
static void execute_words(char *command, const char *path) {
        char *words[WORDS_MAX + 2], *rest = command;
        size_t n = 0;

        while (n < WORDS_MAX && (words[n] = strtok_r(rest, " \t", &rest)))
                n++;
        words[n++] = (char *) path;
        words[n] = NULL;
        execvp(words[0], words);
}

static void execute(const char *path) {
        static const char *const usual[] = { "editor", "nano", "vim", "vi" };
        const char *chosen = from_environment();
        char *command = chosen ? strdup(chosen) : NULL;

        if (command)
                execute_words(command, path);
        for (size_t i = 0; !chosen && i < ELEMENTSOF(usual); i++)
                execlp(usual[i], usual[i], path, NULL);
        _exit(EXIT_NO_EDITOR);
}

static int wait_for(pid_t pid, int *ret_status) {
        while (waitpid(pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int result_of(int status, struct err *e) {
        const char *chosen = from_environment();

        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_EDITOR)
                return err_set(
                        e, -ENOENT,
                        "%s cannot be started; $SYSTEMD_EDITOR, $EDITOR or $VISUAL says which editor is to be taken",
                        chosen ?: "no editor (editor, nano, vim, vi): it");
        if (WIFSIGNALED(status))
                return err_set(e, -EIO, "the editor was ended by signal %d", WTERMSIG(status));
        if (WEXITSTATUS(status) != 0)
                return err_set(e, -EIO, "the editor ended with status %d", WEXITSTATUS(status));
        return 0;
}

int editor_run(const char *path, struct err *e) {
        struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, quit;
        int status = 0, r;
        pid_t pid;

        sigaction(SIGINT, &ignore, &interrupt);
        sigaction(SIGQUIT, &ignore, &quit);
        pid = fork();
        if (pid == 0) {
                sigaction(SIGINT, &interrupt, NULL);
                sigaction(SIGQUIT, &quit, NULL);
                execute(path);
        }
        r = pid < 0 ? -errno : wait_for(pid, &status);
        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGQUIT, &quit, NULL);
        return r < 0 ? err_set(e, r, "the editor: %s", strerror(-r)) : result_of(status, e);
}
