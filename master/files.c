/* Files, folders and users: what only root may read or make. */
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"

bool
file_read(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	do {
		buf_reserve(to, 65536);
		if ((n = read(fd, to->p + to->n, 65536)) > 0)
			to->n += (size_t)n;
	} while (n > 0 && to->n <= CONF_TEXT_MAX);
	close(fd);
	return n >= 0;
}

/* Opened for a child, which reads it: we never see what is in it.  A pipe of
   this name does not make us wait. */
static void
file_hand_over(struct child *c, struct slice path)
{
	struct role_file_in in = { .path = path };

	in.fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (in.fd < 0) {
		in.fd = 0;
		in.why = slice_str(strerror(errno));
	}
	link_call(c->link, WIRE_role_file, &in, 0, NULL, NULL);
}

void
files_hand_over(struct child *c)
{
	const struct conf *conf = master.live;

	for (size_t i = 0; c->role == ROLE_RELAY && i < conf->n_smarthosts; i++)
		if (conf->smarthosts[i].user.n > 0)
			file_hand_over(c, conf->smarthosts[i].password);
	for (size_t i = 0; c->role == ROLE_KEY && i < conf->n_certificates;
	    i++) {
		file_hand_over(c, conf->certificates[i].chain);
		file_hand_over(c, conf->certificates[i].key);
	}
}

/* ---- users and folders */

void
user_of(const struct conf *conf, enum role role, uint32_t *uid, uint32_t *gid)
{
	struct slice name = conf->user[role];
	uint64_t number;
	struct passwd *pw;

	if (conf->privileges != PRIVILEGES_DROP) {
		*uid = (uint32_t)geteuid();
		*gid = (uint32_t)getegid();
		return;
	}
	if (slice_u64(name, UINT32_MAX - 1, &number)) {
		*uid = *gid = (uint32_t)number;
		if (number == 0)
			fatal("user %s is root", role_rows[role].name);
		return;
	}
	if ((pw = getpwnam(name.p)) == NULL)
		fatal("user %s is %s: no such user (a number will do)",
		    role_rows[role].name, name.p);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (*uid == 0)
		fatal("user %s is root", role_rows[role].name);
}

const char *
folder_of(const struct conf *conf, enum role role, unsigned instance)
{
	static char path[4096];

	if (role_rows[role].kind != KIND_KEEPER)
		snprintf(path, sizeof path, "%s/empty", conf->run_folder.p);
	else if (instance == 0)
		snprintf(path, sizeof path, "%s/%s", conf->data_folder.p,
		    role_rows[role].name);
	else
		snprintf(path, sizeof path, "%s/%s-%u", conf->data_folder.p,
		    role_rows[role].name, instance);
	return path;
}

/* A folder of this owner that nobody else may enter or swap (PRIV-7). */
static void
folder_make(const char *path, mode_t mode, uint32_t uid, uint32_t gid)
{
	int fd;

	if (mkdir(path, mode) != 0 && errno != EEXIST)
		fatal("%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0)
		fatal("%s", path);
	close(fd);
}

/* postino restore leaves this behind if it was cut off. */
static void
restore_over(const struct conf *conf)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/restoring", conf->data_folder.p);
	if (access(path, F_OK) != 0)
		return;
	errno = 0;
	fatal("%s: a restore was cut off; say postino restore again", path);
}

void
folders_make(const struct conf *conf)
{
	uint32_t me = (uint32_t)geteuid(), mine = (uint32_t)getegid(), uid, gid;

	folder_make(conf->data_folder.p, 0711, me, mine);
	restore_over(conf);
	folder_make(conf->run_folder.p, 0755, me, mine);
	folder_make(folder_of(conf, ROLE_SMTPD, 0), 0555, me, mine);
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (role_rows[c->role].kind != KIND_KEEPER)
			continue;
		user_of(conf, c->role, &uid, &gid);
		/* sendmail(1) may put files there, and not see what there
		   is. */
		folder_make(folder_of(conf, c->role, c->instance),
		    c->role == ROLE_DROP ? 01730 : 0700, uid, gid);
	}
}
