#include "common/task/stack.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/task/sanitize.h"

enum {
	SPARE_MOST = 64,	/* stacks kept for the next tasks */
	RED_ZONE = 128,		/* bytes below sp a leaf function may use */
	PAGE_LEAST = 4096,
};

static char	*spare[SPARE_MOST];
static unsigned	 n_spare;
static size_t	 deepest;

static size_t
page_size(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

/* Huge pages would turn the first touch of a stack into 2 MiB. */
static char *
map(void)
{
	size_t guard = page_size();
	char *p = mmap(NULL, guard + STACK_SIZE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + guard, STACK_SIZE, PROT_READ | PROT_WRITE) != 0) {
		munmap(p, guard + STACK_SIZE);
		return NULL;
	}
	(void)madvise(p + guard, STACK_SIZE, MADV_NOHUGEPAGE);
	sanitize_root(p + guard, STACK_SIZE);
	return p + guard;
}

static void
note_depth(char *low)
{
	size_t depth = stack_depth(low);

	if (depth > deepest)
		deepest = depth;
}

char *
stack_get(void)
{
	char *low;

	if (n_spare == 0)
		return map();
	low = spare[--n_spare];
	sanitize_fresh(low, STACK_SIZE);
	return low;
}

void
stack_put(char *low)
{
	if (n_spare < SPARE_MOST) {
		spare[n_spare++] = low;
		return;
	}
	note_depth(low);
	sanitize_fresh(low, STACK_SIZE);
	sanitize_unroot(low, STACK_SIZE);
	munmap(low - page_size(), page_size() + STACK_SIZE);
}

void
stack_trim(char *low, const char *sp)
{
	uintptr_t end = ((uintptr_t)sp - RED_ZONE) & ~(page_size() - 1);

	/* ASan's frames of this stack lie below sp in a way only it knows. */
	if (ADDRESS_SANITIZER || end <= (uintptr_t)low)
		return;
	note_depth(low);
	(void)madvise(low, end - (uintptr_t)low, MADV_DONTNEED);
}

size_t
stack_depth(char *low)
{
	unsigned char resident[STACK_SIZE / PAGE_LEAST];
	size_t pages = STACK_SIZE / page_size(), untouched = 0;

	if (mincore(low, STACK_SIZE, resident) != 0)
		return 0;
	while (untouched < pages && (resident[untouched] & 1) == 0)
		untouched++;
	return STACK_SIZE - untouched * page_size();
}

size_t
stack_deepest(void)
{
	size_t most = deepest;

	for (unsigned i = 0; i < n_spare; i++)
		if (stack_depth(spare[i]) > most)
			most = stack_depth(spare[i]);
	return most;
}
