#include "auth/penalty.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"

enum {
	WAYS = 4,			/* entries a key can lie in */
	WRONG = 4,			/* wrong passwords remembered */
	FORGET = 10 * 60 * 1000,	/* ms after the last failure */
	KNOWN = 24 * 60 * 60 * 1000,	/* ms after the last success */
};

struct entry {
	uint64_t	 key;		/* 0: free */
	uint64_t	 at;		/* last failure; of `both`: success */
	uint64_t	 wrong[WRONG];
	unsigned	 failures;
};

struct penalties {
	size_t		 n;		/* sets of WAYS entries */
	unsigned	 second;	/* ms */
	struct entry	 entries[];
};

struct penalties *
penalties_new(size_t entries, unsigned second)
{
	size_t n = entries / WAYS + 1;
	struct penalties *p = mem_zero(sizeof *p +
	    n * WAYS * sizeof *p->entries);

	p->n = n;
	p->second = second;
	return p;
}

void
penalties_free(struct penalties *p)
{
	free(p);
}

/* ---- who */

void
network_print(struct buf *to, struct slice client)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN] = "";
	unsigned char a[16];

	if (client.n < sizeof text)
		memcpy(text, client.p, client.n);
	if (inet_pton(AF_INET6, text, a) == 1) {
		if (memcmp(a, mapped, sizeof mapped) != 0) {
			memset(a + 8, 0, 8);
			inet_ntop(AF_INET6, a, text, sizeof text);
			buf_printf(to, "%s/64", text);
			return;
		}
		memcpy(a, a + 12, 4);
	} else if (inet_pton(AF_INET, text, a) != 1) {
		buf_slice(to, client);
		return;
	}
	buf_printf(to, "%d.%d.%d.0/24", a[0], a[1], a[2]);
}

struct attempt
attempt_make(struct slice client, struct slice account, struct slice password)
{
	struct buf b = { 0 };
	struct attempt a;
	struct slice network;

	network_print(&b, client);
	network = buf_view(&b);
	a.network = secret_number((struct slice[]){ SLICE("network"),
	    network }, 2);
	a.account = secret_number((struct slice[]){ SLICE("account"),
	    account }, 2);
	a.both = secret_number((struct slice[]){ SLICE("both"), network,
	    account }, 3);
	a.password = secret_number((struct slice[]){ SLICE("password"),
	    account, password }, 3);
	buf_free(&b);
	return a;
}

/* ---- the table */

static bool
is_stale(const struct entry *e, uint64_t now)
{
	return now - e->at > (e->failures > 0 ? FORGET : KNOWN);
}

static struct entry *
find(struct penalties *p, uint64_t key, uint64_t now)
{
	struct entry *set = &p->entries[key % p->n * WAYS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].key == key && !is_stale(&set[i], now))
			return &set[i];
	return NULL;
}

/* The entry of this key, or in its place the oldest one, emptied. */
static struct entry *
take(struct penalties *p, uint64_t key, uint64_t now)
{
	struct entry *set = &p->entries[key % p->n * WAYS];
	struct entry *e = find(p, key, now);

	if (e != NULL)
		return e;
	e = &set[0];
	for (int i = 1; i < WAYS; i++)
		if (set[i].at < e->at)
			e = &set[i];
	*e = (struct entry){ .key = key, .at = now };
	return e;
}

/* ---- counting */

static uint64_t
delay(const struct penalties *p, unsigned n)
{
	static const unsigned seconds[] = { 0, 2, 4, 8, 15 };

	return seconds[n < 4 ? n : 4] * (uint64_t)p->second;
}

static unsigned
failures(struct penalties *p, uint64_t key, uint64_t now)
{
	const struct entry *e = find(p, key, now);

	return e == NULL ? 0 : e->failures;
}

static unsigned
most_failures(struct penalties *p, const struct attempt *a, uint64_t now)
{
	unsigned n = failures(p, a->network, now);
	unsigned m = failures(p, a->account, now);

	return n > m ? n : m;
}

bool
penalty_due(struct penalties *p, const struct attempt *a, uint64_t now)
{
	return most_failures(p, a, now) > 0;
}

static void
count(struct penalties *p, uint64_t key, uint64_t password, uint64_t now)
{
	struct entry *e = take(p, key, now);

	e->at = now;
	for (int i = 0; i < WRONG; i++)
		if (e->wrong[i] == password)
			return;
	e->wrong[e->failures % WRONG] = password;
	e->failures++;
}

uint64_t
penalty_failed(struct penalties *p, const struct attempt *a, uint64_t now)
{
	count(p, a->network, a->password, now);
	count(p, a->account, a->password, now);
	return delay(p, most_failures(p, a, now));
}

uint64_t
penalty_passed(struct penalties *p, const struct attempt *a, uint64_t now)
{
	uint64_t ms = delay(p, most_failures(p, a, now));
	struct entry *account = find(p, a->account, now);

	if (account != NULL)
		*account = (struct entry){ 0 };
	if (find(p, a->both, now) != NULL)
		ms = 0;
	take(p, a->both, now)->at = now;
	return ms;
}
