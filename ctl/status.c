/* The processes: what they count, and whom they serve. */
#include <stdio.h>
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/form.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum { PATIENCE = 3000, LINE_MAX_WIDTH = 79 };

/* A process and what it said of itself. */
struct process {
	struct wire_child child;
	const char	*name;		/* "store", "store-1" */
	bool		 answered;
	struct wire_figure *figures;
	size_t		 n_figures;
};

static const char *
process_name(const struct wire_child *c)
{
	const char *role = c->role < ROLES ? role_name((enum role)c->role) :
	    "?";

	return c->instance == 0 ? role : text("%s-%u", role, c->instance);
}

/* All of them, from master; in the order in which they are started. */
static size_t
processes_read(struct process **processes)
{
	struct master_status_in in = { 0 };
	struct master_status_out out;

	ask_must(master_status(master_link(), &in, &out, &ctl.arena, ASK_WAIT),
	    "cannot ask master");
	*processes = arena_array(&ctl.arena, out.n_children,
	    sizeof **processes);
	for (size_t i = 0; i < out.n_children; i++) {
		(*processes)[i].child = out.children[i];
		(*processes)[i].name = process_name(&out.children[i]);
	}
	return out.n_children;
}

static struct link *
process_dial(const struct process *p)
{
	if (!p->child.ready || p->child.role >= ROLES)
		return NULL;
	return role_try((enum role)p->child.role, p->child.instance);
}

/* ---- status */

static void
figures_read(struct process *p)
{
	struct role_status_in in = { 0 };
	struct role_status_out out;
	struct link *l = process_dial(p);
	enum wire_status status;

	if (l == NULL)
		return;
	status = role_status(l, &in, &out, &ctl.arena, PATIENCE);
	if (status != WIRE_GONE)
		link_close(l);
	if (status != WIRE_OK)
		return;
	p->answered = true;
	p->figures = out.figures;
	p->n_figures = out.n_figures;
}

static struct slice
state_name(const struct process *p)
{
	if (p->child.pid == 0)
		return SLICE("down");
	if (!p->child.ready)
		return SLICE("starting");
	return p->answered ? SLICE("ready") : SLICE("silent");
}

static void
process_row(struct sheet *s, const struct process *p)
{
	sheet_row(s, (struct cell[]){ { .text = slice_str(p->name) },
	    { .text = state_name(p), .mood = p->answered ? MOOD_GOOD :
	    MOOD_BAD }, { .number = p->child.pid },
	    { .number = p->child.deaths }, { .number = p->child.ms },
	    { .list = p->figures, .n_list = p->n_figures } });
}

static void
processes_show(const struct process *processes, size_t n)
{
	static const struct column columns[] = {
		{ "process", COLUMN_TEXT, NULL },
		{ "state", COLUMN_TEXT, NULL },
		{ "pid", COLUMN_NUMBER, "-" },
		{ "restarts", COLUMN_NUMBER, NULL },
		{ "since", COLUMN_SPAN, NULL },
		{ "figures", COLUMN_FIGURES, NULL },
	};
	struct sheet s;

	sheet_begin(&s, columns, 6);
	for (size_t i = 0; i < n; i++)
		process_row(&s, &processes[i]);
	sheet_end(&s, "no processes");
}

