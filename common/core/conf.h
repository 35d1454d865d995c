/*
 * conf.h - the configuration: sentences an admin can read aloud.
 *
 * One file, /etc/postino/postino.conf, one sentence a line; what can be said
 * is the table conf.def, explained in postino.conf(5).  There is no expansion
 * language, no condition and no include (IPC-4): the file says values, and
 * means the same wherever it is read.
 *
 * Each process parses the same bytes for itself, which master hands it.  A
 * struct conf owns an arena; everything below lies in it and dies with
 * conf_free.  A text is a slice with a NUL behind it that its length does not
 * count, so .p can be given to the kernel.  Sizes are bytes, times
 * milliseconds.  Defaults stand wherever the file says nothing.
 *
 * Errors are collected, all of them in one run, as lines
 *	FILE:LINE:COLUMN: what was expected, what was found, the nearest word
 * in a buf; a function that finds errors returns how many.  A conf with
 * errors may be shown and must be freed, but not run.
 */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include "common/core/arena.h"
#include "common/core/log.h"
#include "common/core/terms.h"
#include "common/core/wire.h"

enum {
	CONF_TEXT_MAX = 256 * 1024,	/* bytes of a configuration file */
	CONF_LIST_MAX = 500,		/* listeners, certificates ... each */
};

/* How a process gives up the power it was started with (PRIV). */
enum privileges {
	PRIVILEGES_DROP,	/* own uid, chroot, sandbox; failing is fatal */
	PRIVILEGES_NONE,	/* no own uid, no chroot; root may not */
};

/* Either on an address and a port, or at a path (LMTP only). */
struct listener {
	enum service	 service;
	struct slice	 address;	/* "*", IPv4, IPv6; empty: at a path */
	uint32_t	 port;
	struct slice	 path;		/* of a UNIX socket; empty: on a port */
	uint32_t	 mode;		/* of that socket */
	unsigned	 line;		/* where the file says so */
};

struct certificate {
	struct slice	 chain, key;	/* two PEM files */
	unsigned	 line;
};

struct forwarder {
	struct slice	 address;	/* of a DNS server */
	uint32_t	 port;
	unsigned	 line;
};

/* A server that takes mail for others; to and from are domains, of which at
   most one is not empty. */
struct smarthost {
	struct slice	 to, from;
	struct slice	 host;
	uint32_t	 port;
	struct slice	 user;		/* of AUTH; empty: none */
	struct slice	 password;	/* the file it is in */
	unsigned	 line;
};

/* Names of the sentences, for conf.said. */
enum conf_sentence {
#define SENTENCE(name, pattern, standard, change, example, doc) CONF_##name,
#include "common/core/conf.def"
	CONF_SENTENCES
};

struct conf {
	struct slice	 server_name;	/* mail host name; empty: not said */
	struct slice	 postmaster;	/* default postmaster@server_name */

	/* the machine */
	struct slice	 data_folder;	/* each keeper has its own below it */
	struct slice	 run_folder;	/* control socket, LMTP socket */
	struct slice	 log_to;	/* "stderr" or a path */
	enum log_level	 log_level;
	enum privileges	 privileges;
	struct slice	 user[ROLES];	/* name or number */
	uint32_t	 workers[ROLES];	/* processes; 0: master, ctl */

	/* the network */
	struct listener	*listeners;
	size_t		 n_listeners;
	struct certificate *certificates;
	size_t		 n_certificates;
	struct slice	 authorities;	/* PEM file of trusted CAs */

	/* the DNS */
	struct forwarder *forwarders;	/* none: ask the world's servers */
	size_t		 n_forwarders;
	struct slice	 names;		/* file; empty: none */
	struct slice	 anchor;	/* file of trust anchors */

	/* mail to other servers */
	struct smarthost *smarthosts;
	size_t		 n_smarthosts;
	uint32_t	 relay_port;
	uint32_t	 relay_sessions;	/* in one process */

