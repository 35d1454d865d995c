#include "tests/crash/auth/office.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "auth/password.h"
#include "auth/secret.h"
#include "tests/crash/engine/drive.h"

unsigned	 office_asked, office_answered;
bool		 office_drops;
struct verdict	*office_verdict;

static struct engine *engine;
static struct link *ctl, *store;
static struct conf conf;
static unsigned	 barriers;

/* ---- the store */

/* A user who is there keeps his mail. */
static void
drop_check(uint64_t number)
{
	if (office_verdict != NULL &&
	    directory_number(&auth.dir, number) != NULL)
		verdict_lost(office_verdict,
		    "the mail of number %llu, who is there",
		    (unsigned long long)number);
}

static void
store_drops(struct request *r)
{
	struct store_drop_out out = { .messages = 1 };
	uint64_t number = REQUEST(store_drop, r)->user;

	drop_check(number);
	if (office_drops)
		note(EVENT_TOLD, NOTE_DROPPED, 0, number, 0);
	answer(r, office_drops ? WIRE_OK : WIRE_AGAIN, &out);
}

static void
usage_lost(struct request *r)
{
	answer(r, WIRE_GONE, NULL);
}

static void
store_usage_asked(struct request *r)
{
	r->lost = usage_lost;
}

static void
store_revokes(struct request *r)
{
	answer(r, WIRE_OK, NULL);
}

static struct link *
the_store(unsigned shard)
{
	(void)shard;
	return store;
}

/* ---- life */

static struct link *
connect_to(enum role asks, enum role answers)
{
	struct link *ask = link_new(answers, 0, LINK_LASTING);
	struct link *serving = link_new(asks, 0, LINK_ONCE);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		err(1, "socketpair");
	link_serve(serving);
	link_attach(ask, pair[0]);
	link_attach(serving, pair[1]);
	return ask;
}

static void
configure(void)
{
	struct buf errors = { 0 };

	if (conf_parse(&conf, SLICE("server name mail.example.org\n"),
	    "test.conf", &errors) != 0)
		errx(1, "%s", buf_cstr(&errors));
	auth_configure(&conf);
}

/* Once for all processes that are forked: OpenSSL makes thousands of
   allocations when it begins, and none of them has to do with a disk. */
__attribute__((constructor)) static void
openssl_begin(void)
{
	secret_init();
}

struct engine *
office_open(const char *root)
{
	static bool once;

	engine = drive_open(root);
	link_identity(ROLES);
	if (!once) {
		secret_init();
		configure();
		once = true;
	}
	password_init(1);	/* on this loop */
	serve(WIRE_store_drop, store_drops);
	serve(WIRE_store_usage, store_usage_asked);
	serve(WIRE_store_revoke, store_revokes);
	auth.shards = 1;
	auth.store = the_store;
	store = connect_to(ROLE_AUTH, ROLE_STORE);
	auth_begin(engine);
	ctl = connect_to(ROLE_CTL, ROLE_AUTH);
	return engine;
}

void
office_close(void)
{
	office_wait(0);
	link_close(ctl);
	office_turn();
	auth_end();
	password_end();
	link_close(store);
	office_turn();
	engine_close(engine);
}

static void
barrier_over(void *arg, enum engine_status status)
{
	(void)arg;
	(void)status;
	barriers++;
}

void
office_turn(void)
{
	unsigned want = barriers + 1;

	txn_commit(txn_begin(engine, ROWS_UNIT), barrier_over, NULL);
	drive_until(&barriers, want);
}

void
office_wait(unsigned most)
{
	if (office_asked > most)
		drive_until(&office_answered, office_asked - most);
}

/* ---- the admin */

struct asked {
	unsigned	 i;
	uint64_t	 state;
};

static void
over(struct asked *a, bool done)
{
	note(EVENT_TOLD, NOTE_CHANGE, a->i, a->state, done);
	office_answered++;
	free(a);
}

static void
changed(void *arg, enum wire_status status, const void *out)
{
	(void)out;
	over(arg, status == WIRE_OK);
}

static void
domain_gone_answered(void *arg, enum wire_status status, const void *out)
{
	const struct domain_rm_out *o = out;

	over(arg, status == WIRE_OK && o->why.n == 0);
}

static void
user_added(void *arg, enum wire_status status, const void *out)
{
	const struct user_add_out *o = out;
	struct asked *a = arg;

	if (status == WIRE_OK && o->user != 0)
		note(EVENT_TOLD, NOTE_NUMBER, a->i, o->user, 0);
	over(a, status == WIRE_OK && o->user != 0);
}

static void
alias_set(void *arg, enum wire_status status, const void *out)
{
	const struct alias_add_out *o = out;

	over(arg, status == WIRE_OK && o->why.n == 0);
}

static void
domain_change(struct asked *a, struct slice name)
{
	struct domain_add_in add = { .name = name };
	struct domain_rm_in rm = { .name = name };

	if (a->state != 0)
		link_call(ctl, WIRE_domain_add, &add, 0, changed, a);
	else
		link_call(ctl, WIRE_domain_rm, &rm, 0, domain_gone_answered, a);
}

/* One of its parts at a time. */
static void
user_change(struct asked *a, struct slice name, uint64_t before)
{
	uint64_t differs = a->state ^ before;
	struct user_add_in add = { .address = name,
		.limit = thing_limit(a->state),
		.password = slice_str(thing_password(a->state)) };
	struct user_passwd_in passwd = { .address = name,
		.password = add.password };
	struct user_set_in set = { .address = name, .limit = add.limit,
		.set = differs >> 32 != 0 ? USER_LIMIT :
		(a->state & DISABLED) != 0 ? USER_DISABLED : USER_ENABLED };
	struct user_rm_in rm = { .address = name };

	if (a->state == 0)
		link_call(ctl, WIRE_user_rm, &rm, 0, changed, a);
	else if (before == 0)
		link_call(ctl, WIRE_user_add, &add, 0, user_added, a);
	else if ((differs >> 8 & 0xff) != 0)
		link_call(ctl, WIRE_user_passwd, &passwd, 0, changed, a);
	else
		link_call(ctl, WIRE_user_set, &set, 0, changed, a);
}

static void
alias_change(struct asked *a, struct slice name, uint64_t before)
{
	char text[32][64];
	struct wire_target targets[32];
	struct alias_add_in in = { .address = name, .set = before != 0,
		.targets = targets };
	struct alias_rm_in rm = { .address = name };

	for (; a->state != 0 && in.n_targets < thing_targets(a->state);
	    in.n_targets++) {
		strcpy(text[in.n_targets], target_name(a->state,
		    (unsigned)in.n_targets));
		targets[in.n_targets].address = slice_str(text[in.n_targets]);
	}
	if (a->state == 0)
		link_call(ctl, WIRE_alias_rm, &rm, 0, changed, a);
	else
		link_call(ctl, WIRE_alias_add, &in, 0, alias_set, a);
}

void
office_change(unsigned i, uint64_t state)
{
	struct asked *a = mem_zero(sizeof *a);
	struct slice name = slice_str(thing_name(i));
	uint64_t before = accounts.things[i].state;

	*a = (struct asked){ i, state };
	note(EVENT_BEGIN, NOTE_CHANGE, i, state, 0);
	office_asked++;
	if (i < FIRST_USER)
		domain_change(a, name);
	else if (i < FIRST_ALIAS)
		user_change(a, name, before);
	else
		alias_change(a, name, before);
}
