/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recent output of a console: a ring in a file that outlives the worker. Only the
 * worker writes to it; any number of clients follow it, each at its own pace, and
 * the worker knows of none of them. Positions count all bytes ever written and
 * never wrap; what lies further back than the ring is long is gone.
 *
 * Layout: a header (struct history_header) in the first page, then the ring
 * (base/worker.h has the sizes). A header of another layout is started anew.
 */
#pragma once

#include <sys/uio.h>

#include "base/err.h"
#include "base/worker.h"

#define HISTORY_MAGIC   UINT64_C(0x79726f7473696876) /* "vhistory" */
#define HISTORY_VERSION 2

struct history_header {
        uint64_t magic;
        uint32_t version;
        uint32_t ring_size; /* bytes */
        uint64_t written;   /* position behind the newest byte */
        uint64_t claimed;   /* the same, with what is being written right now: all older than a ring is void */
        uint64_t shown;     /* position up to which the terminal's present client has got it */
        uint64_t logged;    /* position up to which the journal has got it */
        uint32_t clients;   /* how many have the terminal open, as far as known */
        uint32_t reserved;
};

struct history {
        struct history_header *header;
        uint8_t *ring;
        int fd; /* borrowed */
};

/**
 * history_open() - the worker's side: maps the history that @fd holds, or starts one
 * @fd: of WORKER_HISTORY_SIZE bytes at least; borrowed until history_close()
 *
 * Return: 0, -EINVAL (too small), -errno, with @e.
 */
int history_open(struct history *h, int fd, struct err *e);
void history_close(struct history *h);

/** history_append() - adds @size bytes; of more than a ring only the end is kept, all are counted */
void history_append(struct history *h, const void *data, size_t size);

/** history_publish() - those who follow the file (inotify, IN_MODIFY) look at it again; once after each batch */
void history_publish(const struct history *h);

/** history_oldest() - position of the oldest byte that is there */
uint64_t history_oldest(const struct history *h);

/** history_first_line() - position of the first line that is there from its start; else the oldest byte */
uint64_t history_first_line(const struct history *h);

/**
 * history_pieces() - where the bytes from @position on are
 * @position: from history_oldest() to header->written
 *
 * Return: how many of @ret are used, none of length 0.
 */
int history_pieces(const struct history *h, uint64_t position, struct iovec ret[static 2]);

/**
 * history_view() - a client's side: maps it for reading only. What is in it is the worker's, and believed to be text only.
 *
 * Return: 0, -EINVAL (too small), -errno, with @e.
 */
int history_view(struct history *h, int fd, struct err *e);

/** history_view_start() - where a client begins: the first whole line, in the moment of the call */
uint64_t history_view_start(const struct history *h);

/**
 * history_view_read() - copies what stands at @position, which moves on
 *
 * A client that was too slow goes on with the oldest byte that is there. Return: bytes, 0: nothing new.
 */
size_t history_view_read(const struct history *h, uint64_t *position, void *ret, size_t size);

/** history_view_clients() - how many have the terminal open, as far as the worker knows */
uint32_t history_view_clients(const struct history *h);
