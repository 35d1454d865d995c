/*
 * disk.h - the few calls whose answer is that a disk is full.
 *
 * Tests put others in their place, to fill a disk that is not there; nobody
 * else writes to `disk`.
 */
#ifndef ENGINE_DISK_H
#define ENGINE_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct disk {
	/* Bytes that whoever is not root may still take of the file system
	   that this descriptor lies on. */
	uint64_t	(*free)(int fd);
	/* Makes the file so long, all of it allocated; -1 with errno. */
	int		(*allocate)(int fd, uint64_t size);
	ssize_t		(*write)(int fd, const void *, size_t);
	/* Zeros into a file that is made ready; whatever it says, all goes on
	   without. */
	ssize_t		(*zero)(int fd, const void *, size_t, off_t);
};

extern struct disk	 disk;

/* Does this errno mean that there is no room?  A quota is one way of it. */
bool		 error_is_full(int error);

#endif
