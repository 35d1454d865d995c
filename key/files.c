/* Secrets in memory, and files read from within an empty root. */
#include "key/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/core/log.h"
#include "common/core/sandbox.h"

enum {
	FOLDERS_MAX = 60,	/* sandbox_readable takes 64 */
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

struct folder {
	char	*path;
	int	 fd;
};

static struct folder	folders[FOLDERS_MAX];
static unsigned		nfolders;

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

/* The folder of a path, as text that is to be freed. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_str(SLICE("."));
	return mem_str(slice_of(path, slash == path ? 1 :
	    (size_t)(slash - path)));
}

static const struct folder *
folder_find(const char *path)
{
	for (unsigned i = 0; i < nfolders; i++)
		if (strcmp(folders[i].path, path) == 0)
			return &folders[i];
	return NULL;
}

static void
folder_add(const char *file)
{
	char *path = folder_of(file);
	int fd;

	if (folder_find(path) != NULL) {
		free(path);
		return;
	}
	if (nfolders == FOLDERS_MAX)
		fatal("certificates in more than %d folders", FOLDERS_MAX);
	if ((fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		fatal("%s", path);
	sandbox_readable(path);
	folders[nfolders++] = (struct folder){ path, fd };
}

void
folder_open(const char *path)
{
	char real[PATH_MAX];

	folder_add(path);
	if (realpath(path, real) != NULL)
		folder_add(real);
}

bool
file_is_strange(const char *path)
{
	char *folder = folder_of(path);
	bool strange = folder_find(folder) == NULL;

	free(folder);
	return strange;
}

static int
file_open(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *path_of_folder = folder_of(path);
	const struct folder *f = folder_find(path_of_folder);

	free(path_of_folder);
	if (f == NULL) {
		errno = ENOENT;
		return -1;
	}
	return openat(f->fd, slash == NULL ? path : slash + 1,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static const char *
fault_of(const struct stat *s, bool secret)
{
	if (!S_ISREG(s->st_mode))
		return "it is not a file";
	if (s->st_size > FILE_MAX)
		return "it is too long";
	if (secret && (s->st_mode & S_IRWXO) != 0)
		return "everybody may read the private key: chmod o= it";
	return NULL;
}

/* All room is taken first: growing would leave copies behind. */
const char *
file_read(const char *path, bool secret, struct buf *to)
{
	int fd = file_open(path);
	const char *fault = NULL;
	struct stat s;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &s) != 0)
		fault = strerror(errno);
	else
		fault = fault_of(&s, secret);
	if (fault == NULL)
		buf_reserve(to, FILE_MAX);
	while (fault == NULL && to->n < FILE_MAX &&
	    (n = read(fd, to->p + to->n, FILE_MAX - to->n)) != 0) {
		if (n > 0)
			to->n += (size_t)n;
		else if (errno != EINTR)
			fault = strerror(errno);
	}
	if (fd >= 0)
		close(fd);
	return fault;
}
