/* Ports: only root may have those below 1024. */
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/log.h"

enum { BACKLOG = 4096 };

/* Two for a listener on "*", else one. */
static struct socket {
	int			 fd;
	const struct listener	*listener;
} *sockets;
static size_t	nsockets;

static int
bind_path(const struct listener *l)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (l->path.n >= sizeof a.sun_path)
		fatal("%s: name too long", l->path.p);
	memcpy(a.sun_path, l->path.p, l->path.n);
	unlink(l->path.p);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    chmod(l->path.p, (mode_t)l->mode) != 0)
		fatal("%s", l->path.p);
	return fd;
}

static int
bind_address(const struct listener *l, const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	int on = 1;

	/* An IPv6 wildcard would take the IPv4 port too. */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    (a->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    bind(fd, a->ai_addr, a->ai_addrlen) != 0)
		fatal("%s port %u", l->address.p, l->port);
	return fd;
}

static void
socket_add(int fd, const struct listener *l)
{
	if (listen(fd, BACKLOG) != 0)
		fatal("listen");
	sockets[nsockets++] = (struct socket){ fd, l };
}

static void
bind_port(const struct listener *l, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	char port[8];

	snprintf(port, sizeof port, "%u", l->port);
	if (getaddrinfo(address, port, &hints, &found) != 0)
		fatal("%s is no address", address);
	socket_add(bind_address(l, found), l);
	freeaddrinfo(found);
}

static bool
kernel_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
bind_all(const struct conf *conf)
{
	sockets = mem_array(2 * conf->n_listeners, sizeof *sockets);
	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct listener *l = &conf->listeners[i];

		if (l->path.n > 0)
			socket_add(bind_path(l), l);
		else if (!slice_eq(l->address, SLICE("*")))
			bind_port(l, l->address.p);
		else {
			bind_port(l, "0.0.0.0");
			if (kernel_has_ipv6())
				bind_port(l, "::");
		}
	}
}

void
bind_close(void)
{
	for (size_t i = 0; i < nsockets; i++) {
		close(sockets[i].fd);
		if (sockets[i].listener->path.n > 0)
			unlink(sockets[i].listener->path.p);
	}
}

/* Listeners are as at our start: a changed one needs a restart. */
void
bind_hand_over(struct child *c)
{
	for (size_t i = 0; i < nsockets; i++) {
		const struct listener *l = sockets[i].listener;
		struct role_listen_in in = { .service = (uint32_t)l->service,
			.name = slice_str(service_rows[l->service].name) };

		if (service_rows[l->service].role != c->role)
			continue;
		in.fd = fcntl(sockets[i].fd, F_DUPFD_CLOEXEC, 0);
		link_call(c->link, WIRE_role_listen, &in, 0, NULL, NULL);
	}
}
