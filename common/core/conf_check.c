/* What only all sentences together can get wrong. */
#include "common/core/conf_parts.h"

struct checker {
	const struct conf *c;
	const struct conf_machine *machine;
	struct buf	*errors;
	unsigned	 n;
};

/* An error of a line, 0 if of none. */
__attribute__((format(printf, 3, 4))) static void
wrong(struct checker *k, unsigned line, const char *what, ...)
{
	va_list args;

	k->n++;
	buf_str(k->errors, k->c->filename.p);
	if (line > 0)
		buf_printf(k->errors, ":%u:1", line);
	buf_str(k->errors, ": ");
	va_start(args, what);
	buf_vprintf(k->errors, what, args);
	va_end(args);
	buf_char(k->errors, '\n');
}

static void
check_start(struct checker *k)
{
	const struct conf *c = k->c;

	if (c->server_name.n == 0)
		wrong(k, 0, "the server has no name; for example: %s",
		    conf_sentences[CONF_server_name].example);
	if (c->privileges == PRIVILEGES_NONE && k->machine->uid == 0)
		wrong(k, c->said[CONF_privileges],
		    "root must drop privileges: start as an ordinary user, "
		    "or say: privileges drop");
	if (c->privileges == PRIVILEGES_DROP && k->machine->uid != 0)
		wrong(k, c->said[CONF_privileges],
		    "only root can drop privileges: start as root, or say: "
		    "privileges none");
	if (slice_eq(c->data_folder, c->run_folder))
		wrong(k, c->said[CONF_data_folder],
		    "data and sockets must not share a folder");
}

/* Two roles under one user could open each other's files and trace each
   other. */
static void
check_users(struct checker *k)
{
	const struct conf *c = k->c;

	if (c->privileges == PRIVILEGES_NONE)
		return;
	for (unsigned a = 0; a < ROLES; a++)
		for (unsigned b = 0; b < a; b++)
			if (kind_has_role(SLOT_CHILD, (enum role)a) &&
			    kind_has_role(SLOT_CHILD, (enum role)b) &&
			    slice_eq(c->user[a], c->user[b]))
				wrong(k, c->said_of[CONF_user][a] ?
				    c->said_of[CONF_user][a] :
				    c->said_of[CONF_user][b],
				    "%s and %s must not be one user",
				    role_name((enum role)b),
				    role_name((enum role)a));
}

static bool
is_wildcard(struct slice address)
{
	return slice_eq(address, SLICE("*")) ||
	    slice_eq(address, SLICE("0.0.0.0")) ||
	    slice_eq(address, SLICE("::"));
}

static bool
is_ipv6(struct slice address)
{
	return slice_find(address, ':') < address.n;
}

/* Could the second of these not be bound?  IPv6 sockets are IPv6 only. */
static bool
clash(const struct listener *a, const struct listener *b)
{
	if (a->path.n > 0 || b->path.n > 0)
		return slice_eq(a->path, b->path);
	if (a->port != b->port)
		return false;
	if (slice_eq(a->address, b->address) ||
	    slice_eq(a->address, SLICE("*")) ||
	    slice_eq(b->address, SLICE("*")))
		return true;
	return is_ipv6(a->address) == is_ipv6(b->address) &&
	    (is_wildcard(a->address) || is_wildcard(b->address));
}

static void
check_listener(struct checker *k, const struct listener *l)
{
	const struct service_row *row = &service_rows[l->service];

	if (row->role == ROLES)
		wrong(k, l->line, "nothing in this version serves %s",
		    row->name);
	/* SMTP-6: nobody sends a password in the clear */
	else if (row->login && k->c->n_certificates == 0)
		wrong(k, l->line, "%s needs a certificate, for %s; for "
		    "example: %s", row->name, row->tls ? "it is TLS from the "
		    "start" : "nobody may log in without TLS",
		    conf_sentences[CONF_certificate].example);
	if (l->service == SERVICE_LMTP && l->port == 25)
		wrong(k, l->line, "LMTP must not be on port 25 (RFC 2033 5)");
	for (const struct listener *o = k->c->listeners; o < l; o++)
		if (clash(o, l)) {
			wrong(k, l->line, "line %u listens there already",
			    o->line);
			return;
		}
}

/* Of two for the same mail only one could be meant. */
static void
check_smarthosts(struct checker *k)
{
	const struct smarthost *h = k->c->smarthosts;

	for (size_t i = 0; i < k->c->n_smarthosts; i++)
		for (size_t j = 0; j < i; j++)
			if (slice_ieq(h[i].to, h[j].to) &&
			    slice_ieq(h[i].from, h[j].from)) {
				wrong(k, h[i].line, "line %u sends this mail "
				    "elsewhere already", h[j].line);
				break;
			}
}

