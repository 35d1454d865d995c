/*
 * log.h - one structured line per event.
 *
 * Every event is a row of events.def; a line looks like
 *
 *   2026-11-23T10:11:12.123456Z queue[71] info stored id=68a1b2c300000001 \
 *	rcpt=ann@example.org ms=3
 *
 * UTC; process name and pid; level; event name; fields as name=value in the
 * order of the row.  A value is quoted if it holds a blank, a quote or an
 * equals sign, and every byte that is not printable ASCII or good UTF-8 is
 * written \xHH: nobody can forge a line or a field (LOGIN-5).  A value over
 * 512 bytes is cut.  Fields that are 0 or empty are left out.
 *
 * One write(2) per line to descriptor 2, which is opened O_APPEND by
 * whoever started us, so that lines of many processes never mix.
 *
 *	LOG(rcpt_refused, .session = s->id, .rcpt = addr, .why = text);
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "common/core/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* The struct of each event, its fields by name. */
#define EVENT(name, level, doc)	struct ev_##name { char none;
#define ID(f)			uint64_t f;
#define NUM(f)			uint64_t f;
#define STR(f)			struct slice f;
#define END(name)		};
#include "common/core/events.def"

#define EVENT(name, level, doc)	void log_##name(const struct ev_##name *);
#include "common/core/events.def"

#define LOG(name, ...) \
	log_##name(&(struct ev_##name){ .none = 0, __VA_ARGS__ })

/* name is shown in every line; it is kept, not copied. */
void		 log_init(const char *name, enum log_level least);
/* For tests: lines go to fn instead of descriptor 2; NULL: back again. */
void		 log_divert(void (*fn)(const char *line, size_t));

/* Logs errno's text and the place, then ends the process: the world (or we)
   are so wrong that going on would endanger mail.  Exit code 75 (EX_TEMPFAIL):
   the parent starts us again. */
void		 fatal(const char *what, ...)
		    __attribute__((noreturn, format(printf, 1, 2)));
/* A broken promise of our own: logs and aborts. */
#define CHECK(truth) \
	((truth) ? (void)0 : check_failed(#truth, __FILE__, __LINE__))
void		 check_failed(const char *, const char *, int)
		    __attribute__((noreturn));

#endif
