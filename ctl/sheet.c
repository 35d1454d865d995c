#include "ctl/sheet.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/terms.h"
#include "ctl/ctl.h"
#include "ctl/form.h"
#include "ctl/logline.h"
#include "ctl/say.h"

void
sheet_begin(struct sheet *s, const struct column *columns, unsigned n)
{
	CHECK(n <= SHEET_COLUMNS);
	*s = (struct sheet){ .columns = columns, .n = n };
}

/* ---- lists */

static void
targets_print(struct buf *b, const struct cell *c, bool json)
{
	const struct wire_target *targets = c->list;

	for (size_t i = 0; i < c->n_list; i++) {
		if (i > 0)
			buf_char(b, json ? ',' : ' ');
		if (json)
			form_json(b, targets[i].address);
		else
			form_printable(b, targets[i].address);
	}
}

static void
figures_print(struct buf *b, const struct cell *c, bool json)
{
	const struct wire_figure *figures = c->list;

	for (size_t i = 0; i < c->n_list; i++) {
		if (i > 0)
			buf_char(b, json ? ',' : ' ');
		if (json)
			form_json(b, figures[i].name);
		else
			form_printable(b, figures[i].name);
		buf_char(b, json ? ':' : '=');
		buf_u64(b, figures[i].value);
	}
}

static void
fields_print(struct buf *b, const struct cell *c, bool json)
{
	const struct log_field *fields = c->list;

	for (size_t i = 0; i < c->n_list; i++) {
		if (i > 0)
			buf_char(b, json ? ',' : ' ');
		if (json) {
			form_json(b, fields[i].name);
			buf_char(b, ':');
			form_json(b, fields[i].value);
		} else {
			form_printable(b, fields[i].name);
			buf_char(b, '=');
			form_printable(b, fields[i].value);
		}
	}
}

/* ---- the forms for programs */

static bool
is_none(const struct column *column, const struct cell *c)
{
	return column->none != NULL && column->kind >= COLUMN_ID &&
	    c->number == 0;
}

static void
plain_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	if (is_none(column, c))
		return;
	switch (column->kind) {
	case COLUMN_TEXT: form_printable(b, c->text); break;
	case COLUMN_TARGETS: targets_print(b, c, false); break;
	case COLUMN_FIGURES: figures_print(b, c, false); break;
	case COLUMN_FIELDS: fields_print(b, c, false); break;
	case COLUMN_ID:
		buf_printf(b, "%016llx", (unsigned long long)c->number);
		break;
	case COLUMN_QUOTA:
		buf_u64(b, c->number == LIMIT_NONE ? 0 : c->number);
		break;
	default: buf_u64(b, c->number);
	}
}

static void
json_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	if (is_none(column, c)) {
		buf_str(b, "null");
		return;
	}
	switch (column->kind) {
	case COLUMN_TEXT: form_json(b, c->text); break;
	case COLUMN_TARGETS:
		buf_char(b, '[');
		targets_print(b, c, true);
		buf_char(b, ']');
		break;
	case COLUMN_FIGURES:
	case COLUMN_FIELDS:
		buf_char(b, '{');
		if (column->kind == COLUMN_FIGURES)
			figures_print(b, c, true);
		else
			fields_print(b, c, true);
		buf_char(b, '}');
		break;
	case COLUMN_ID:
		buf_char(b, '"');
		plain_cell(b, column, c);
		buf_char(b, '"');
		break;
	default: plain_cell(b, column, c);
	}
}

static void
program_row(struct sheet *s, const struct cell *cells)
{
	bool json = ctl.form == FORM_JSON;

	if (json)
		buf_char(&s->text, '{');
	for (unsigned i = 0; i < s->n; i++) {
		const struct column *column = &s->columns[i];

		if (i > 0)
			buf_char(&s->text, json ? ',' : '\t');
		if (json) {
			form_json(&s->text, slice_str(column->name));
			buf_char(&s->text, ':');
			json_cell(&s->text, column, &cells[i]);
		} else
			plain_cell(&s->text, column, &cells[i]);
	}
	buf_str(&s->text, json ? "}\n" : "\n");
}

/* ---- the form for people */

