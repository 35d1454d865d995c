/*
 * switch.h - leaving one stack for another.
 *
 * A context is the place where a stack was left, and all that a C function
 * may rely on across a call: the callee-saved registers and the control words
 * of the floating point units.  On x86-64 that is a dozen instructions;
 * elsewhere, or with -DSWITCH_UCONTEXT, it is ucontext(3), which costs a
 * system call each time and works wherever there is one.
 *
 * Shadow stacks (CET) would need the latter; our build marks the programs as
 * not using them (-fcf-protection=branch).
 *
 * AddressSanitizer is told of every switch, or it takes one stack for an
 * overflow of the other.
 */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__) || !defined(__LP64__)
#define SWITCH_UCONTEXT
#endif
#ifdef SWITCH_UCONTEXT
#include <ucontext.h>
#endif

struct context {
#ifdef SWITCH_UCONTEXT
	ucontext_t	 saved;
	char		*sp;		/* below all that is in use */
#else
	/* In the order the assembly of switch.c names by offset. */
	char		*sp;
	uint64_t	 rbp, rbx, r12, r13, r14, r15;
	uint32_t	 mxcsr;
	uint16_t	 x87;
#endif
	void		(*start)(void);
	const void	*low;		/* the stack, for ASan */
	size_t		 size;
	void		*fake;		/* ASan's own frames of it */
};

/* A context that runs start(), which must never return, on the stack of
   `size` bytes from low.  The context of the stack one is on needs none. */
void		 context_make(struct context *, char *low, size_t size,
		    void (*start)(void));
void		 context_switch(struct context *from, struct context *to);
/* As above, for the last time: `from` is never entered again. */
void		 context_leave(struct context *from, struct context *to)
		    __attribute__((noreturn));

#endif
