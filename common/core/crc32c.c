#include "common/core/codec.h"

#include <pthread.h>

/* The polynomial of RFC 9260 Appendix A, lowest power in the highest bit. */
static const uint32_t POLYNOMIAL = 0x82f63b78;

/* table[k][b]: what octet b does to the sum when k octets follow it. */
static uint32_t table[8][256];

static void
table_fill(void)
{
	for (unsigned b = 0; b < 256; b++) {
		uint32_t sum = b;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ ((sum & 1) != 0 ? POLYNOMIAL : 0);
		table[0][b] = sum;
	}
	for (unsigned k = 1; k < 8; k++)
		for (unsigned b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^
			    table[0][table[k - 1][b] & 255];
}

static uint64_t
word_at(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return le64toh(word);
}

uint32_t
crc32c_table(uint32_t seed, const void *bytes, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const unsigned char *p = bytes;
	uint32_t sum = ~seed;

	pthread_once(&once, table_fill);
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word = word_at(p) ^ sum;
		sum = 0;
		for (unsigned k = 0; k < 8; k++)
			sum ^= table[7 - k][word >> 8 * k & 255];
	}
	for (; n > 0; p++, n--)
		sum = sum >> 8 ^ table[0][(sum ^ *p) & 255];
	return ~sum;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
instruction(uint32_t seed, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t sum = (uint32_t)~seed;

	for (; n >= 8; p += 8, n -= 8)
		sum = __builtin_ia32_crc32di(sum, word_at(p));
	for (; n > 0; p++, n--)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *p);
	return ~(uint32_t)sum;
}

uint32_t
crc32c(uint32_t seed, const void *bytes, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ?
	    instruction(seed, bytes, n) : crc32c_table(seed, bytes, n);
}
#else
uint32_t
crc32c(uint32_t seed, const void *bytes, size_t n)
{
	return crc32c_table(seed, bytes, n);
}
#endif
