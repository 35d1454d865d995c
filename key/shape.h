/*
 * shape.h - is this what a TLS server signs in a handshake, and nothing else?
 *
 * The bytes come from a process that talks to strangers and may have been
 * taken over.  It then can finish handshakes in our name, as long as it
 * lives; it must not get a signature under anything else (a token, a
 * certificate request, a mail) by calling it a handshake.
 *
 * TLS 1.3, RFC 8446 4.4.3:
 *	64 times 0x20 | "TLS 1.3, server CertificateVerify" | 0 |
 *	hash of the transcript (32 or 48 bytes)
 *
 * TLS 1.2, RFC 8422 5.4 (ServerECDHParams after both randoms):
 *	client random (32) | server random (32) |
 *	3: named curve | curve (2) | length of point (1) | point
 *
 * The two cannot be taken for each other: where the first has 'T' the second
 * has 3.
 */
#ifndef KEY_SHAPE_H
#define KEY_SHAPE_H

#include "common/core/buf.h"

enum shape { SHAPE_NONE, SHAPE_TLS12, SHAPE_TLS13 };

enum shape	 shape_of(struct slice tbs);

#endif
