/* Secrets in memory, and the files they come from. */
#include "key/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/core/list.h"
#include "common/core/log.h"

enum {
	FILE_MAX = 256 * 1024,	/* bytes of a PEM file */
	KEY_ROOM = 16 * 1024,	/* bytes of a key and of work with it */
	LEAST_ROOM = 256 * 1024,
	LEAST_PIECE = 16,	/* bytes; OpenSSL's smallest allocation */
};

/* LeakSanitizer traces its own process when that ends. */
#if defined(__SANITIZE_ADDRESS__)
enum { DUMPABLE = 1 };
#else
enum { DUMPABLE = 0 };
#endif

/* A file as it was when master opened it. */
struct given {
	struct node	 node;
	char		*path;
	char		*fault;		/* NULL: none */
	mode_t		 mode;
	uint64_t	 time;		/* when it was changed last */
	struct buf	 text;
};

static struct node	 all;		/* of struct given */

/* The room has to be a power of two.  Where locking is not allowed to this
   extent the kernel may still swap it; that is no reason to serve nobody. */
void
secrets_begin(size_t keys)
{
	size_t room = LEAST_ROOM;

	if (prctl(PR_SET_DUMPABLE, DUMPABLE) != 0)
		fatal("dumpable");
	while (room < keys * KEY_ROOM)
		room *= 2;
	if (CRYPTO_secure_malloc_init(room, LEAST_PIECE) == 0)
		fatal("no memory for secrets");
}

static struct given *
find(struct slice path)
{
	LIST_EACH(n, &all) {
		struct given *g = CONTAINER(n, struct given, node);

		if (slice_eq(slice_str(g->path), path))
			return g;
	}
	return NULL;
}

static void
forget(struct given *g)
{
	list_del(&g->node);
	buf_free(&g->text);
	free(g->path);
	free(g->fault);
	free(g);
}

void
files_forget(void)
{
	struct node *n;

	while (all.next != NULL && (n = list_pop(&all)) != NULL)
		forget(CONTAINER(n, struct given, node));
}

static void
fault(struct given *g, const char *why)
{
	g->fault = mem_str(slice_str(why));
}

/* One byte more than it should have tells that it grows. */
static void
fill(struct given *g, int fd, size_t size)
{
	ssize_t n = -1;

	buf_reserve(&g->text, size + 1);
	while (g->text.n <= size && (n = read(fd, g->text.p + g->text.n,
	    size + 1 - g->text.n)) != 0) {
		if (n > 0)
			g->text.n += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	if (n < 0)
		fault(g, strerror(errno));
	else if (g->text.n > size)
		fault(g, "somebody is writing it");
}

static void
take(struct given *g, int fd)
{
	struct stat s;

	if (fstat(fd, &s) != 0)
		fault(g, strerror(errno));
	else if (!S_ISREG(s.st_mode))
		fault(g, "it is not a file");
	else if (s.st_size > FILE_MAX)
		fault(g, "it is too long");
	else {
		g->mode = s.st_mode;
		g->time = (uint64_t)s.st_mtim.tv_sec * 1000000000 +
		    (uint64_t)s.st_mtim.tv_nsec;
		fill(g, fd, (size_t)s.st_size);
	}
	close(fd);
}

void
file_given(struct slice path, int fd, struct slice why)
{
	struct given *g;

	if (all.next == NULL)
		list_init(&all);
	if ((g = find(path)) != NULL)
		forget(g);
	g = mem_zero(sizeof *g);
	g->path = mem_str(path);
	g->text.secret = true;
	if (fd >= 0)
		take(g, fd);
	else
		g->fault = mem_str(why);
	list_push(&all, &g->node);
}

uint64_t
file_time(struct slice path)
{
	const struct given *g = all.next == NULL ? NULL : find(path);

	return g == NULL ? 0 : g->time;
}

const char *
file_text(struct slice path, bool secret, struct slice *text)
{
	const struct given *g = all.next == NULL ? NULL : find(path);

	if (g == NULL)
		return "master did not open it";
	if (g->fault != NULL)
		return g->fault;
	if (secret && (g->mode & S_IRWXO) != 0)
		return "everybody may read the private key: chmod o= it";
	*text = buf_view(&g->text);
	return NULL;
}
