#include "common/task/task.h"

#include <stdio.h>

#include "common/core/link.h"
#include "common/core/log.h"
#include "common/task/stack.h"
#include "common/task/switch.h"
#include "common/task/task_private.h"

enum {
	TRIM_AFTER = 5000,	/* ms asleep before a stack is trimmed */
	TRIM_MOST = 32,		/* stacks in one turn of the loop */
	BREATH = 5,		/* ms a task may run before others do */
	NAME_MAX_BYTES = 64,	/* with its NUL */
};

/* Lies at the upper end of its own stack, which is resident anyway. */
struct task {
	struct context	 context;
	struct node	 live;		/* in live_tasks */
	struct node	 ready;		/* in ready_tasks, to run */
	struct node	 asleep;	/* in sleepers, longest first */
	struct timer	 timer;		/* the deadline of its wait */
	char		*stack;
	void		(*fn)(void *);
	void		*arg;
	const char	*waits;		/* what for; NULL: it is not asleep */
	uint64_t	 since;		/* ms: fell asleep */
	uint64_t	 resumed;	/* ms: ran on */
	uint64_t	 session;
	bool		 woken;		/* a wake nobody has waited for yet */
	bool		 late;		/* the deadline passed */
	bool		 cancelled;
	bool		 ended;
	const char	*name;
	char		 text[NAME_MAX_BYTES];
};

static struct node	 live_tasks, ready_tasks, sleepers;
static struct context	 loop_context;
static struct task	*running;
static unsigned		 count, most = 30000;
static struct timer	 trim_timer;
static bool		 trim_set;

/* ---- asleep and awake */

void
task_resume(struct task *t)
{
	if (t == running || list_in(&t->ready))
		return;
	list_push(&ready_tasks, &t->ready);
	loop_again();
}

static void
trim_at(uint64_t ms)
{
	timer_set(&trim_timer, ms);
	trim_set = true;
}

/* Stacks are trimmed some time after they fell asleep, not when: that would
   cost each request two page faults and a system call. */
static void
trim_some(struct timer *timer)
{
	(void)timer;
	trim_set = false;
	for (int i = 0; i < TRIM_MOST && !list_empty(&sleepers); i++) {
		struct task *t = CONTAINER(sleepers.next, struct task, asleep);

		if (t->since + TRIM_AFTER > loop_now()) {
			trim_at(t->since + TRIM_AFTER);
			return;
		}
		list_del(&t->asleep);
		stack_trim(t->stack, t->context.sp);
	}
	if (!list_empty(&sleepers))
		trim_at(loop_now() + 1);
}

/* Until something resumes the task; the caller finds out what. */
static void
suspend(const char *what)
{
	struct task *t = running;

	CHECK(t != NULL);
	t->waits = what;
	t->since = loop_now();
	list_push(&sleepers, &t->asleep);
	if (!trim_set)
		trim_at(t->since + TRIM_AFTER);
	context_switch(&t->context, &loop_context);
	list_del(&t->asleep);
	t->waits = NULL;
}

static void
deadline_passed(struct timer *timer)
{
	struct task *t = CONTAINER(timer, struct task, timer);

	t->late = true;
	task_resume(t);
}

bool
task_doze(const char *what, uint64_t deadline)
{
	struct task *t = running;

	CHECK(t != NULL);
	if (t->cancelled)
		return false;
	t->late = false;
	timer_set(&t->timer, deadline);
	suspend(what);
	timer_stop(&t->timer);
	return !t->late && !t->cancelled;
}

bool
task_wait(const char *what, uint64_t deadline)
{
	struct task *t = running;
	bool woken;

	CHECK(t != NULL);
	while (!t->woken && task_doze(what, deadline))
		;
	woken = t->woken;
	t->woken = false;
	return woken && !t->cancelled;
}

bool
task_woken(void)
{
	bool woken = running->woken;

	running->woken = false;
	return woken;
}

bool
task_sleep(const char *what, uint64_t ms)
{
	uint64_t until = loop_clock() + ms;

	while (task_doze(what, until))
		;
	return !task_cancelled();
}

void
task_wake(struct task *t)
{
	t->woken = true;
	task_resume(t);
}

void
task_cancel(struct task *t)
{
	t->cancelled = true;
	task_resume(t);
}

