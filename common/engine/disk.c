#include "common/engine/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/core/loop.h"

enum { PLENTY = 1 << 30 };

/* Asked for each message and more: once in a ms is enough, as long as nobody
   can write all of it in so short a time. */
static uint64_t
free_now(int fd)
{
	static uint64_t when, bytes;
	static int where = -1;
	struct statvfs v;

	if (fd == where && when == loop_now() && bytes >= PLENTY)
		return bytes;
	/* Not known: whoever writes will be told. */
	if (fstatvfs(fd, &v) != 0)
		return UINT64_MAX / 2;
	where = fd;
	when = loop_now();
	return bytes = (uint64_t)v.f_bavail * v.f_frsize;
}

static int
allocate_now(int fd, uint64_t size)
{
	return fallocate(fd, 0, 0, (off_t)size);
}

struct disk	 disk = { free_now, allocate_now, write, pwrite };

bool
error_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}
