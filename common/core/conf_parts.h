/*
 * conf_parts.h - what the files of the configuration share; private to them
 * and their tests.
 *
 *	conf_table.c	the rows of conf.def, and how a pattern is walked
 *	conf_words.c	a line as words; what was expected; the nearest word
 *	conf_form.c	host names, addresses, users, paths
 *	conf_slot.c	one value of each kind: read, store, show
 *	conf.c		a file: line by line, sentence by sentence
 *	conf_show.c	the way back, and what changed
 *	conf_check.c	what only all sentences together can get wrong
 */
#ifndef CORE_CONF_PARTS_H
#define CORE_CONF_PARTS_H

#include "common/core/conf.h"

enum { SENTENCE_SLOTS = 5, LINE_WORDS = 16, MISS_WANTS = 12 };

/* ---- the table */

enum slot_kind {
	SLOT_HOST, SLOT_ADDRESS, SLOT_PATH, SLOT_PLACE, SLOT_USER, SLOT_NAME,
	SLOT_MAILBOX, SLOT_IP,
	SLOT_LEVEL, SLOT_PRIVILEGES, SLOT_CHILD, SLOT_WORKER, SLOT_TALKER,
	SLOT_SERVICE, SLOT_NUMBER, SLOT_SIZE, SLOT_TIME, SLOT_MODE,
	SLOT_QUOTA, SLOT_SIGN, SLOT_KINDS
};

enum place {
	PLACE_NONE,		/* no such slot */
	PLACE_FIELD,		/* of struct conf */
	PLACE_WHO,		/* nowhere: it is the index of PLACE_EACH */
	PLACE_EACH,		/* the array of one element per role */
	PLACE_listener,		/* a field of a new list element */
	PLACE_certificate,
	PLACE_forwarder,
	PLACE_smarthost,
};

struct slot {
	enum slot_kind	 kind;
	enum place	 place;
	size_t		 offset;	/* of the field */
	size_t		 size;		/* of the field or array element */
	uint64_t	 least, most;
};

struct sentence {
	const char	*name;
	const char	*pattern;
	const char	*standard;	/* words of the default */
	bool		 restart;	/* a change needs one */
	const char	*example;
	const char	*doc;
	struct slot	 slots[SENTENCE_SLOTS];
};
extern const struct sentence conf_sentences[CONF_SENTENCES];

/* A word of a pattern; text has neither <> nor []. */
struct pattern_word {
	struct slice	 text;
	bool		 slot;
	bool		 optional;	/* the sentence may end before it */
};
/* Cuts the next word off the pattern; false at its end. */
bool		 pattern_next(struct slice *, struct pattern_word *);
/* Is the word one of a|b|c, in any case? */
bool		 word_among(struct slice word, struct slice alternatives);
/* The first of a|b|c, or for many the second, if there is one. */
struct slice	 word_choose(struct slice alternatives, bool many);
/* The slot that says whose value it is, or NULL. */
const struct slot *sentence_who(const struct sentence *);

/* ---- words */

struct words {
	struct slice	 v[LINE_WORDS];
	size_t		 at[LINE_WORDS + 1];	/* offsets; the end's is last */
	unsigned	 n;
};

/* Splits a line; quotes are gone, a comment too.  On false *at is the
   offset of what the message in *why speaks of. */
bool		 words_split(struct words *, struct slice line, size_t *at,
		    const char **why);

/* What could have stood at the furthest word that any sentence reached. */
struct miss {
	const struct words *words;
	struct arena	*arena;		/* for the texts */
	unsigned	 at;		/* index of that word */
	struct slice	 want[MISS_WANTS];
	unsigned	 n;
	bool		 more;		/* than could be kept */
	struct slice	 near;		/* the nearest of the words wanted */
	unsigned	 far;		/* how far that is */
	const struct sentence *sentence; /* that got here; NULL: several */
	const struct sentence *trying;	/* whose wants come now */
};

void		 miss_init(struct miss *, const struct words *, struct arena *);
/* One of a|b|c was wanted here, or what text describes (and is kept). */
void		 miss_word(struct miss *, unsigned at, struct slice a_b_c);
void		 miss_want(struct miss *, unsigned at, struct slice text);
/* Appends "expected ..., found ...; did you mean ...?". */
void		 miss_show(const struct miss *, struct buf *);
/* Letters to add, drop, change or swap to make one of the other. */
unsigned	 word_distance(struct slice, struct slice);
/* Appends a word from the file in quotes, cut and made printable. */
void		 word_show(struct buf *, struct slice);

/* Has the word this form?  A Domain and a Dot-string "@" Domain of RFC 5321
   4.1.2; a name as useradd(8) takes it or a number, but not root; from /; and
   that or "stderr". */
bool		 word_is_host(struct slice);
bool		 word_is_address(struct slice);
bool		 word_is_user(struct slice);
bool		 word_is_name(struct slice);
bool		 word_is_path(struct slice);
bool		 word_is_place(struct slice);
/* A mailbox of one level, other than INBOX, that no client takes for a
   pattern (RFC 9051 6.3.9). */
bool		 word_is_mailbox(struct slice);

/* ---- slots */

struct value {
	uint64_t	 number;
	struct slice	 text;
};

/* Reads words from *at on, which is moved behind them; a text goes into the
   arena.  On false the miss says what was wanted. */
bool		 slot_read(const struct slot *, struct miss *, unsigned *at,
		    struct value *, struct arena *);
void		 slot_store(const struct slot *, void *base, size_t index,
		    const struct value *);
struct value	 slot_load(const struct slot *, const void *base,
		    size_t index);
/* Appends the value as words that slot_read reads. */
void		 slot_show(const struct slot *, const struct value *,
		    struct buf *);
bool		 kind_is_text(enum slot_kind);
/* Is this role one that a slot of this kind may name? */
bool		 kind_has_role(enum slot_kind, enum role);

/* ---- files */

/* Defaults, without those that depend on other values ... */
void		 conf_init(struct conf *);
/* ... and these: the postmaster and the floor, where nobody said them. */
void		 conf_derive(struct conf *);
/* Appends the lines of one sentence, each followed by a newline. */
void		 sentence_show(const struct conf *, const struct sentence *,
		    struct buf *);

#endif
