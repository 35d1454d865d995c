#include "ctl/story.h"

#include <string.h>

const struct story stories[] = {
#define STORY(event, words)	{ #event, words },
#include "ctl/story.def"
};
const unsigned n_stories = sizeof stories / sizeof *stories;

/* Every event, from events.def. */
static const struct story docs[] = {
#define EVENT(name, level, doc)	{ #name, doc },
#include "common/core/events.def"
};

static const char *
words_of(const struct story *table, size_t n, struct slice event)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(event, slice_str(table[i].event)))
			return table[i].words;
	return NULL;
}

/* "{field:word}", cut off *s.  True if the field is there. */
static bool
tell_field(struct buf *b, const struct log_line *l, struct slice *s)
{
	struct slice inside = slice_cut(s, '}'), name, value;

	inside = slice_drop(inside, 1);
	name = slice_cut(&inside, ':');
	for (unsigned i = 0; i < l->n; i++)
		if (slice_eq(l->fields[i].name, name)) {
			value = l->fields[i].value;
			buf_slice(b, value);
			return true;
		}
	buf_slice(b, inside);
	return false;
}

/* Up to the end of *s or of the brackets; the number of fields there were. */
static unsigned
tell(struct buf *b, const struct log_line *l, struct slice *s)
{
	unsigned found = 0;

	while (s->n > 0 && s->p[0] != ']') {
		size_t before = b->n;

		if (s->p[0] == '{')
			found += tell_field(b, l, s);
		else if (s->p[0] == '[') {
			*s = slice_drop(*s, 1);
			if (tell(b, l, s) == 0)
				b->n = before;
			*s = slice_drop(*s, 1);
		} else {
			buf_char(b, s->p[0]);
			*s = slice_drop(*s, 1);
		}
	}
	return found;
}

static void
tell_plainly(struct buf *b, const struct log_line *l)
{
	const char *doc = words_of(docs, sizeof docs / sizeof *docs, l->event);

	if (doc != NULL)
		buf_str(b, doc);
	else
		buf_slice(b, l->event);
	for (unsigned i = 0; i < l->n; i++) {
		buf_str(b, i == 0 ? ": " : ", ");
		buf_slice(b, l->fields[i].name);
		buf_char(b, ' ');
		buf_slice(b, l->fields[i].value);
	}
}

void
story_tell(struct buf *b, const struct log_line *l)
{
	const char *words = words_of(stories, n_stories, l->event);
	struct slice s = slice_str(words);

	if (words == NULL)
		tell_plainly(b, l);
	else
		tell(b, l, &s);
}
