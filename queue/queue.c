#include "queue/queue.h"

#include "queue/accept.h"
#include "queue/act.h"
#include "queue/body.h"
#include "queue/destination.h"
#include "queue/dsn.h"
#include "queue/hold.h"
#include "queue/intake.h"
#include "queue/offer.h"
#include "queue/remote.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/show.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/token.h"

struct queue_stats stats;

void
queue_limits(const struct conf *c)
{
	accept_limit(c->message_max);
	hold_limits(c->hold_time, c->hold_memory);
	schedule_limits(c->retry_first, c->retry_most, c->warn_after,
	    c->expire_after);
	destination_limits(c->destination_max, c->smarthost_max);
	remote_relays(c->workers[ROLE_RELAY]);
	dsn_host(c->server_name);
}

static void
give_work(struct request *r)
{
	bool relay = link_peer(r->from) == ROLE_RELAY;

	if ((REQUEST(queue_next, r)->work == WORK_REMOTE) != relay)
		answer(r, WIRE_DENIED, NULL);
	else if (relay)
		remote_next(r);
	else
		offer_next(r);
}

void
queue_setup(void)
{
	offer_setup();
	remote_setup();
	serve(WIRE_queue_hello, accept_hello);
	serve(WIRE_queue_submit, accept_submit);
	serve(WIRE_queue_begin, intake_begin);
	serve(WIRE_queue_commit, intake_commit);
	serve(WIRE_queue_relay, remote_hello);
	serve(WIRE_queue_next, give_work);
	serve(WIRE_queue_done, settle_results);
	serve(WIRE_queue_list, show_list);
	serve(WIRE_queue_show, show_message);
	serve(WIRE_queue_body, show_body);
	serve(WIRE_queue_act, act);
}

void
queue_open(struct engine *e)
{
	stats = (struct queue_stats){ 0 };
	spool_open(e, accept_ready);
}

void
queue_forget(void)
{
	act_forget();
	message_forget();
	body_forget();
	token_forget();
	remote_forget();
	schedule_forget();
	spool_forget();
}

void
queue_figures(void (*fn)(void *, const char *, uint64_t), void *arg)
{
	struct engine_figures f;

	engine_figures(spool_engine(), &f);
	fn(arg, "messages", message_count());
	fn(arg, "held_bytes", hold_bytes());
	fn(arg, "tokens", token_count());
	fn(arg, "arriving", intake_count());
	fn(arg, "leaving", body_count());
	fn(arg, "waiting_workers", offer_credits());
	fn(arg, "waiting_relays", remote_credits());
	fn(arg, "destinations", destination_count());
	fn(arg, "destinations_away", destinations_away());
	fn(arg, "answered_from_memory", stats.held);
	fn(arg, "answered_from_the_spool", stats.spooled);
	fn(arg, "declined", stats.declined);
	fn(arg, "put_off", stats.again);
	fn(arg, "retries_recognised", stats.retried);
	fn(arg, "delivered", stats.delivered);
	fn(arg, "sent", stats.sent);
	fn(arg, "refused", stats.refused);
	fn(arg, "deferred", stats.deferred);
	fn(arg, "forwarded", stats.forwarded);
	fn(arg, "kept", stats.kept);
	fn(arg, "removed", stats.removed);
	fn(arg, "reports", stats.bounced);
	fn(arg, "set_aside", stats.aside);
	fn(arg, "leases", stats.leases);
	fn(arg, "leases_over_the_limit", stats.lease_limits);
	fn(arg, "commits", f.commits);
	fn(arg, "syncs", f.syncs);
}
