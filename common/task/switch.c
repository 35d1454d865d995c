#include "common/task/switch.h"

#include <stdlib.h>

#include "common/task/sanitize.h"

/* Who switched last and to whom: what a context that begins cannot be told
   as an argument.  One thread switches (task.h). */
static struct context *came_from, *going_to;

static void
before(struct context *from, struct context *to, void **fake)
{
	came_from = from;
	going_to = to;
	sanitize_leave(fake, to->low, to->size);
}

/* On the new stack.  The stack of the loop was not made here; ASan knows
   where it lies and says so when it is first left. */
static void
arrived(void)
{
	const void *low;
	size_t size;

	sanitize_arrive(going_to->fake, &low, &size);
	if (came_from->low == NULL) {
		came_from->low = low;
		came_from->size = size;
	}
}

static void
begin(void)
{
	arrived();
	going_to->start();
	abort();
}

#ifdef SWITCH_UCONTEXT

enum { SLACK = 512 };	/* bytes swapcontext itself may use */

void
context_make(struct context *c, char *low, size_t size, void (*start)(void))
{
	*c = (struct context){ .start = start, .low = low, .size = size,
		.sp = low + size };
	if (getcontext(&c->saved) != 0)
		abort();
	c->saved.uc_stack.ss_sp = low;
	c->saved.uc_stack.ss_size = size;
	makecontext(&c->saved, begin, 0);
}

static __attribute__((noinline)) void
context_swap(struct context *from, struct context *to)
{
	from->sp = (char *)__builtin_frame_address(0) - SLACK;
	swapcontext(&from->saved, &to->saved);
}

#else

/*
 * void context_swap(struct context *from, struct context *to);
 *
 * All is kept in the context, nothing pushed: at each instruction the return
 * address is what %rsp points to, so the unwinder needs no more than the
 * CFA a function begins with, and a debugger finds the registers of a
 * sleeping task in a struct (task.gdb.py).
 */
void context_swap(struct context *from, struct context *to)
    __attribute__((visibility("hidden")));

__asm__(".text\n"
	".p2align 4\n"
	".globl context_swap\n"
	".hidden context_swap\n"
	".type context_swap, @function\n"
	"context_swap:\n"
	"	.cfi_startproc\n"
	"	movq	%rsp, 0(%rdi)\n"
	"	movq	%rbp, 8(%rdi)\n"
	"	movq	%rbx, 16(%rdi)\n"
	"	movq	%r12, 24(%rdi)\n"
	"	movq	%r13, 32(%rdi)\n"
	"	movq	%r14, 40(%rdi)\n"
	"	movq	%r15, 48(%rdi)\n"
	"	stmxcsr	56(%rdi)\n"
	"	fnstcw	60(%rdi)\n"
	"	movq	0(%rsi), %rsp\n"
	"	movq	8(%rsi), %rbp\n"
	"	movq	16(%rsi), %rbx\n"
	"	movq	24(%rsi), %r12\n"
	"	movq	32(%rsi), %r13\n"
	"	movq	40(%rsi), %r14\n"
	"	movq	48(%rsi), %r15\n"
	"	ldmxcsr	56(%rsi)\n"
	"	fldcw	60(%rsi)\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size context_swap, . - context_swap\n");

_Static_assert(offsetof(struct context, sp) == 0 &&
	offsetof(struct context, rbp) == 8 &&
	offsetof(struct context, rbx) == 16 &&
	offsetof(struct context, r12) == 24 &&
	offsetof(struct context, r13) == 32 &&
	offsetof(struct context, r14) == 40 &&
	offsetof(struct context, r15) == 48 &&
	offsetof(struct context, mxcsr) == 56 &&
	offsetof(struct context, x87) == 60,
	"the offsets in the assembly above");

enum {
	MXCSR_START = 0x1f80,	/* all exceptions masked, round to nearest, */
	X87_START = 0x37f,	/* as the ABI says a process begins */
};

/*
 * context_swap's `ret` takes begin from the stack; begin finds it aligned as
 * after a call, and a return address of 0, where backtraces end:
 *
 *	top -  8	0
 *	top - 16	begin		<- sp
 */
void
context_make(struct context *c, char *low, size_t size, void (*start)(void))
{
	uintptr_t *top = (void *)(((uintptr_t)low + size) & ~(uintptr_t)15);

	top[-1] = 0;
	top[-2] = (uintptr_t)begin;
	*c = (struct context){ .start = start, .low = low, .size = size,
		.sp = (char *)(top - 2), .mxcsr = MXCSR_START,
		.x87 = X87_START };
}

#endif

void
context_switch(struct context *from, struct context *to)
{
	before(from, to, &from->fake);
	context_swap(from, to);
	arrived();
}

void
context_leave(struct context *from, struct context *to)
{
	before(from, to, NULL);
	context_swap(from, to);
	abort();
}
