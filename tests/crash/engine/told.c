/*
 * The linker gives the engine these functions instead of Berkeley DB's own
 * (--wrap).
 */
#include <stdlib.h>

#include "tests/crash/engine/wrong.h"

bool	 memory_told;

int	 __real_db_env_set_func_malloc(void *(*)(size_t));
int	 __real_db_env_set_func_realloc(void *(*)(void *, size_t));
int	 __wrap_db_env_set_func_malloc(void *(*)(size_t));
int	 __wrap_db_env_set_func_realloc(void *(*)(void *, size_t));

int
__wrap_db_env_set_func_malloc(void *(*fn)(size_t))
{
	return __real_db_env_set_func_malloc(memory_told ? malloc : fn);
}

int
__wrap_db_env_set_func_realloc(void *(*fn)(void *, size_t))
{
	return __real_db_env_set_func_realloc(memory_told ? realloc : fn);
}
