/*
 * alive.h - a sign of life of a process that is busy for long before it
 * serves: a keeper that reads a large log.
 *
 * master gives each child one end of a pipe with role_start, and kills who has
 * not become ready and has said nothing for two minutes.  So whatever may take
 * long before that is written as steps, of seconds at most, and each step says
 * alive().  Afterwards, and in other threads, it costs one comparison.
 */
#ifndef CORE_ALIVE_H
#define CORE_ALIVE_H

void		 alive_begin(int fd);	/* takes it */
/* There was progress; a byte is written once a second at most. */
void		 alive(void);
void		 alive_end(void);

#endif
