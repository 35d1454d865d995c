/* What an admin may do to a user's sessions and mail: auth_kick, auth_open. */
#include <string.h>

#include "auth/auth.h"
#include "auth/directory.h"
#include "auth/name.h"
#include "auth/session.h"
#include "common/core/log.h"

/* NULL: answered. */
static struct user *
user_of(struct request *r, struct slice address)
{
	struct user *u = NULL;
	struct name name;

	if (address_name(&r->arena, address, false, &name))
		u = directory_user(&auth.dir, name_view(&name));
	if (u != NULL && u->live)
		return u;
	answer(r, WIRE_NONE, NULL);
	return NULL;
}

static void
serve_kick(struct request *r)
{
	struct user *u = user_of(r, REQUEST(auth_kick, r)->address);
	struct auth_kick_out out = { 0 };

	if (u == NULL)
		return;
	out.sessions = session_revoke(u);
	LOG(kicked, .address = REQUEST(auth_kick, r)->address,
	    .sessions = out.sessions);
	answer(r, WIRE_OK, &out);
}

/* A session like imapd's, without a password: who may ask this owns the
   machine.  It is logged, so that nobody reads mail unseen. */
static void
serve_open(struct request *r)
{
	struct user *u = user_of(r, REQUEST(auth_open, r)->address);
	struct auth_open_out out = { 0 };

	if (u == NULL)
		return;
	out.session = session_open(r->from, u, &out.fd);
	if (out.session == 0) {
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	LOG(mail_opened, .address = REQUEST(auth_open, r)->address,
	    .session = out.session);
	answer(r, WIRE_OK, &out);
}

void
admin_serve(void)
{
	serve(WIRE_auth_kick, serve_kick);
	serve(WIRE_auth_open, serve_open);
}