static void
human_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	size_t before = b->n;

	if (is_none(column, c)) {
		buf_str(b, column->none);
		return;
	}
	switch (column->kind) {
	case COLUMN_QUOTA:
		if (c->number == LIMIT_NONE) {
			buf_str(b, "none");
			return;
		}
		/* FALLTHROUGH */
	case COLUMN_SIZE: form_size(b, c->number); break;
	case COLUMN_SPAN: form_span(b, c->number); break;
	case COLUMN_TIME: form_time(b, c->number); break;
	case COLUMN_FIGURES:
	case COLUMN_FIELDS: return;
	default: plain_cell(b, column, c);
	}
	if (b->n == before)
		buf_char(b, '-');
}

static void
human_row(struct sheet *s, const struct cell *cells)
{
	if (s->n_pieces + s->n > s->cap) {
		s->cap = s->cap * 2 + 1024;
		s->pieces = mem_grow(s->pieces, s->cap * sizeof *s->pieces);
	}
	for (unsigned i = 0; i < s->n; i++) {
		struct piece *p = &s->pieces[s->n_pieces++];
		size_t width;

		p->at = s->text.n;
		human_cell(&s->text, &s->columns[i], &cells[i]);
		p->n = s->text.n - p->at;
		p->mood = cells[i].mood;
		width = form_width(slice_of(s->text.p + p->at, p->n));
		if (width > s->width[i])
			s->width[i] = width;
	}
}

static void
blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

static void
colored(struct slice text, enum mood mood)
{
	static const char *const codes[] = { "", "\33[32m", "\33[31m" };
	bool color = ctl.color && mood != MOOD_NONE;

	if (color)
		fputs(codes[mood], stdout);
	fwrite(text.p, 1, text.n, stdout);
	if (color)
		fputs("\33[0m", stdout);
}

/* Numbers stand at the right, texts at the left of their column. */
static void
aligned(const struct sheet *s, unsigned column, struct slice text,
    enum mood mood)
{
	size_t width = form_width(text);
	size_t room = width < s->width[column] ? s->width[column] - width : 0;
	bool right = s->columns[column].kind >= COLUMN_NUMBER &&
	    s->columns[column].kind != COLUMN_TIME;
	bool last = column + 1 == s->n ||
	    s->columns[column + 1].kind == COLUMN_FIGURES;

	if (s->columns[column].kind == COLUMN_FIGURES)
		return;
	if (column > 0)
		blanks(2);
	if (right)
		blanks(room);
	colored(text, mood);
	if (!right && !last)
		blanks(room);
}

static void
heading(struct sheet *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		size_t n = slice_str(s->columns[i].name).n;

		if (n > s->width[i])
			s->width[i] = n;
	}
	for (unsigned i = 0; i < s->n; i++) {
		struct buf name = { 0 };

		for (const char *p = s->columns[i].name; *p != '\0'; p++)
			buf_char(&name, *p == '_' ? ' ' :
			    (char)(*p - ('a' - 'A')));
		aligned(s, i, buf_view(&name), MOOD_NONE);
		buf_free(&name);
	}
	putchar('\n');
}

static void
human_page(struct sheet *s)
{
	if (s->rows * s->n == s->n_pieces)
		heading(s);
	for (size_t i = 0; i < s->n_pieces; i++) {
		const struct piece *p = &s->pieces[i];
		unsigned column = (unsigned)(i % s->n);

		aligned(s, column, slice_of(s->text.p + p->at, p->n),
		    p->mood);
		if (column + 1 == s->n)
			putchar('\n');
	}
	s->n_pieces = 0;
}

/* ---- all of them */

void
sheet_row(struct sheet *s, const struct cell *cells)
{
	s->rows++;
	if (ctl.form == FORM_HUMAN)
		human_row(s, cells);
	else
		program_row(s, cells);
}

void
sheet_line(const char *name, const char *value)
{
	printf("%-11s %s\n", name, value);
}

void
sheet_page(struct sheet *s)
{
	if (s->rows == 0)
		return;
	if (ctl.form == FORM_HUMAN)
		human_page(s);
	else
		fwrite(s->text.p, 1, s->text.n, stdout);
	buf_clear(&s->text);
}

void
sheet_end(struct sheet *s, const char *nothing)
{
	sheet_page(s);
	if (s->rows == 0 && nothing != NULL)
		note("%s", nothing);
	buf_free(&s->text);
	free(s->pieces);
}
