/*
 * stack.h - the memory tasks run on.
 *
 * A stack is STACK_SIZE bytes of address space with an inaccessible page
 * below; memory is used only for pages touched.  Each takes two entries of
 * the kernel's map of a process (vm.max_map_count, 65,530 by default), so
 * there can be about 32,000.
 */
#ifndef TASK_STACK_H
#define TASK_STACK_H

#include <stddef.h>

enum { STACK_SIZE = 256 * 1024 };

/* The lowest byte of a stack, or NULL: no memory or no map entries left. */
char		*stack_get(void);
/* Takes it back; some are kept, with what they touched, for the next. */
void		 stack_put(char *low);
/* Gives back the pages below sp, whose contents are lost. */
void		 stack_trim(char *low, const char *sp);
/* Bytes ever touched, of this stack since it was last trimmed.  0 if the
   kernel does not say. */
size_t		 stack_depth(char *low);
/* The largest depth of any stack that was trimmed or unmapped. */
size_t		 stack_deepest(void);

#endif
