/* who.h - what `postino who` shows of a role whose work is tasks: its who
   callback (daemon.h). */
#ifndef TASK_WHO_H
#define TASK_WHO_H

#include "common/core/daemon.h"

void		 tasks_who(struct figures *);

#endif
