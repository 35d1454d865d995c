/*
 * context.h - libunbound with what it knows from the start.
 *
 * load reads the two files of the configuration, the trust anchors and the
 * names known without asking, and keeps their text: later no file can be
 * reached, and a reload makes a new context.  Nothing else does: libunbound
 * opens no file of its own, and no thread (events.h).
 *
 * Its answers are validated (RFC 4035 4, 6840).  A name is always absolute.
 */
#ifndef RESOLVER_CONTEXT_H
#define RESOLVER_CONTEXT_H

#include "common/core/conf.h"

struct ub_ctx;

/* Before confinement; an anchor that cannot be read is fatal, since without it
   a forged answer is as good as any. */
void		 context_load(const struct conf *);
/* A new context, with the forwarders of this configuration; fatal if there is
   none to be had.  Then the old one can be deleted. */
struct ub_ctx	*context_new(const struct conf *);

#endif