static void
check_network(struct checker *k)
{
	const struct conf *c = k->c;

	if (c->n_listeners == 0)
		wrong(k, 0, "no service listens; for example: %s",
		    conf_sentences[CONF_listen_port].example);
	for (size_t i = 0; i < c->n_listeners; i++)
		check_listener(k, &c->listeners[i]);
	for (size_t i = 0; i < c->n_certificates; i++)
		for (size_t j = 0; j < i; j++)
			if (slice_eq(c->certificates[i].chain,
			    c->certificates[j].chain))
				wrong(k, c->certificates[i].line,
				    "line %u names this certificate already",
				    c->certificates[j].line);
}

/* RFC 1939 3: the autologout timer MUST be of at least 10 minutes. */
static void
check_waits(struct checker *k)
{
	if (k->c->pop3_wait < 10 * 60 * 1000)
		wrong(k, k->c->said[CONF_pop3_wait],
		    "POP3 clients must be given 10 minutes (RFC 1939 3)");
	if (k->c->imap_wait < 30 * 60 * 1000)
		wrong(k, k->c->said[CONF_imap_wait],
		    "IMAP clients must be given 30 minutes (RFC 9051 5.4)");
}

/* Below it, keepers may be writing what was accepted above it: a message each,
   and a new segment each of store and queue. */
uint64_t
conf_floor(const struct conf *c)
{
	return c->message_max + c->message_max / 2 + 2 * c->segment;
}

static void
check_queue(struct checker *k)
{
	const struct conf *c = k->c;
	uint64_t floor = conf_floor(c);

	if (c->retry_first > c->retry_most)
		wrong(k, c->said[CONF_retry_first] ? c->said[CONF_retry_first] :
		    c->said[CONF_retry_most], "the first retry comes later "
		    "than the longest time between two retries");
	if (c->retry_most >= c->expire_after)
		wrong(k, c->said[CONF_expire_after] ?
		    c->said[CONF_expire_after] : c->said[CONF_retry_most],
		    "messages are given up before they are retried");
	if (c->warn_after >= c->expire_after)
		wrong(k, c->said[CONF_warn_after] ? c->said[CONF_warn_after] :
		    c->said[CONF_expire_after],
		    "senders are warned only after messages are given up");
	if (c->free_floor < floor)
		wrong(k, c->said[CONF_free_floor], "refuse mail while there is "
		    "still room for one and a half of the largest message and "
		    "two segments: here %llu MB",
		    (unsigned long long)((floor + (1 << 20) - 1) >> 20));
}

/* Sessions talk to their store over a channel each. */
static bool
has_channels(enum role role)
{
	for (unsigned s = SERVICE_POP3; s < SERVICES; s++)
		if (service_rows[s].role == role)
			return true;
	return false;
}

uint64_t
conf_files(const struct conf *c, enum role role)
{
	uint64_t talking = 0, reading = 0, own = 128;

	for (unsigned i = 0; i < ROLES; i++) {
		uint64_t all = (uint64_t)c->sessions[i] * c->workers[i];

		if (has_channels((enum role)i))
			reading += all;
		else
			talking += all;
	}
	/* logs, links, segments; a link for each process that may ask */
	for (unsigned i = 0; i < ROLES; i++)
		own += c->workers[i];
	if (role == ROLE_STORE)
		return own + reading;
	if (role == ROLE_RELAY)		/* likewise */
		return own + 2 * (uint64_t)c->relay_sessions;
	if (role == ROLE_QUEUE)		/* a long body has its own socket */
		return own + talking;
	if (role == ROLE_RESOLVER)	/* a socket for each question */
		return own + 512;
	/* the peer, and a channel or a long body */
	return own + 2 * (uint64_t)c->sessions[role];
}

static void
check_files(struct checker *k)
{
	uint64_t most = k->machine->files;

	for (unsigned i = 0; i < ROLES; i++) {
		uint64_t need = conf_files(k->c, (enum role)i);

		if (most == 0 || need <= most)
			continue;
		wrong(k, k->c->said_of[CONF_sessions][i],
		    "a %s process may need %llu descriptors, the hard limit "
		    "is %llu: raise that, or allow fewer sessions",
		    role_name((enum role)i), (unsigned long long)need,
		    (unsigned long long)most);
	}
}

unsigned
conf_check(const struct conf *c, const struct conf_machine *machine,
    struct buf *errors)
{
	struct checker k = { .c = c, .machine = machine, .errors = errors };

	check_start(&k);
	check_users(&k);
	check_network(&k);
	check_smarthosts(&k);
	check_waits(&k);
	check_queue(&k);
	check_files(&k);
	return k.n;
}
