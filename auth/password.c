#include "auth/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"

static struct pool	*logins, *changes;
static unsigned long	 make_cost;
static char		 nobody[CRYPT_GENSALT_OUTPUT_SIZE];
static uint64_t		 hashes;

static bool
gensalt(char setting[CRYPT_GENSALT_OUTPUT_SIZE])
{
	return crypt_gensalt_rn("$y$", make_cost, NULL, 0, setting,
	    CRYPT_GENSALT_OUTPUT_SIZE) != NULL;
}

void
password_init(unsigned long cost)
{
	make_cost = cost;
	hashes = 0;
	if (!gensalt(nobody))
		fatal("crypt(3) does not know yescrypt");
	logins = pool_new(PASSWORD_THREADS);
	changes = pool_new(1);
}

void
password_end(void)
{
	pool_free(logins);
	pool_free(changes);
}

bool
password_is_possible(struct slice s)
{
	return s.n > 0 && s.n <= PASSWORD_MAX && slice_find(s, '\0') == s.n;
}

void
password_copy(struct password_job *j, struct slice s)
{
	s = slice_take(s, PASSWORD_MAX);
	memcpy(j->password, s.p, s.n);
	j->password[s.n] = '\0';
}

bool
hash_is_known(struct slice s)
{
	char text[HASH_MAX + 1];

	/* Almost any text begins like a hash of the old kind without "$". */
	if (s.n == 0 || s.n > HASH_MAX || (s.p[0] != '$' && s.n != 13))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return crypt_checksalt(text) == CRYPT_SALT_OK ||
	    crypt_checksalt(text) == CRYPT_SALT_METHOD_LEGACY;
}

void
hash_of_nobody(struct password_job *j)
{
	memcpy(j->hash, nobody, sizeof nobody);
}

/* ---- on a thread */

/* crypt(3) into hash, which may be the setting; false: it failed. */
static bool
compute(const char *password, const char *setting, char hash[HASH_MAX + 1])
{
	struct crypt_data *data = mem_zero(sizeof *data);
	const char *text = crypt_rn(password, setting, data, sizeof *data);
	bool good = text != NULL && text[0] != '*' && strlen(text) <= HASH_MAX;

	if (good)
		memcpy(hash, text, strlen(text) + 1);
	mem_wipe(data, sizeof *data);
	free(data);
	return good;
}

static void
verify(struct job *job)
{
	struct password_job *j = CONTAINER(job, struct password_job, job);
	char hash[HASH_MAX + 1];

	j->good = compute(j->password, j->hash, hash) &&
	    strlen(hash) == strlen(j->hash) &&
	    mem_same(hash, j->hash, strlen(hash));
}

static void
make(struct job *job)
{
	struct password_job *j = CONTAINER(job, struct password_job, job);
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	j->good = gensalt(setting) &&
	    compute(j->password, setting, j->hash);
}

/* ---- on the loop's thread */

static void
made(struct job *job)
{
	struct password_job *j = CONTAINER(job, struct password_job, job);

	j->done(j);
}

static void
verified(struct job *job)
{
	hashes++;
	made(job);
}

void
password_verify(struct password_job *j)
{
	j->job = (struct job){ .work = verify, .done = verified };
	pool_add(logins, &j->job);
}

void
password_make(struct password_job *j)
{
	j->job = (struct job){ .work = make, .done = made };
	pool_add(changes, &j->job);
}

size_t
password_waiting(void)
{
	return pool_waiting(logins);
}

uint64_t
password_hashes(void)
{
	return hashes;
}
