/*
 * sanitize.h - what the tools must be told about stacks of our own.
 *
 * In a build without them all of this is empty.  Each was found to be needed:
 * without sanitize_fresh a recycled stack gives false overflows, without
 * sanitize_root what only a sleeping task knows counts as leaked.
 * valgrind: build with EXTRA=-DVALGRIND (valgrind/valgrind.h).
 */
#ifndef TASK_SANITIZE_H
#define TASK_SANITIZE_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#define SANITIZED 1
#endif

#ifdef VALGRIND
#include <valgrind/valgrind.h>
#endif

#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

enum { ADDRESS_SANITIZER = 1 };

static inline void
sanitize_leave(void **fake, const void *low, size_t size)
{
	__sanitizer_start_switch_fiber(fake, low, size);
}

static inline void
sanitize_arrive(void *fake, const void **low, size_t *size)
{
	__sanitizer_finish_switch_fiber(fake, low, size);
}

static inline void
sanitize_fresh(char *low, size_t size)
{
	__asan_unpoison_memory_region(low, size);
}

static inline void
sanitize_root(char *low, size_t size)
{
	__lsan_register_root_region(low, size);
}

static inline void
sanitize_unroot(char *low, size_t size)
{
	__lsan_unregister_root_region(low, size);
}

#else

enum { ADDRESS_SANITIZER = 0 };

static inline void
sanitize_leave(void **fake, const void *low, size_t size)
{
	(void)fake, (void)low, (void)size;
}

static inline void
sanitize_arrive(void *fake, const void **low, size_t *size)
{
	(void)fake;
	*low = NULL;
	*size = 0;
}

static inline void
sanitize_fresh(char *low, size_t size)
{
	(void)low, (void)size;
}

/* valgrind is told once for each mapping; the id is not needed, as a region
   that was unmapped and registered again replaces the old one. */
static inline void
sanitize_root(char *low, size_t size)
{
#ifdef VALGRIND
	(void)VALGRIND_STACK_REGISTER(low, low + size);
#else
	(void)low, (void)size;
#endif
}

static inline void
sanitize_unroot(char *low, size_t size)
{
	(void)low, (void)size;
}

#endif
#endif
