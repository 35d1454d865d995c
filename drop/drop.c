#include "drop/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/task/task.h"
#include "common/task/who.h"

enum {
	WORKERS = 4,		/* files at a time */
	NAMES_MOST = 1000,	/* found and not yet done */
	NAME_LENGTH = 100,
	LOOK_EVERY = 60 * 1000,	/* ms, if nobody wakes us */
	LOOK_SOONEST = 100,	/* whoever wakes us all the time */
	RETRY_FIRST = 2000,	/* ms; doubled up to LOOK_EVERY */
	STALE = 24 * 3600,	/* seconds: what nobody finished is removed */
};

/* A name in the folder that is being seen to. */
struct found {
	struct node	 node;		/* in waiting or busy */
	char		 name[NAME_LENGTH + 1];
};

const struct conf	*drop_conf;
struct counts		 counts;
static struct watch	 wake;
static struct timer	 look_timer;
static uint64_t		 last_look, pause_ms;
static struct node	 waiting, busy;
static unsigned		 njobs;
static struct task	*workers[WORKERS];

struct link *
drop_submission(void)
{
	return daemon_link(ROLE_SUBMISSION, 0);
}

/* ---- finding */

static bool
is_known(const char *name)
{
	struct node *const lists[] = { &waiting, &busy };

	for (unsigned i = 0; i < 2; i++)
		LIST_EACH(n, lists[i])
			if (strcmp(CONTAINER(n, struct found, node)->name,
			    name) == 0)
				return true;
	return false;
}

/* Begun and never finished: its program was killed. */
static void
sweep(const char *name)
{
	struct stat s;

	if (strcmp(name, DROPPED_WAKE) == 0 ||
	    strncmp(name, ASIDE, sizeof ASIDE - 1) == 0 ||
	    lstat(name, &s) != 0 || !S_ISREG(s.st_mode))
		return;
	if (s.st_mtime < (int64_t)time(NULL) - STALE)
		unlink(name);
}

static void
take_name(const char *name)
{
	struct found *j;

	if (name[0] == '.') {
		if (name[1] != '\0' && strcmp(name, "..") != 0)
			sweep(name);
		return;
	}
	if (njobs == NAMES_MOST || strlen(name) > NAME_LENGTH ||
	    is_known(name))
		return;
	j = mem_zero(sizeof *j);
	strcpy(j->name, name);
	list_push(&waiting, &j->node);
	njobs++;
}

static void
look(struct timer *t)
{
	DIR *folder = opendir(".");
	struct dirent *e;

	if (folder == NULL)
		fatal("the drop folder");
	while (njobs < NAMES_MOST && (e = readdir(folder)) != NULL)
		take_name(e->d_name);
	closedir(folder);
	last_look = loop_clock();
	timer_set(t, last_look + LOOK_EVERY);
	for (unsigned i = 0; i < WORKERS; i++)
		if (workers[i] != NULL)
			task_wake(workers[i]);
}

static void
woken(struct watch *w, unsigned events)
{
	char octets[256];
	uint64_t soonest = last_look + LOOK_SOONEST, now = loop_clock();

	(void)events;
	while (read(w->fd, octets, sizeof octets) > 0)
		;
	timer_set(&look_timer, soonest > now ? soonest : now);
}

/* ---- doing */

static void
refused(const char *name, const char *why)
{
	counts.bad++;
	LOG(drop_refused, .file = slice_str(name), .why = slice_str(why));
	letter_aside(name);
}

/* False: not now. */
static bool
see_to(const char *name)
{
	enum fate fate = FATE_SENT;
	const char *why = NULL;
	struct letter l;

	switch (letter_open(&l, name, &why)) {
	case LETTER_GONE:
		break;
	case LETTER_BAD:
		refused(name, why);
		break;
	default:
		counts.files++;
		fate = letter_submit(&l);
		counts.sent += fate == FATE_SENT;
		counts.kept += fate == FATE_KEPT;
		counts.later += fate == FATE_LATER;
		if (fate == FATE_SENT && unlink(name) != 0 &&
		    errno != ENOENT)
			fatal("%s", name);
		if (fate == FATE_KEPT)
			refused(name, "refused, and nobody can be told");
	}
	letter_close(&l);
	return fate != FATE_LATER;
}

static void
job_done(struct found *j, bool done)
{
	list_del(&j->node);
	free(j);
	njobs--;
	if (done) {
		pause_ms = 0;
		return;
	}
	pause_ms = pause_ms == 0 ? RETRY_FIRST :
	    pause_ms * 2 < LOOK_EVERY ? pause_ms * 2 : LOOK_EVERY;
	timer_set(&look_timer, loop_clock() + pause_ms);
}

static void
work(void *arg)
{
	struct task **self = arg;
	struct node *n;

	*self = task_self();
	while (!daemon_stopping() && !task_cancelled()) {
		struct found *j;

		if ((n = list_pop(&waiting)) == NULL) {
			/* Perhaps there were more than NAMES_MOST. */
			task_wait("files", 0);
			continue;
		}
		j = CONTAINER(n, struct found, node);
		list_push(&busy, &j->node);
		task_name("file %s", j->name);
		job_done(j, see_to(j->name));
		task_name("drop");
		if (list_empty(&waiting) && njobs == 0 && pause_ms == 0)
			timer_set(&look_timer, loop_clock() + LOOK_SOONEST);
	}
	*self = NULL;
	if (list_empty(&busy))
		daemon_idle();
}

/* ---- the role */

/* The FIFO is the folder's group's to write to, as the folder is; it is kept
   open for both, so that it never ends. */
static void
wake_open(const struct conf *c)
{
	char *path = mem_str(c->data_folder);
	struct buf name = { 0 };
	struct stat s;

	buf_printf(&name, "%s/%s/%s", path, DROPPED_FOLDER, DROPPED_WAKE);
	free(path);
	if (mkfifo(buf_cstr(&name), 0620) != 0 && errno != EEXIST)
		fatal("%s", name.p);
	wake.fd = open(name.p, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (wake.fd < 0 || fstat(wake.fd, &s) != 0 || !S_ISFIFO(s.st_mode) ||
	    fchmod(wake.fd, 0622) != 0)
		fatal("%s", name.p);
	buf_free(&name);
}

static void
load(const struct conf *c)
{
	wake_open(c);
}

static void
start(const struct conf *c)
{
	drop_conf = c;
	list_init(&waiting);
	list_init(&busy);
	task_init();
	wake.ready = woken;
	look_timer.fire = look;
	if (!loop_add(&wake, LOOP_IN, false))
		fatal("the FIFO of the drop folder");
	for (unsigned i = 0; i < WORKERS; i++)
		if (!task_spawn("drop", work, &workers[i]))
			fatal("no memory for a task");
	timer_set(&look_timer, loop_clock() + 1);
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	drop_conf = c;
}

static void
stop(void)
{
	task_cancel_all();
}

static void
stats(struct figures *f)
{
	figure_add(f, "files", counts.files);
	figure_add(f, "sent", counts.sent);
	figure_add(f, "later", counts.later);
	figure_add(f, "notices", counts.notices);
	figure_add(f, "kept", counts.kept);
	figure_add(f, "refused", counts.bad);
	figure_add(f, "waiting", njobs);
}

const struct daemon daemon_role = {
	.name = "drop",
	.load = load,
	.start = start,
	.reload = reload,
	.stop = stop,
	.stats = stats,
	.who = tasks_who,
};
