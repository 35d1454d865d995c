/*
 * drop.h - from root to a user of one's own, and no way back (PRIV-4).
 *
 * What stands here is done as root; what is done after it (sandbox.h) is not.
 * A step that fails ends the process.
 */
#ifndef CORE_DROP_H
#define CORE_DROP_H

#include <stdint.h>

/* Hard and soft, for good; what: RLIMIT_... */
void		 drop_limit(int what, uint64_t most);
/* root: the folder that is all there is from now on.  Not dumpable either, so
   that no other process of this user can trace us. */
void		 drop_root(const char *root, uint32_t uid, uint32_t gid);

#endif
