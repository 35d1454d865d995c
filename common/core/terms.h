/*
 * terms.h - the words that travel as numbers in wire.def.
 *
 * They are one byte or four on the wire, checked by whoever reads them: a
 * number not listed here is treated as the last of its kind (REFUSED, ...).
 */
#ifndef CORE_TERMS_H
#define CORE_TERMS_H

/* What a listener speaks (role_listen, configuration). */
enum service { SERVICE_SMTP, SERVICE_SUBMISSION, SERVICE_SUBMISSIONS,
	SERVICE_LMTP, SERVICE_POP3, SERVICE_POP3S, SERVICE_IMAP,
	SERVICE_IMAPS,
	SERVICE_LOCAL,		/* from drop; no listener speaks it */
	SERVICES };

/* auth_rcpt, auth_route: where an address leads. */
enum route {
	ROUTE_LOCAL,		/* to a mailbox (or an alias) here */
	ROUTE_REMOTE,		/* its domain is not ours */
	ROUTE_UNKNOWN,		/* our domain, nobody of that name */
	ROUTE_FULL,		/* the mailbox is over its quota */
	ROUTE_DISABLED,		/* the account takes no mail */
};

/* Processes of store; a user's mail lies with one of them. */
enum { SHARDS_MAX = 64 };

/* auth_login */
enum login { LOGIN_OK, LOGIN_DENIED, LOGIN_LATER };

/* dns_query: BOGUS and FAILED are "try again later", never "no record". */
enum dns {
	DNS_FOUND,
	DNS_NODATA,		/* the name exists, with other records */
	DNS_NXDOMAIN,
	DNS_BOGUS,		/* signed, and the signature is wrong */
	DNS_FAILED,		/* no answer, or none that can be used */
};

/* user_add, user_list: the limit of a user who may have any amount of mail; 0
   is the one of the configuration. */
#define LIMIT_NONE	UINT64_MAX

/* user_set */
enum user_set { USER_LIMIT = 1, USER_ENABLED = 2, USER_DISABLED = 4 };

/* What becomes of one recipient: store_append, queue_done, queue_submit. */
enum outcome {
	OUTCOME_STORED,		/* durable in the mailbox (or sent on) */
	OUTCOME_FULL,		/* refused for good: over quota (5.2.2) */
	OUTCOME_REFUSED,	/* refused for good: code and text say why */
	OUTCOME_LATER,		/* try again */
	OUTCOME_BECAME,		/* replaced by other recipients (alias) */
	OUTCOME_QUEUED,		/* in the spool: we are responsible now */
	OUTCOME_REMOTE,		/* queue_done: its domain is not ours */
};

/* What a job is for: queue_next. */
enum work { WORK_LOCAL, WORK_REMOTE };

/* How much OUTCOME_LATER of a remote recipient says (queue_done). */
enum scope {
	SCOPE_RECIPIENT,	/* this one, or this message */
	SCOPE_DESTINATION,	/* nobody at this domain can be reached now */
};

/* queue_act */
enum queue_action { QUEUE_HOLD, QUEUE_RELEASE, QUEUE_RETRY, QUEUE_REMOVE,
	QUEUE_BOUNCE, QUEUE_ACTIONS };

/* Rights of a store channel (store_grant). */
enum right {
	RIGHT_READ = 1,		/* list and fetch */
	RIGHT_EXPUNGE = 2,
	RIGHT_FLAGS = 4,
	RIGHT_APPEND = 8,
	RIGHT_MAILBOXES = 16,	/* all of the user's, create, rename ... */
	RIGHT_POP3 = RIGHT_READ | RIGHT_EXPUNGE,	/* INBOX only */
	RIGHT_IMAP = 31,
};

/* Flags of a message, as bits of 64 (RFC 9051 2.3.2).  Above the system flags,
   bit FLAGS_SYSTEM + k is keyword k of its mailbox. */
enum flag {
	FLAG_SEEN = 1, FLAG_ANSWERED = 2, FLAG_FLAGGED = 4, FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
};
enum { FLAGS_SYSTEM = 5, KEYWORDS_MAX = 59 };
enum flag_change { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };

/* What a mailbox is for (RFC 6154 2), and whether it is subscribed to. */
enum attribute {
	ATTRIBUTE_SUBSCRIBED = 1, ATTRIBUTE_ARCHIVE = 2, ATTRIBUTE_DRAFTS = 4,
	ATTRIBUTE_FLAGGED = 8, ATTRIBUTE_JUNK = 16, ATTRIBUTE_SENT = 32,
	ATTRIBUTE_TRASH = 64, ATTRIBUTE_ALL = 128, ATTRIBUTE_IMPORTANT = 256,
};

/* What box_list adds to each entry: its digest; the whole message, if it is
   not longer than WIRE_BODY_MAX (else bytes is empty: box_fetch); of each
   message the first octets, `most` of them. */
enum want { WANT_DIGEST = 1, WANT_BYTES = 2, WANT_START = 4 };

/* NOTIFY= of RCPT (RFC 3461 4.1), as bits; 0: not given.  RET= of MAIL. */
enum notify { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8 };
enum ret { RET_NONE, RET_FULL, RET_HDRS };

/* How sure we are of the sender: bounces go only to these two (SMTP-8). */
enum sender { SENDER_STRANGER, SENDER_VERIFIED, SENDER_AUTHENTICATED };

#endif
