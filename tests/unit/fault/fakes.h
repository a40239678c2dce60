/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands for functions of the library, and what they stand for: calls.def names them. */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>

/* ---- module.c --------------------------------------------------------------------------------------- */
int fake_ioctl(int fd, unsigned long request, void *argument);
int __real_ioctl(int fd, unsigned long request, void *argument);
int fake_open(const char *path, int flags, unsigned mode);
int __real_open(const char *path, int flags, unsigned mode);
FILE *fake_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
long fake_syscall(long number, long a, long b, long c, long d, long e);
long __real_syscall(long number, ...);
int fake_execve(const char *program, char *const arguments[], char *const environment[]);
int fake_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

/* ---- streams.c -------------------------------------------------------------------------------------- */
ssize_t fake___getdelim(char **line, size_t *size, int delimiter, FILE *f);
ssize_t __real___getdelim(char **line, size_t *size, int delimiter, FILE *f);
int fake_fclose(FILE *f);
int __real_fclose(FILE *f);
char *fake_fgets(char *line, int size, FILE *f);
char *__real_fgets(char *line, int size, FILE *f);
int fake_fprintf(FILE *f, const char *format, ...);
int fake_fputc(int c, FILE *f);
int __real_fputc(int c, FILE *f);
int fake_fputs(const char *text, FILE *f);
int __real_fputs(const char *text, FILE *f);
size_t fake_fwrite(const void *data, size_t size, size_t count, FILE *f);
size_t __real_fwrite(const void *data, size_t size, size_t count, FILE *f);
int fake_json_array_append_new(json_t *array, json_t *value);
int __real_json_array_append_new(json_t *array, json_t *value);
int fake_json_object_set_new(json_t *object, const char *key, json_t *value);
int __real_json_object_set_new(json_t *object, const char *key, json_t *value);

/* ---- clock.c ---------------------------------------------------------------------------------------- */
int fake_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int fake_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t time,
                                    uint64_t accuracy, sd_event_time_handler_t handler, void *userdata);
int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t time,
                                      uint64_t accuracy, sd_event_time_handler_t handler, void *userdata);
int fake_sd_event_source_set_ratelimit(sd_event_source *s, uint64_t interval, unsigned burst);
int fake_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret);
int __real_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret);
sd_event_source *fake_sd_event_source_disable_unref(sd_event_source *s);
sd_event_source *__real_sd_event_source_disable_unref(sd_event_source *s);
int fake_sd_event_source_set_time(sd_event_source *s, uint64_t time);
int __real_sd_event_source_set_time(sd_event_source *s, uint64_t time);
int fake_sd_event_source_set_time_accuracy(sd_event_source *s, uint64_t accuracy);
int fake_sd_event_source_set_time_relative(sd_event_source *s, uint64_t time);
int fake_sd_booted(void);

/* ---- test_faults.c ---------------------------------------------------------------------------------- */
int fake_sd_event_loop(sd_event *e);
