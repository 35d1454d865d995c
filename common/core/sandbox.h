/*
 * sandbox.h - how a process gives up what it was started with (PRIV-4).
 *
 * Two steps.  enter: resource limits, own root folder and uid (or, with
 * `privileges none`, neither), no_new_privs, Landlock.  seal: no more threads,
 * and a seccomp allow-list.  Between them only threads are made and, by
 * keepers, files of their own folder opened.  A step that fails ends the
 * process; a Landlock that the kernel does not have is left out and said so.
 *
 *	kind	  files			system calls besides the common ones
 *	TALKER	  none			accept4
 *	CALLER	  none			socket, connect: TCP of IPv4 and IPv6,
 *					and UDP with sandbox_datagrams
 *	THINKER	  none			-
 *	KEEPER	  its own folder	open, sync, rename, unlink ... of files
 *
 * None may exec, fork, trace, map executable memory, or change what the log
 * descriptor holds (ftruncate; keepers may truncate, their log descriptor is
 * opened for appending and belongs to master).  Only a CALLER may make a
 * socket of the network, and never listen on it.  Where the kernel has
 * Landlock of level 4, TCP leads only to the ports that were named; nothing
 * in the kernel can say as much of UDP.  Builds with sanitizers leave out
 * seccomp.
 */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

enum kind {
	KIND_MASTER, KIND_TALKER, KIND_CALLER, KIND_KEEPER, KIND_THINKER,
	KIND_NONE
};

struct sandbox {
	enum kind	 kind;
	bool		 drop;		/* uid, gid and root are used */
	uint32_t	 uid, gid;
	const char	*root;		/* a keeper's folder, or an empty one */
	uint64_t	 files;		/* RLIMIT_NOFILE */
};

/* Before enter, of a CALLER: it may connect to this TCP port; use UDP. */
void		 sandbox_connects(uint16_t port);
void		 sandbox_datagrams(void);
void		 sandbox_enter(const struct sandbox *);
void		 sandbox_seal(const struct sandbox *);
/* The Landlock level in force after enter, 0 if the kernel has none. */
int		 sandbox_landlock(void);

#endif