	/* what strangers may do */
	uint32_t	 sessions[ROLES];	/* in one process; talkers */
	uint32_t	 connections_max;	/* per address, process */
	uint32_t	 errors_max;		/* per session */
	uint32_t	 unknown_max;	/* unknown recipients, likewise */
	uint64_t	 message_max;
	uint32_t	 recipients_max;	/* per message */
	uint64_t	 smtp_wait;		/* for a command */
	uint64_t	 data_wait;		/* for the whole of a message */
	uint64_t	 pop3_wait;		/* for a command */
	uint64_t	 imap_wait;		/* likewise */
	uint64_t	 login_wait;		/* from greeting to login */

	/* the queue */
	uint64_t	 hold_time;	/* cut-through; 0: spool first */
	uint64_t	 hold_memory;	/* of all messages held */
	uint64_t	 retry_first;
	uint64_t	 retry_most;	/* the interval grows up to this */
	uint32_t	 destination_max;	/* connections to a domain */
	uint32_t	 smarthost_max;	/* ... to a smarthost */
	uint64_t	 warn_after;
	uint64_t	 expire_after;
	uint64_t	 free_floor;	/* default: conf_floor (DUR-5) */

	/* mailboxes */
	uint64_t	 cache;		/* of the index, per keeper */
	uint64_t	 segment;	/* file size */
	uint64_t	 linger;	/* a commit waits for company; 0: not */
	uint64_t	 undelete;	/* expunged messages stay this long */
	uint64_t	 quota;		/* if a user has no own; 0: none */
	struct slice	 archive, drafts, junk, sent, trash;	/* what the
					   mailboxes for these are called */
	char		 separator;	/* ann+SUB@...; 0: no subaddresses */

	/* private */
	struct slice	 filename;
	unsigned	 said[CONF_SENTENCES];	/* in this line; 0: nowhere */
	unsigned	 said_of[CONF_SENTENCES][ROLES];
	struct arena	 arena;
};

/* Fills *c (whatever it held is not looked at) from the text of a file.
   filename is for the messages.  Returns the number of errors. */
unsigned	 conf_parse(struct conf *c, struct slice text,
		    const char *filename, struct buf *errors);
void		 conf_free(struct conf *);

/* What conf_check must know of the machine. */
struct conf_machine {
	uint64_t	 uid;		/* whose process is to start it all */
	uint64_t	 files;		/* hard limit of descriptors; 0: none */
};

/* What only all sentences together can get wrong: no server name, a
   TLS port without a certificate, one port twice, more sessions than
   descriptors, root without privileges to drop ...  The number of errors;
   those that are no line's begin with FILE: alone.  May be called after a
   conf_parse with errors, too, so that all are seen at once. */
unsigned	 conf_check(const struct conf *, const struct conf_machine *,
		    struct buf *errors);

/* Appends the configuration in effect, every sentence of it, those that say
   the default marked so.  Parsing that gives the same configuration. */
void		 conf_show(const struct conf *, struct buf *);

/* Appends to *restart, in one line, the new sentences that only a restart
   brings into effect; nothing if a reload is enough. */
void		 conf_changes(const struct conf *old, const struct conf *new,
		    struct buf *restart);

/* The least free_floor, and its default. */
uint64_t	 conf_floor(const struct conf *);
/* Descriptors one process of this role may need at once. */
uint64_t	 conf_files(const struct conf *, enum role);

/* Of n smarthosts the one for mail to a domain from another; NULL: none.  What
   is said of `to` goes before what is said of `from`, and that before what is
   said of all. */
const struct smarthost *smarthost_for(const struct smarthost *, size_t n,
		    struct slice to, struct slice from);
/* Appends what queue and relay call it; it begins with '>', as no domain
   does. */
void		 smarthost_name(const struct smarthost *, struct buf *);

/* What a listener speaks. */
struct service_row {
	const char	*name;		/* as in the configuration */
	uint16_t	 port;		/* its registered port; 0: none */
	bool		 tls;		/* TLS from the first byte (RFC 8314) */
	bool		 login;		/* only after a login */
	enum role	 role;		/* who serves it; ROLES: nobody yet */
};
extern const struct service_row service_rows[SERVICES];

#endif
