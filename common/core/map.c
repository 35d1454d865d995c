#include "common/core/list.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "common/core/buf.h"
#include "common/core/log.h"

enum { SLOTS_LEAST = 16 };

/* Fibonacci hashing: the upper bits of a product with 2^64 / phi are spread
   evenly also for keys that count up. */
static struct map_node **
slot(const struct map *m, uint64_t key)
{
	int bits = __builtin_ctzll(m->size);

	return &m->slots[(key * 0x9e3779b97f4a7c15u) >> (64 - bits)];
}

/* Each slot becomes two neighbours.  Their nodes are appended, not pushed:
   of two nodes with one key the newer must stay in front. */
static void
grow(struct map *m)
{
	struct map wide = { .n = m->n };

	wide.size = m->size == 0 ? SLOTS_LEAST : 2 * m->size;
	wide.slots = mem_array(wide.size, sizeof *wide.slots);
	for (size_t i = 0; i < m->size; i++) {
		struct map_node *next;
		for (struct map_node *n = m->slots[i]; n != NULL; n = next) {
			struct map_node **end = slot(&wide, n->key);
			next = n->next;
			while (*end != NULL)
				end = &(*end)->next;
			n->next = NULL;
			*end = n;
		}
	}
	free(m->slots);
	*m = wide;
}

void
map_put(struct map *m, struct map_node *n, uint64_t key)
{
	struct map_node **at;

	if (m->n >= m->size)
		grow(m);
	at = slot(m, key);
	n->key = key;
	n->next = *at;
	*at = n;
	m->n++;
}

struct map_node *
map_get(const struct map *m, uint64_t key)
{
	struct map_node *n;

	if (m->size == 0)
		return NULL;
	for (n = *slot(m, key); n != NULL && n->key != key; n = n->next)
		continue;
	return n;
}

void
map_del(struct map *m, struct map_node *n)
{
	if (m->size == 0)
		return;
	for (struct map_node **at = slot(m, n->key); *at != NULL;
	    at = &(*at)->next) {
		if (*at == n) {
			*at = n->next;
			n->next = NULL;
			m->n--;
			return;
		}
	}
}

void
map_each(struct map *m, void (*fn)(struct map_node *, void *), void *arg)
{
	struct map_node *const *slots = m->slots;

	for (size_t i = 0; i < m->size; i++) {
		struct map_node *next;
		for (struct map_node *n = slots[i]; n != NULL; n = next) {
			next = n->next;
			fn(n, arg);
			CHECK(m->slots == slots);	/* fn must not put */
		}
	}
}

void
map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

/*
 * SipHash-1-3 with a key of this process, since the texts hashed are often
 * chosen by strangers, who must not be able to fill one slot.  So a hash means
 * nothing to another process or after a restart.
 */
struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32) + s->v3;
	s->v2 += s->v1;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static uint64_t sip_key[2];

/* The 16 random bytes that the kernel gives each program it starts.  Before
   main: there are no threads yet. */
__attribute__((constructor)) static void
key_read(void)
{
	const void *random;
	unsigned long at = getauxval(AT_RANDOM);

	memcpy(&random, &at, sizeof random);
	if (random != NULL)
		memcpy(sip_key, random, sizeof sip_key);
}

uint64_t
map_hash(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t word, last = (uint64_t)n << 56;
	struct sip s = {
		sip_key[0] ^ 0x736f6d6570736575u,
		sip_key[1] ^ 0x646f72616e646f6du,
		sip_key[0] ^ 0x6c7967656e657261u,
		sip_key[1] ^ 0x7465646279746573u,
	};

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		sip_word(&s, le64toh(word));
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << 8 * i;
	sip_word(&s, last);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
