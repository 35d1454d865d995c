/* Certificates: what is served now, and the files of a renewal. */
#include "ctl/tls.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/form.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum {
	DAY = 24 * 3600 * 1000,	/* ms */
	DAYS_FEW = 14,		/* renewers of today start at 30 */
	ATTENTION = 1,		/* exit code: something wants it */
};

/* Of all that can be said of a pair, the worst, which comes first here. */
enum state { NOTHING_SERVED, EXPIRED, NOT_YET, CHANGED, REFUSED, SOON, GOOD };

static const char *const states[] = { "not served", "expired",
	"not valid yet", "file changed", "refused", "expires soon", "good" };

/* All of key's answer, of how many pages it was. */
struct served {
	struct wire_served *pairs;
	size_t		 n;
	struct slice	 server;
	uint32_t	 late;
};

static uint64_t
now(void)
{
	return (uint64_t)time(NULL) * 1000;
}

static uint64_t
days_left(const struct wire_served *p)
{
	uint64_t t = now();

	return p->until > t ? (p->until - t) / DAY : 0;
}

/* Has the file another time than when key read it?  What cannot be looked at
   has not changed for us: key will say what is wrong with it. */
static bool
has_other_time(struct slice path, uint64_t read)
{
	struct stat s;

	return stat(arena_str(&ctl.arena, path), &s) == 0 &&
	    (uint64_t)s.st_mtim.tv_sec * 1000000000 +
	    (uint64_t)s.st_mtim.tv_nsec != read;
}

static bool
has_changed(const struct wire_served *p)
{
	return has_other_time(p->chain, p->chain_time) ||
	    has_other_time(p->key, p->key_time);
}

static enum state
state_of(const struct wire_served *p)
{
	if (p->spki.n == 0)
		return NOTHING_SERVED;
	if (p->until < now())
		return EXPIRED;
	if (p->since > now())
		return NOT_YET;
	if (has_changed(p))
		return CHANGED;
	if (p->fault.n > 0)
		return REFUSED;
	return days_left(p) < DAYS_FEW ? SOON : GOOD;
}

static void
served_read(struct served *s)
{
	struct key_show_in in = { 0 };
	struct key_show_out out;
	struct link *key = role_dial(ROLE_KEY);
	struct wire_served *all;

	*s = (struct served){ 0 };
	do {
		ask_must(key_show(key, &in, &out, &ctl.arena, ASK_WAIT),
		    "cannot ask what is served");
		all = arena_array(&ctl.arena, s->n + out.n_pairs + 1,
		    sizeof *all);
		for (size_t i = 0; i < s->n; i++)
			all[i] = s->pairs[i];
		for (size_t i = 0; i < out.n_pairs; i++)
			all[s->n++] = out.pairs[i];
		s->pairs = all;
		s->server = out.server;
		s->late = out.late;
	} while (out.next > in.from && (in.from = out.next) != 0);
}

