/* imapd.c - the role: people read and keep their mail here. */
#include "imapd/session.h"
#include "imapd/text.h"

#include "common/core/log.h"
#include "common/task/task.h"
#include "common/task/tls.h"
#include "common/task/who.h"

const struct conf	*imapd_conf;
static struct door	 door = {
	.name = "imap session",
	.session = session_run,
	.busy = { "* BYE [UNAVAILABLE] too many connections\r\n", 42 },
	.busy_client = { "* BYE [UNAVAILABLE] too many connections from "
	    "your address\r\n", 60 },
};

struct link *
imapd_auth(void)
{
	return daemon_link(ROLE_AUTH, 0);
}

void
imapd_logout(uint64_t login)
{
	struct auth_logout_in in = { .session = login };

	link_call(imapd_auth(), WIRE_auth_logout, &in, LINK_WAIT, NULL, NULL);
}

static void
configure(const struct conf *conf)
{
	imapd_conf = conf;
	door.most = conf->sessions[ROLE_IMAPD];
	door.per_address = conf->connections_max;
}

static void
load(const struct conf *conf)
{
	(void)conf;
	tls_init("imap");	/* RFC 7301's registry */
	text_load();
}

static void
start(const struct conf *conf)
{
	task_init();
	configure(conf);
	tls_follow_key(daemon_link(ROLE_KEY, 0));
}

static void
listen_on(int fd, enum service service)
{
	door_open(fd, service, &door);
}

static void
reload(const struct conf *conf, struct buf *restart)
{
	(void)restart;
	configure(conf);
}

const struct daemon daemon_role = {
	.name = "imapd",
	.load = load,
	.start = start,
	.listen = listen_on,
	.reload = reload,
	.stop = door_close,
	.stats = door_stats,
	.who = tasks_who,
};
