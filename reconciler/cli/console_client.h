/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of a console: follows its output and, if nobody else does, writes its
 * input. Works on the console's files alone (base/console_dir.h): neither the daemon
 * nor the worker has to be there, and none knows how many clients there are.
 */
#pragma once

#include <sys/ioctl.h>

#include "base/history.h"

struct console_client {
        const char *directory; /* borrowed */
        struct history history;
        int history_fd;
        int input;         /* the FIFO, non-blocking */
        int events;        /* inotify: to be polled for reading */
        uint64_t position; /* up to which its output was read */
        uint32_t others;   /* how many had the terminal open when it was last looked at */
        bool writes;       /* the input is this client's */
};

/**
 * console_client_open() - begins with the recent output
 * @directory: of the console
 * @ret: console_client_close()
 *
 * Return: 0, -ENOENT (there is no such console), -errno, with @e.
 */
int console_client_open(const char *directory, struct console_client *ret, struct err *e);
void console_client_close(struct console_client *c);

/**
 * console_client_claim() - becomes the one that writes
 * @ret_holder: of -EBUSY: the process that writes; 0: one that has the terminal open, or not known
 *
 * Return: 0 (also if it was before), -EBUSY, -errno.
 */
int console_client_claim(struct console_client *c, pid_t *ret_holder);

enum console_news {
        CONSOLE_NEWS_FREE = 1 << 0, /* who wrote may have left: claim */
        CONSOLE_NEWS_GONE = 1 << 1, /* the console was removed: nothing will come any more */
};

/** console_client_news() - after events became readable. Return: enum console_news, or'ed; read the output in any case */
unsigned console_client_news(struct console_client *c);

/** console_client_read() - output that was not read yet. Return: bytes, 0: none now */
size_t console_client_read(struct console_client *c, void *ret, size_t size);

/** console_client_resize() - the window that shows the console has this size now */
void console_client_resize(const struct console_client *c, const struct winsize *size);
