/* The suite as a whole. */
#include <stdio.h>
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/tls.h"

enum { STOP_WAIT = 60000 };	/* ms; master kills who takes longer */

int
cmd_reload(void)
{
	struct master_reload_in in = { 0 };
	struct master_reload_out out;

	ask_must(master_reload(master_link(), &in, &out, &ctl.arena, ASK_WAIT),
	    "cannot reload");
	if (out.errors > 0) {
		fprintf(stderr, "%.*s", (int)out.restart.n, out.restart.p);
		fail(EX_CONFIG, text("%u fault%s in the configuration",
		    out.errors, out.errors == 1 ? "" : "s"),
		    "nothing was changed: the suite goes on as before",
		    "config check");
	}
	if (out.restart.n > 0)
		warn("only a restart brings into effect: %s",
		    show(out.restart));
	else
		note("the new configuration is in effect");
	/* master handed key the configuration before it can hand it our
	   connection, so what key says is of that one. */
	certificates_must_be_taken();
	return EX_OK;
}

int
cmd_stop(void)
{
	struct master_stop_in in = { 0 };

	ask_must(master_stop(master_link(), &in, NULL, NULL, ASK_WAIT),
	    "cannot stop");
	if (!master_gone(STOP_WAIT))
		fail(EX_TEMPFAIL, "it has not stopped yet",
		    "sessions have 5 seconds, then processes are killed",
		    "status");
	note("stopped");
	return EX_OK;
}
