/* The one main() of every role but master; apart, so that a test that links a
   role brings its own. */
#include "common/core/daemon.h"

int
main(void)
{
	return daemon_run();
}
