#include "common/core/drop.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/core/log.h"

void
drop_limit(int what, uint64_t most)
{
	struct rlimit r = { .rlim_cur = most, .rlim_max = most };

	if (setrlimit((__rlimit_resource_t)what, &r) != 0)
		fatal("resource limit %d", what);
}

void
drop_root(const char *root, uint32_t uid, uint32_t gid)
{
	if (chroot(root) != 0 || chdir("/") != 0)
		fatal("chroot %s", root);
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		fatal("giving up root for %u", uid);
	if (setuid(0) == 0)
		fatal("root came back");
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		fatal("dumpable");
}