void
task_cancel_all(void)
{
	LIST_EACH(n, &live_tasks)
		task_cancel(CONTAINER(n, struct task, live));
}

bool
task_cancelled(void)
{
	return running != NULL && running->cancelled;
}

void
task_breathe(void)
{
	struct task *t = running;

	if (t == NULL || loop_clock() - t->resumed < BREATH)
		return;
	list_push(&ready_tasks, &t->ready);
	loop_again();
	suspend("its turn");
}

/* ---- calls to other processes (link.h) */

static void	(*ask_alone)(struct link *, struct link_wait *);

/* A call under way is not given up when its task is cancelled: its answer may
   carry a descriptor or a promise.  It has its own deadline. */
static void
ask_suspend(struct link *l, struct link_wait *w)
{
	if (running == NULL) {
		ask_alone(l, w);
		return;
	}
	w->task = running;
	while (!w->done)
		suspend(role_name(link_peer(l)));
}

static void
ask_wake(struct link_wait *w)
{
	if (w->task != NULL)
		task_resume(w->task);
}

/* ---- birth and death */

static void
live(void)
{
	running->fn(running->arg);
	running->ended = true;
	context_leave(&running->context, &loop_context);
}

bool
task_spawn(const char *name, void (*fn)(void *), void *arg)
{
	char *stack = count < most ? stack_get() : NULL;
	size_t room = STACK_SIZE - ((sizeof(struct task) + 63) & ~(size_t)63);
	struct task *t;

	if (stack == NULL)
		return false;
	t = (void *)(stack + room);
	*t = (struct task){ .stack = stack, .fn = fn, .arg = arg, .name = name,
		.timer.fire = deadline_passed, .since = loop_now(),
		.waits = "its first turn" };
	context_make(&t->context, stack, room, live);
	list_push(&live_tasks, &t->live);
	count++;
	task_resume(t);
	return true;
}

static void
bury(struct task *t)
{
	list_del(&t->live);
	count--;
	stack_put(t->stack);
}

static void
run(struct task *t)
{
	running = t;
	t->resumed = loop_clock();
	t->waits = NULL;
	context_switch(&loop_context, &t->context);
	running = NULL;
	if (t->ended)
		bury(t);
}

/* Those that were ready when the turn came to the tasks, each once.  Whoever
   is made ready now runs in the next turn, after the loop has looked at the
   descriptors: two tasks that wake each other starve nobody. */
static void
run_ready(void)
{
	struct node now;

	if (list_empty(&ready_tasks))
		return;
	now = ready_tasks;
	now.next->prev = now.prev->next = &now;
	list_init(&ready_tasks);
	while (!list_empty(&now))
		run(CONTAINER(list_pop(&now), struct task, ready));
}

void
task_init(void)
{
	list_init(&live_tasks);
	list_init(&ready_tasks);
	list_init(&sleepers);
	trim_timer.fire = trim_some;
	trim_set = false;
	loop_hook(LOOP_TASKS, run_ready);
	if (link_suspend != ask_suspend) {
		ask_alone = link_suspend;
		link_suspend = ask_suspend;
		link_wake = ask_wake;
	}
}

void
task_limit(unsigned n)
{
	most = n;
}

unsigned
task_count(void)
{
	return count;
}

/* ---- what is seen of a task */

struct task *
task_self(void)
{
	return running;
}

void
task_name(const char *fmt, ...)
{
	va_list args;

	if (running == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(running->text, sizeof running->text, fmt, args);
	va_end(args);
	running->name = running->text;
}

void
task_session(uint64_t number)
{
	if (running != NULL)
		running->session = number;
}

void
task_each(void (*fn)(void *, struct task *, const char *, const char *,
    uint64_t, uint64_t), void *arg)
{
	LIST_EACH(n, &live_tasks) {
		struct task *t = CONTAINER(n, struct task, live);

		fn(arg, t, t->name, t->waits != NULL ? t->waits : "",
		    t->waits != NULL ? loop_now() - t->since : 0, t->session);
	}
}

size_t
task_stack_peak(void)
{
	size_t peak = stack_deepest();

	LIST_EACH(n, &live_tasks) {
		size_t depth = stack_depth(CONTAINER(n, struct task,
		    live)->stack);

		if (depth > peak)
			peak = depth;
	}
	return peak;
}
