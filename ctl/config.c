#include "ctl/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

static void
file_read(const char *file, struct buf *to)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		do {
			buf_reserve(to, 65536);
			n = read(fd, to->p + to->n, 65536);
			to->n += n > 0 ? (size_t)n : 0;
		} while (n > 0 && to->n <= CONF_TEXT_MAX);
	}
	if (n < 0)
		fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT,
		    text("%s: %s", file, strerror(errno)),
		    "name the configuration with -c FILE", NULL);
	close(fd);
}

const struct conf *
config_read(const char *file, struct buf *errors, unsigned *wrong)
{
	struct conf *c = arena_array(&ctl.arena, 1, sizeof *c);
	struct buf text = { 0 }, unread = { 0 };

	file_read(file, &text);
	*wrong = conf_parse(c, buf_view(&text), file,
	    errors != NULL ? errors : &unread);
	buf_free(&text);
	buf_free(&unread);
	return c;
}

/* As it would be for whoever starts the suite: we take ourselves for that. */
static unsigned
machine_check(const struct conf *c, struct buf *errors)
{
	struct conf_machine machine = { .uid = (uint64_t)geteuid() };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_max != RLIM_INFINITY)
		machine.files = files.rlim_max;
	return conf_check(c, &machine, errors);
}

/* ---- config check */

/* Cuts ":123" off the front of s; 0 if there is none. */
static uint64_t
cut_number(struct slice *s)
{
	struct slice rest = slice_drop(*s, 1);
	uint64_t n;

	if (s->n == 0 || s->p[0] != ':' ||
	    !slice_u64(slice_cut(&rest, ':'), UINT32_MAX, &n))
		return 0;
	*s = slice_of(rest.p - 1, rest.n + 1);
	return n;
}

/* FILE:LINE:COLUMN: text, or FILE: text. */
static void
fault_row(struct sheet *s, const char *file, struct slice line)
{
	struct slice name = slice_str(file);
	struct cell cells[4] = { { .text = name } };

	if (slice_starts(line, name))
		line = slice_drop(line, name.n);
	cells[1].number = cut_number(&line);
	cells[2].number = cells[1].number != 0 ? cut_number(&line) : 0;
	cells[3].text = slice_starts(line, SLICE(": ")) ?
	    slice_drop(line, 2) : line;
	sheet_row(s, cells);
}

static void
faults_show(const char *file, struct slice errors)
{
	static const struct column columns[] = {
		{ "file", COLUMN_TEXT, NULL },
		{ "line", COLUMN_NUMBER, "-" },
		{ "column", COLUMN_NUMBER, "-" },
		{ "fault", COLUMN_TEXT, NULL },
	};
	struct sheet s;

	sheet_begin(&s, columns, 4);
	while (errors.n > 0)
		fault_row(&s, file, slice_cut(&errors, '\n'));
	sheet_end(&s, NULL);
}

int
cmd_config_check(void)
{
	const char *file = ctl.args.n == 0 ? ctl.file :
	    arena_str(&ctl.arena, ctl.args.words[0]);
	struct buf errors = { 0 };
	unsigned wrong;
	const struct conf *c = config_read(file, &errors, &wrong);

	wrong += machine_check(c, &errors);
	if (ctl.form != FORM_HUMAN)
		faults_show(file, buf_view(&errors));
	else if (wrong > 0)
		fprintf(stderr, "%spostino: %u fault%s\n", buf_cstr(&errors),
		    wrong, wrong == 1 ? "" : "s");
	else
		printf("%s: no faults\n", file);
	buf_free(&errors);
	return wrong > 0 ? EX_CONFIG : EX_OK;
}

/* ---- config show */

static void
sentence_row(struct sheet *s, struct slice line)
{
	const struct slice mark = SLICE("  # default");
	bool standard = line.n > mark.n && slice_eq(slice_drop(line,
	    line.n - mark.n), mark);

	if (standard)
		line.n -= mark.n;
	sheet_row(s, (struct cell[]){ { .text = line },
	    { .text = standard ? SLICE("default") : SLICE("said") } });
}

int
cmd_config_show(void)
{
	static const struct column columns[] = {
		{ "sentence", COLUMN_TEXT, NULL },
		{ "source", COLUMN_TEXT, NULL },
	};
	struct buf shown = { 0 };
	struct slice rest;
	struct sheet s;
	unsigned wrong;
	const struct conf *c = config_read(ctl.file, NULL, &wrong);

	if (wrong > 0)
		fail(EX_CONFIG, text("%s has faults", ctl.file), NULL,
		    "config check");
	conf_show(c, &shown);
	if (ctl.form == FORM_HUMAN)
		fwrite(shown.p, 1, shown.n, stdout);
	else {
		sheet_begin(&s, columns, 2);
		for (rest = buf_view(&shown); rest.n > 0;)
			sentence_row(&s, slice_cut(&rest, '\n'));
		sheet_end(&s, NULL);
	}
	buf_free(&shown);
	return EX_OK;
}
