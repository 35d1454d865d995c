/*
 * digest_format.h - the bytes of a digest, version 1 (digest.h).  Private to
 * digester.c, which writes them, and digest.c, which reads them.
 *
 *   0  1  version
 *   1  1  flags (enum digest_flag)
 *   2  2  zero
 *   4  4  length of the digest
 *   8  8  octets of the message
 *  16  8  line ends of the message
 *  24  4  P, number of parts
 *  28  4  F, number of header fields
 *  32  4  D, length of the details
 *  36  4  I, length of the field index
 *  40     P part records of 48 bytes, in the order of mime.h
 *         D bytes of details
 *         I bytes of field index
 *         the rest: the preview, UTF-8
 *
 * A part record:
 *   0  4  parent's number (the root: 0)
 *   4  4  first child's number, or 0
 *   8  4  next sibling's number, or 0
 *  12  4  where its detail begins, from the start of the details
 *  16  8  header begins at   24  8  body begins at   32  8  body ends at
 *  40  4  line ends of the body (at most 2^32 - 1)
 *  44  1  kind (enum mime_kind)
 *  45  1  1 if its header is that of a message
 *  46  1  depth, the root's is 0
 *  47  1  zero
 *
 * A detail, one after the other:
 *   string type, string subtype, list of parameters (name, value),
 *   strings id, description, encoding, md5, disposition,
 *   list of disposition parameters, list of languages, string location
 * and for a message:
 *   8 bytes Date: in seconds (INT64_MIN: none),
 *   strings date, subject, in-reply-to, message-id,
 *   lists of addresses from, sender, reply-to, to, cc, bcc
 *
 * An entry of the field index: octets between the end of the field before (or
 * the start) and this one, octets of this one with its line end, name.  The
 * name is a number, k + 1 for field_names[k], or 0 and a string.
 *
 * number: 7 bits a byte, lowest first, bit 7 set in all but the last byte.
 * string: number n + 1 and n bytes; number 0: NIL.
 * list:   number of items, number of bytes, items.
 * address: 1 byte kind, strings name, route, local, domain.
 * All other numbers are big endian.
 */
#ifndef MAIL_DIGEST_FORMAT_H
#define MAIL_DIGEST_FORMAT_H

enum {
	FORMAT_HEAD = 40,
	FORMAT_PART = 48,
	FORMAT_NAMES = 48,
};

/* Part of the format: append only, and only with a new version. */
extern const char *const field_names[FORMAT_NAMES];

#endif
