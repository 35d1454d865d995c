/*
 * codec.h - bytes as text, checksums, numbers in a fixed byte order.
 *
 * Encoders and decoders append to a buf.  A decoder that returns false has
 * left the buf as long as it was, but a part of the result may lie behind its
 * end: wipe what was secret.  The input must not lie in the same buf.
 */
#ifndef CORE_CODEC_H
#define CORE_CODEC_H

#include <endian.h>
#include <string.h>

#include "common/core/buf.h"

/* Base 64 with padding, without line breaks (RFC 4648 4).  Decoding takes
   exactly what encoding makes: no other octet (RFC 4648 3.3), all the padding
   (3.2), no bits set behind the last octet (3.5). */
void		 base64_encode(struct buf *, struct slice);
bool		 base64_decode(struct buf *, struct slice);

/* Base 16 (RFC 4648 8) in lower case; decoding takes both cases. */
void		 hex_encode(struct buf *, struct slice);
bool		 hex_decode(struct buf *, struct slice);

/* CRC-32C (RFC 9260 Appendix A).  seed is 0, or the result so far:
   crc32c(crc32c(0, a), b) is that of a followed by b. */
uint32_t	 crc32c(uint32_t seed, const void *, size_t);
/* The same without the processor's instruction; for machines that lack it,
   and to compare both. */
uint32_t	 crc32c_table(uint32_t seed, const void *, size_t);

/* Big endian, at any address. */
static inline void
be16_put(void *p, uint16_t n)
{
	n = htobe16(n);
	memcpy(p, &n, sizeof n);
}

static inline void
be32_put(void *p, uint32_t n)
{
	n = htobe32(n);
	memcpy(p, &n, sizeof n);
}

static inline void
be64_put(void *p, uint64_t n)
{
	n = htobe64(n);
	memcpy(p, &n, sizeof n);
}

static inline uint16_t
be16_get(const void *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof n);
	return be16toh(n);
}

static inline uint32_t
be32_get(const void *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return be32toh(n);
}

static inline uint64_t
be64_get(const void *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return be64toh(n);
}

#endif
