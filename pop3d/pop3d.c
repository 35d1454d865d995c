/* pop3d.c - the role: people fetch their mail here. */
#include "pop3d/session.h"

#include "common/core/log.h"
#include "common/task/task.h"
#include "common/task/tls.h"
#include "common/task/who.h"

const struct conf	*pop3d_conf;
static struct door	 door = {
	.name = "pop3 session",
	.session = session_run,
	.busy = { "-ERR [SYS/TEMP] too many connections\r\n", 38 },
	.busy_client = { "-ERR [SYS/TEMP] too many connections from your "
	    "address\r\n", 56 },
};

struct link *
pop3d_auth(void)
{
	return daemon_link(ROLE_AUTH, 0);
}

void
pop3d_logout(uint64_t login)
{
	struct auth_logout_in in = { .session = login };

	link_call(pop3d_auth(), WIRE_auth_logout, &in, LINK_WAIT, NULL, NULL);
}

static void
configure(const struct conf *conf)
{
	pop3d_conf = conf;
	door.most = conf->sessions[ROLE_POP3D];
	door.per_address = conf->connections_max;
}

static void
load(const struct conf *conf)
{
	(void)conf;
	tls_init("pop3");	/* RFC 7301's registry */
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
	.name = "pop3d",
	.load = load,
	.start = start,
	.listen = listen_on,
	.reload = reload,
	.stop = door_close,
	.stats = door_stats,
	.who = tasks_who,
};