static struct slice
hash_text(struct slice spki)
{
	struct buf b = { 0 };
	struct slice s;

	for (size_t i = 0; i < spki.n; i++)
		buf_printf(&b, "%02x", (unsigned char)spki.p[i]);
	s = arena_slice(&ctl.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* ---- show, for programs */

static void
rows_show(const struct served *served)
{
	static const struct column columns[] = {
		{ "certificate", COLUMN_TEXT, NULL },
		{ "key", COLUMN_TEXT, NULL },
		{ "state", COLUMN_TEXT, NULL },
		{ "fault", COLUMN_TEXT, NULL },
		{ "names", COLUMN_TARGETS, NULL },
		{ "matches", COLUMN_TEXT, NULL },
		{ "issuer", COLUMN_TEXT, NULL },
		{ "type", COLUMN_TEXT, NULL },
		{ "since", COLUMN_TIME, "-" },
		{ "until", COLUMN_TIME, "-" },
		{ "days", COLUMN_NUMBER, NULL },
		{ "chain", COLUMN_NUMBER, NULL },
		{ "spki", COLUMN_TEXT, NULL },
	};
	struct sheet s;

	sheet_begin(&s, columns, 13);
	for (size_t i = 0; i < served->n; i++) {
		const struct wire_served *p = &served->pairs[i];

		sheet_row(&s, (struct cell[]){ { .text = p->chain },
		    { .text = p->key },
		    { .text = slice_str(states[state_of(p)]) },
		    { .text = p->fault },
		    { .list = p->names, .n_list = p->n_names },
		    { .text = p->matches ? SLICE("yes") : SLICE("no") },
		    { .text = p->issuer }, { .text = p->kind },
		    { .number = p->since }, { .number = p->until },
		    { .number = days_left(p) }, { .number = p->length },
		    { .text = hash_text(p->spki) } });
	}
	sheet_end(&s, NULL);
}

/* ---- show, for people */

static const char *
names_text(const struct wire_served *p)
{
	struct buf b = { 0 };
	const char *names;

	for (size_t i = 0; i < p->n_names; i++) {
		if (i > 0)
			buf_str(&b, ", ");
		form_printable(&b, p->names[i].address);
	}
	names = p->n_names == 0 ? "none" : text("%s", buf_cstr(&b));
	buf_free(&b);
	return names;
}

static const char *
time_text(uint64_t ms)
{
	struct buf b = { 0 };
	const char *shown;

	form_time(&b, ms);
	shown = text("%s", buf_cstr(&b));
	buf_free(&b);
	return shown;
}

static const char *
left_text(const struct wire_served *p)
{
	uint64_t days = days_left(p);

	if (p->until < now())
		return "expired";
	return text("%llu day%s left", (unsigned long long)days,
	    days == 1 ? "" : "s");
}

static void
pair_show(const struct served *served, const struct wire_served *p)
{
	sheet_line("certificate", show(p->chain));
	sheet_line("key", show(p->key));
	sheet_line("state", states[state_of(p)]);
	if (p->spki.n == 0)
		return;
	sheet_line("names", names_text(p));
	sheet_line("server name", text("%s: %s", show(served->server),
	    p->matches ? "yes" : "no"));
	sheet_line("issuer", show(p->issuer));
	sheet_line("type", show(p->kind));
	sheet_line("valid", text("from %s until %s, %s",
	    time_text(p->since), time_text(p->until), left_text(p)));
	sheet_line("chain", text("%u certificate%s", p->length,
	    p->length == 1 ? "" : "s"));
	sheet_line("spki sha256", show(hash_text(p->spki)));
}

static void
pairs_show(const struct served *served)
{
	for (size_t i = 0; i < served->n; i++) {
		if (i > 0)
			putchar('\n');
		pair_show(served, &served->pairs[i]);
	}
	if (served->n == 0)
		note("no certificates: nobody is offered TLS");
}

/* ---- what wants attention */

static void
pair_warn(const struct wire_served *p)
{
	const char *file = show(p->chain);

	if (p->spki.n == 0)
		warn("%s: nothing is served", file);
	else if (p->until < now())
		warn("%s: what is served expired at %s", file,
		    time_text(p->until));
	else if (p->since > now())
		warn("%s: what is served is not valid before %s", file,
		    time_text(p->since));
	else if (days_left(p) < DAYS_FEW)
		warn("%s: %s", file, left_text(p));
	if (p->fault.n > 0)
		warn("%s: the files were refused: %s", file, show(p->fault));
	if (has_changed(p)) {
		warn("%s: the files changed since they were read", file);
		advise("tls reload");
	}
}

/* With an ECDSA and an RSA chain of a name, or with several names, one that is
   for the server's own is enough. */
static bool
name_warn(const struct served *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->pairs[i].matches)
			return false;
	if (s->n > 0)
		warn("no certificate is for the server name %s",
		    show(s->server));
	return s->n > 0;
}

int
cmd_tls_show(void)
{
	struct served served;
	bool odd;

	served_read(&served);
	if (ctl.form == FORM_HUMAN)
		pairs_show(&served);
	else
		rows_show(&served);
	odd = name_warn(&served);
	for (size_t i = 0; i < served.n; i++) {
		odd |= state_of(&served.pairs[i]) != GOOD;
		pair_warn(&served.pairs[i]);
	}
	if (served.late > 0)
		warn("%u process%s may still serve what was before",
		    served.late, served.late == 1 ? "" : "es");
	return odd || served.late > 0 ? ATTENTION : EX_OK;
}

/* ---- reload */

static void
refused_fail(const struct served *s)
{
	const struct wire_served *first = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->pairs[i].fault.n == 0)
			continue;
		if (n++ == 0)
			first = &s->pairs[i];
		else
			warn("%s: %s", show(s->pairs[i].chain),
			    show(s->pairs[i].fault));
	}
	if (first == NULL)
		return;
	fail(EX_DATAERR, text("%s: %s", show(first->chain),
	    show(first->fault)), first->spki.n == 0 ?
	    "nothing is served for it; the others are as in their files" :
	    text("what was served before stays in force, until %s",
	    time_text(first->until)), "tls show");
}

void
certificates_must_be_taken(void)
{
	struct served served;

	served_read(&served);
	refused_fail(&served);
}

int
cmd_tls_reload(void)
{
	struct master_tls_in in = { 0 };
	struct master_tls_out out;
	struct served served;

	ask_must(master_tls(master_link(), &in, &out, &ctl.arena, ASK_WAIT),
	    "cannot reload the certificates");
	served_read(&served);
	if (out.refused > 0)
		refused_fail(&served);
	if (out.late > 0)
		fail(EX_TEMPFAIL, text("%u process%s may still serve what was "
		    "before", out.late, out.late == 1 ? "" : "es"),
		    "the certificates were read, and not everybody has said "
		    "in time to have them", "tls show");
	if (ctl.form != FORM_HUMAN)
		rows_show(&served);
	for (size_t i = 0; i < served.n; i++)
		note("%s: in force, %s", show(served.pairs[i].chain),
		    left_text(&served.pairs[i]));
	return EX_OK;
}