/* "users 12", in a line that is broken before it gets too wide. */
static void
figure_show(const struct wire_figure *f, size_t indent, size_t *at)
{
	char *name = arena_str(&ctl.arena, f->name);
	const char *shown;
	size_t width;

	for (char *p = name; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	shown = text("%s %llu", show(slice_str(name)),
	    (unsigned long long)f->value);
	width = form_width(slice_str(shown));

	if (*at > indent && *at + 2 + width > LINE_MAX_WIDTH) {
		printf(",\n%*s", (int)indent, "");
		*at = indent;
	} else if (*at > indent) {
		printf(", ");
		*at += 2;
	}
	fputs(shown, stdout);
	*at += width;
}

/* The figures do not fit beside the processes: below them, for people, and
   without those that are 0. */
static void
figures_show(const struct process *processes, size_t n)
{
	enum { INDENT = 12 };

	putchar('\n');
	for (size_t i = 0; i < n; i++) {
		const struct process *p = &processes[i];
		size_t at = INDENT;

		for (size_t k = 0; k < p->n_figures; k++) {
			if (p->figures[k].value == 0)
				continue;
			if (at == INDENT)
				printf("%-*s", INDENT, p->name);
			figure_show(&p->figures[k], INDENT, &at);
		}
		if (at > INDENT)
			putchar('\n');
	}
}

int
cmd_status(void)
{
	struct process *processes;
	size_t n = processes_read(&processes), ready = 0;

	for (size_t i = 0; i < n; i++) {
		figures_read(&processes[i]);
		ready += processes[i].answered;
	}
	processes_show(processes, n);
	if (ctl.form == FORM_HUMAN)
		figures_show(processes, n);
	if (ready == n)
		return EX_OK;
	warn("%zu of %zu processes are ready", ready, n);
	return EX_TEMPFAIL;
}

/* ---- who */

static void
sleeper_row(struct sheet *s, const struct process *p,
    const struct wire_sleeper *w, size_t times)
{
	struct slice name = w->name;

	if (times > 1)
		name = slice_str(text("%zu x %s", times, show(name)));
	sheet_row(s, (struct cell[]){ { .text = slice_str(p->name) },
	    { .number = w->session }, { .text = name },
	    { .text = w->waits }, { .number = w->ms } });
}

/* Two tasks of which people need not see the second. */
static bool
is_alike(const struct wire_sleeper *a, const struct wire_sleeper *b)
{
	return ctl.form == FORM_HUMAN && a->session == 0 &&
	    b->session == 0 && slice_eq(a->name, b->name) &&
	    slice_eq(a->waits, b->waits);
}

static void
sleepers_rows(struct sheet *s, const struct process *p,
    const struct wire_sleeper *w, size_t n)
{
	size_t times;

	for (size_t i = 0; i < n; i += times) {
		struct wire_sleeper longest = w[i];

		for (times = 1; i + times < n && is_alike(&w[i],
		    &w[i + times]); times++)
			if (w[i + times].ms > longest.ms)
				longest.ms = w[i + times].ms;
		sleeper_row(s, p, &longest, times);
	}
}

/* False: it should have answered, and did not. */
static bool
sleepers_show(struct sheet *s, const struct process *p)
{
	struct role_who_in in = { 0 };
	struct role_who_out out;
	struct arena arena = { 0 };
	struct link *l = process_dial(p);
	enum wire_status status;
	bool more;

	if (l == NULL)
		return false;
	do {
		status = role_who(l, &in, &out, &arena, PATIENCE);
		if (status != WIRE_OK)
			break;
		sleepers_rows(s, p, out.sleepers, out.n_sleepers);
		sheet_page(s);
		arena_reset(&arena);
		more = out.next > in.from;
		in.from = out.next;
	} while (more);
	if (status != WIRE_GONE)
		link_close(l);
	arena_free(&arena);
	return status == WIRE_OK;
}

int
cmd_who(void)
{
	static const struct column columns[] = {
		{ "process", COLUMN_TEXT, NULL },
		{ "session", COLUMN_NUMBER, "-" },
		{ "name", COLUMN_TEXT, NULL },
		{ "waits_for", COLUMN_TEXT, NULL },
		{ "since", COLUMN_SPAN, NULL },
	};
	struct process *processes;
	size_t n = processes_read(&processes), silent = 0;
	struct sheet s;

	sheet_begin(&s, columns, 5);
	for (size_t i = 0; i < n; i++)
		silent += !sleepers_show(&s, &processes[i]);
	sheet_end(&s, "nobody");
	if (silent == 0)
		return EX_OK;
	warn("%zu of %zu processes did not answer", silent, n);
	return EX_TEMPFAIL;
}
