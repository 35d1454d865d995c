/*
 * drive.h - an engine in a folder, and the plan run on it.
 */
#ifndef CRASH_DRIVE_H
#define CRASH_DRIVE_H

#include "common/engine/engine.h"

/* Opens the engine below `root`, on a loop of its own; the process has one. */
struct engine	*drive_open(const char *root);
/* Where log lines go: the newest ones, as text. */
void		 last_words_in(char *, size_t);
void		 last_words_add(const char *line, size_t);
/* Runs the loop until *n is at least so much. */
void		 drive_until(const unsigned *n, unsigned least);
/* Steps `from` to `to` - 1, several at a time, with checkpoints, compaction
   and a restart in between.  Notes each BEGIN and ACK (tap.h).  Answers the
   engine that it left open. */
struct engine	*drive_plan(const char *root, uint32_t from, uint32_t to);
/* One step, waited for. */
enum engine_status drive_step(struct engine *, uint32_t n);

#endif
