/*
 * floor.c - the physical limit of durable appends on a file system.
 *
 * usage: floor FOLDER OCTETS GROUP MESSAGES
 *
 * One writer appends MESSAGES records of OCTETS to one file and makes each
 * GROUP of them durable with one write and one fdatasync(2), as fast as it
 * can: no protocol, no index, no second process.  The file was filled with
 * zeros before, so that no sync has to allocate.  Prints one line:
 *
 *	rate MESSAGES_PER_SECOND cpu MS_PER_MESSAGE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Writes groups one behind the other, synced one by one if `each`. */
static void
fill(int fd, const char *bytes, size_t group, size_t groups, int each)
{
	for (size_t i = 0; i < groups; i++) {
		if (pwrite(fd, bytes, group, (off_t)(i * group)) !=
		    (ssize_t)group)
			die("pwrite");
		if (each && fdatasync(fd) != 0)
			die("fdatasync");
	}
}

int
main(int argc, char **argv)
{
	double seconds, used;
	size_t group, groups;
	char *bytes;
	int fd;

	if (argc != 5 || chdir(argv[1]) != 0)
		exit(64);
	group = strtoul(argv[2], NULL, 10) * strtoul(argv[3], NULL, 10);
	groups = strtoul(argv[4], NULL, 10) / strtoul(argv[3], NULL, 10);
	if ((fd = open("floor.bytes", O_RDWR | O_CREAT | O_TRUNC, 0600)) < 0 ||
	    (bytes = calloc(1, group)) == NULL)
		die("floor");
	unlink("floor.bytes");
	fill(fd, bytes, group, groups, 0);
	if (fsync(fd) != 0)
		die("fsync");
	memset(bytes, 'x', group);
	seconds = now();
	used = cpu();
	fill(fd, bytes, group, groups, 1);
	seconds = now() - seconds;
	used = cpu() - used;
	groups *= strtoul(argv[3], NULL, 10);
	printf("rate %.0f cpu %.4f\n", (double)groups / seconds,
	    used / (double)groups * 1e3);
	return 0;
}
