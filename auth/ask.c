/* Where an address leads, and whose it is: answered from memory. */
#include "auth/auth.h"

#include "auth/forward.h"
#include "auth/session.h"
#include "common/core/log.h"

static enum route
user_route(const struct user *u)
{
	if (u->row.disabled)
		return ROUTE_DISABLED;
	return user_is_full(u) ? ROUTE_FULL : ROUTE_LOCAL;
}

static bool
spread(struct request *r, struct slice address, const struct place *p,
    struct final **finals, size_t *n)
{
	if (place_spread(&auth.dir, &auth.rules, &r->arena, p, finals, n))
		return true;
	LOG(alias_too_long, .address = address, .most = SPREAD_MAX);
	return false;
}

/* An alias takes mail if anybody it leads to does; if nobody does, the first
   says why. */
static enum route
list_route(struct request *r, struct slice address, const struct place *p)
{
	enum route first = ROUTE_UNKNOWN;
	struct final *finals;
	size_t n;

	if (!spread(r, address, p, &finals, &n))
		return ROUTE_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		const struct place *f = &finals[i].place;
		enum route route = f->kind == PLACE_REMOTE ? ROUTE_LOCAL :
		    user_route(f->user);

		if (route == ROUTE_LOCAL)
			return ROUTE_LOCAL;
		if (i == 0)
			first = route;
	}
	return first;
}

static void
serve_rcpt(struct request *r)
{
	struct slice text = REQUEST(auth_rcpt, r)->address;
	struct auth_rcpt_out out = { .route = ROUTE_UNKNOWN };
	struct place p;
	struct addr a;

	if (address_read(&r->arena, text, &a)) {
		p = place_find(&auth.dir, &auth.rules, &r->arena, &a);
		if (p.kind == PLACE_REMOTE)
			out.route = ROUTE_REMOTE;
		else if (p.kind == PLACE_MAILBOX)
			out.route = user_route(p.user);
		else if (p.kind == PLACE_LIST)
			out.route = list_route(r, text, &p);
	}
	answer(r, WIRE_OK, &out);
}

/* What was accepted is stored even if the mailbox became full meanwhile: the
   store knows the limit and decides. */
static void
route_mailbox(struct request *r, const struct place *p,
    struct auth_route_out *out)
{
	const struct user *u = p->user;

	out->route = u->row.disabled ? ROUTE_DISABLED : ROUTE_LOCAL;
	out->user = u->row.number;
	out->shard = u->row.shard;
	out->limit = user_limit(u);
	out->mailbox = p->detail;
	out->address = name_text(&r->arena, u->name);
}

/* The ends of a list, but for those in this mailbox. */
static void
became(struct request *r, struct auth_route_out *out, const struct user *but,
    const struct final *finals, size_t n)
{
	out->became = arena_array(&r->arena, n, sizeof *out->became);
	for (size_t i = 0; i < n; i++) {
		const struct final *f = &finals[i];

		if (but == NULL || f->place.user != but)
			out->became[out->n_became++] = (struct wire_forward){
				.address = f->address,
				.remote = f->place.kind == PLACE_REMOTE };
	}
}

/* A mailbox that keeps its copy, and what others get too. */
static void
route_both(struct request *r, struct slice address, const struct place *p,
    struct auth_route_out *out)
{
	struct final *finals;
	size_t n;

	route_mailbox(r, p, out);
	if (p->n > 0 && spread(r, address, p, &finals, &n))
		became(r, out, p->user, finals, n);
}

/* An alias of one mailbox is that mailbox: no step through the queue. */
static void
route_list(struct request *r, struct slice address, const struct place *p,
    struct auth_route_out *out)
{
	struct final *finals;
	size_t n;

	if (!spread(r, address, p, &finals, &n) || n == 0)
		return;
	if (n == 1 && finals[0].place.kind == PLACE_MAILBOX) {
		route_mailbox(r, &finals[0].place, out);
		return;
	}
	out->route = ROUTE_LOCAL;
	became(r, out, NULL, finals, n);
}

/* What goes to others goes with a return path of ours.  False: not yet. */
static bool
route_path(struct request *r, const struct addr *to,
    struct auth_route_out *out)
{
	bool remote = false;

	for (size_t i = 0; i < out->n_became; i++)
		remote |= out->became[i].remote != 0;
	return !remote || forward_path(&auth.dir, &auth.rules, &r->arena,
	    REQUEST(auth_route, r)->return_path, to, &out->return_path);
}

static void
serve_route(struct request *r)
{
	struct slice text = REQUEST(auth_route, r)->address;
	struct auth_route_out out = { .route = ROUTE_UNKNOWN,
		.address = text };
	struct place p;
	struct addr a;

	if (address_read(&r->arena, text, &a)) {
		p = place_find(&auth.dir, &auth.rules, &r->arena, &a);
		if (p.kind == PLACE_REMOTE)
			out.route = ROUTE_REMOTE;
		else if (p.kind == PLACE_MAILBOX)
			route_both(r, text, &p, &out);
		else if (p.kind == PLACE_LIST)
			route_list(r, text, &p, &out);
		if (!route_path(r, &a, &out)) {
			answer(r, WIRE_AGAIN, NULL);
			return;
		}
	}
	answer(r, WIRE_OK, &out);
}

/* The sender's address is his if mail to it comes to him (SMTP-11). */
static bool
owns(struct request *r, const struct user *u, struct slice address)
{
	struct final *finals;
	struct place p;
	struct addr a;
	size_t n;

	if (!address_read(&r->arena, address, &a) || a.domain.n == 0)
		return false;
	p = place_find(&auth.dir, &auth.rules, &r->arena, &a);
	if (p.kind == PLACE_MAILBOX && p.user == u)
		return true;
	if (p.n == 0 || !spread(r, address, &p, &finals, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (finals[i].place.kind == PLACE_MAILBOX &&
		    finals[i].place.user == u)
			return true;
	return false;
}

static void
serve_sender(struct request *r)
{
	const struct auth_sender_in *in = REQUEST(auth_sender, r);
	const struct user *u = directory_number(&auth.dir, in->user);
	struct auth_sender_out out = { 0 };

	out.revoked = u == NULL || !u->live || u->row.disabled ||
	    session_stamp(u) != in->stamp;
	out.owns = !out.revoked && owns(r, u, in->address);
	answer(r, WIRE_OK, &out);
}

void
ask_serve(void)
{
	serve(WIRE_auth_rcpt, serve_rcpt);
	serve(WIRE_auth_route, serve_route);
	serve(WIRE_auth_sender, serve_sender);
}
