/*
 * sheet.h - rows on standard output, in one of three forms:
 *
 *	human	aligned columns under a heading; sizes and times readable; the
 *		widths are those of a page (sheet_page) and never shrink
 *	plain	no heading, fields between tabs; numbers, sizes in bytes and
 *		times in milliseconds as they are
 *	JSON	one object a line, a member for each column (RFC 8259)
 *
 * Human output may change; the columns of the other two are only ever added
 * to, at the end, and SHEET_FORMAT grows if that must be broken (CLI-2).
 */
#ifndef CTL_SHEET_H
#define CTL_SHEET_H

#include "common/core/wire.h"

enum { SHEET_FORMAT = 1, SHEET_COLUMNS = 20 };

enum column_kind {
	COLUMN_TEXT,
	COLUMN_TARGETS,		/* a list of wire_target */
	COLUMN_FIGURES,		/* ... of wire_figure; not in the human form */
	COLUMN_FIELDS,		/* ... of log_field; likewise */
	COLUMN_ID,		/* 16 hex digits */
	COLUMN_NUMBER,
	COLUMN_SIZE,		/* bytes */
	COLUMN_QUOTA,		/* the same; LIMIT_NONE is 0 for programs */
	COLUMN_SPAN,		/* ms */
	COLUMN_TIME,		/* ms since 1970 */
};

struct column {
	const char	*name;		/* JSON's; the heading in capitals */
	enum column_kind kind;
	const char	*none;		/* what people see for 0; JSON: null */
};

enum mood { MOOD_NONE, MOOD_GOOD, MOOD_BAD };

struct cell {
	struct slice	 text;
	uint64_t	 number;
	const void	*list;
	size_t		 n_list;
	enum mood	 mood;		/* never the only sign (CLI-3) */
};

/* One cell in the human form, rendered. */
struct piece {
	size_t		 at, n;		/* in `text` */
	enum mood	 mood;
};

struct sheet {
	const struct column *columns;
	unsigned	 n;
	uint64_t	 rows;
	struct buf	 text;
	struct piece	*pieces;	/* of the page, row by row */
	size_t		 n_pieces, cap;
	size_t		 width[SHEET_COLUMNS];
};

void		 sheet_begin(struct sheet *, const struct column *, unsigned n);
/* As many cells as columns. */
void		 sheet_row(struct sheet *, const struct cell *);
/* A line of what is told to people of one thing, its name in front. */
void		 sheet_line(const char *name, const char *value);
/* Prints what there is. */
void		 sheet_page(struct sheet *);
/* The same, and the end; nothing is what a person is told if no row came. */
void		 sheet_end(struct sheet *, const char *nothing);

#endif
