/* What lies on the disk: store check, store compact, store rebuild; with --of
   also that of queue and auth. */
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/keeper.h"
#include "ctl/progress.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum {
	CHECK_FOUND = 1,		/* exit code of check */
	POLL = 200,			/* ms */
};

static enum role
role_wanted(void)
{
	static const enum role roles[] = { ROLE_STORE, ROLE_QUEUE, ROLE_AUTH };
	struct slice word = ctl.args.value[OPTION_OF];

	if (!args_has(&ctl.args, OPTION_OF))
		return ROLE_STORE;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (slice_eq(word, slice_str(role_name(roles[i]))))
			return roles[i];
	fail(EX_USAGE, text("\"%s\" keeps nothing", show(word)),
	    "it is store, queue or auth", text("help store %s",
	    ctl.command->verb));
}

/* ---- check */

static struct sheet	check_sheet;

static void
fault_row(const struct keeper *k, const struct wire_fault *f)
{
	static const char *const names[] = { "row", "message", "log" };
	const char *kind = f->kind < 3 ? names[f->kind] : "other";

	sheet_row(&check_sheet, (struct cell[]){ { .text = slice_str(k->name) },
	    { .text = slice_str(kind), .mood = MOOD_BAD },
	    { .number = f->unit }, { .number = f->blob },
	    { .number = f->segment }, { .number = f->offset },
	    { .number = f->bytes } });
}

static int
check_one(const struct keeper *k)
{
	struct keeper_check_in in = { .full = args_has(&ctl.args,
		OPTION_FULL) };
	struct keeper_check_out out;
	struct link *l = keeper_dial(k);
	struct arena arenas[2] = { 0 };	/* `at` lives in the last one */
	uint64_t rows = 0, bytes = 0, faults = 0;
	unsigned turn = 0;

	do {
		arena_reset(&arenas[turn]);
		ask_must(keeper_check(l, &in, &out, &arenas[turn], ASK_WAIT),
		    text("cannot check %s", k->name));
		turn ^= 1;
		in.at = out.at;
		rows += out.rows;
		bytes += out.bytes;
		faults += out.n_faults;
		if (out.n_faults > 0)
			progress_end();
		for (size_t i = 0; i < out.n_faults; i++)
			fault_row(k, &out.faults[i]);
		sheet_page(&check_sheet);
		if (bytes == 0)
			progress("%s: index, %llu rows", k->name,
			    (unsigned long long)rows);
		else
			progress("%s: log, %u %%", k->name,
			    percent(bytes, out.log));
	} while (out.at.n > 0);
	progress_end();
	if (out.quarantined > 0)
		warn("%s: %llu part%s of the log left out at its start",
		    k->name, (unsigned long long)out.quarantined,
		    out.quarantined == 1 ? "" : "s");
	note("%s: %llu rows%s%s: %llu fault%s", k->name,
	    (unsigned long long)rows, in.full ? ", " : "",
	    in.full ? size_text(bytes) : "", (unsigned long long)faults,
	    faults == 1 ? "" : "s");
	arena_free(&arenas[0]);
	arena_free(&arenas[1]);
	link_close(l);
	return faults + out.quarantined > 0 ? CHECK_FOUND : EX_OK;
}

int
cmd_store_check(void)
{
	static const struct column columns[] = {
		{ "process", COLUMN_TEXT, NULL },
		{ "fault", COLUMN_TEXT, NULL },
		{ "unit", COLUMN_NUMBER, "-" },
		{ "blob", COLUMN_NUMBER, "-" },
		{ "segment", COLUMN_NUMBER, NULL },
		{ "offset", COLUMN_NUMBER, "-" },
		{ "bytes", COLUMN_NUMBER, "-" },
	};
	int code;

	sheet_begin(&check_sheet, columns, 7);
	code = keepers_each(role_wanted(), check_one);
	sheet_end(&check_sheet, NULL);
	return code;
}

/* ---- compact */

static int
compact_one(const struct keeper *k)
{
	struct keeper_compact_in in = { .first = 1 };
	struct keeper_compact_out out;
	struct link *l = keeper_dial(k);
	uint64_t before = 0;

	do {
		ask_must(keeper_compact(l, &in, &out, NULL, ASK_WAIT),
		    text("cannot compact %s", k->name));
		if (in.first)
			before = out.live + out.dead;
		in.first = 0;
		progress("%s: %s, of which %s are of no use", k->name,
		    size_text(out.live + out.dead), size_text(out.dead));
	} while (out.more);
	progress_end();
	note("%s: %s in %llu segments, of which %s are of no use; it was %s",
	    k->name, size_text(out.live + out.dead),
	    (unsigned long long)out.segments, size_text(out.dead),
	    size_text(before));
	link_close(l);
	return EX_OK;
}

int
cmd_store_compact(void)
{
	return keepers_each(role_wanted(), compact_one);
}

/* ---- rebuild */

/* Is it another process now, and ready? */
static bool
is_back(const struct keeper *k)
{
	struct master_status_in in = { 0 };
	struct master_status_out out;
	struct arena arena = { 0 };
	bool back = false;

	ask_must(master_status(master_link(), &in, &out, &arena, ASK_WAIT),
	    "cannot ask master");
	for (size_t i = 0; i < out.n_children; i++) {
		const struct wire_child *c = &out.children[i];

		if (c->role == (uint32_t)k->role && c->instance == k->instance)
			back = c->ready && c->pid != k->pid;
	}
	arena_free(&arena);
	return back;
}

static int
rebuild_one(const struct keeper *k)
{
	const struct timespec pause = { .tv_nsec = POLL * 1000000L };
	struct keeper_rebuild_in in = { 0 };
	time_t began = time(NULL);

	ask_must(keeper_rebuild(keeper_dial(k), &in, NULL, NULL, ASK_WAIT),
	    text("cannot rebuild %s", k->name));
	while (!is_back(k)) {
		progress("%s: its index is being made anew, %lld s; the log "
		    "says how far it is", k->name,
		    (long long)(time(NULL) - began));
		nanosleep(&pause, NULL);
	}
	progress_end();
	note("%s: the index is made anew", k->name);
	return EX_OK;
}

int
cmd_store_rebuild(void)
{
	return keepers_each(role_wanted(), rebuild_one);
}
