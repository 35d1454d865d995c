#include "common/task/stream.h"

#include <sys/socket.h>

#include "common/task/task.h"

int
stream_open(struct stream *st, uint64_t ms)
{
	int pair[2];

	*st = (struct stream){ .task = task_self() };
	if (ms == 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		st->lost = true;
		return 0;
	}
	st->conn = conn_new(pair[0], "store");
	conn_idle(st->conn, ms);
	return pair[1];
}

void
stream_write(struct stream *st, struct slice piece)
{
	if (st->lost)
		return;
	conn_write(st->conn, piece);
	if (!conn_flush(st->conn))
		st->lost = true;
}

void
stream_answered(struct stream *st, uint64_t number)
{
	st->call = NULL;
	st->number = number;
	if (number == 0)
		st->lost = true;
	task_wake(st->task);
}

void
stream_close(struct stream *st, bool whole)
{
	while (whole && !st->lost && st->call != NULL)
		if (!task_wait("store has the body", 0))
			break;
	if (st->call != NULL)
		link_forget(st->call);
	if (st->conn != NULL)
		conn_close(st->conn);
	st->call = NULL;
	st->conn = NULL;
	if (st->lost)
		st->number = 0;
}
