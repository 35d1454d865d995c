/* Apart, so that a test that links the rest brings its own. */
#include "sendmail/sendmail.h"

int
main(int argc, char **argv)
{
	return front_main(argc, argv);
}
