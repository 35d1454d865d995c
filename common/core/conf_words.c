/* A line as words; what was expected; the nearest word. */
#include "common/core/conf_parts.h"

enum { NEAR_MAX = 24 };		/* longer words are near to nothing */

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* The end of the word that begins at i; a quoted one begins behind its
   quote.  On false *why says what is wrong with it. */
static bool
word_end(struct slice line, size_t i, bool quoted, size_t *end,
    const char **why)
{
	for (; i < line.n; i++) {
		if (line.p[i] == '"') {
			*end = i;
			*why = "a quote inside a word";
			return quoted && (i + 1 == line.n ||
			    blank(line.p[i + 1]));
		}
		if (!quoted && blank(line.p[i]))
			break;
	}
	*end = i;
	*why = "a quote that is not closed in this line";
	return !quoted;
}

bool
words_split(struct words *w, struct slice line, size_t *at, const char **why)
{
	w->n = 0;
	for (*at = 0; *at < line.n; ++*at)
		if (control(line.p[*at]) && line.p[*at] != '\t') {
			*why = "a control character";
			return false;
		}
	for (size_t i = 0, end;; i = end) {
		bool quoted;

		while (i < line.n && blank(line.p[i]))
			i++;
		*at = w->at[w->n] = i;
		if (i == line.n || line.p[i] == '#')
			break;
		*why = "more words than any sentence has";
		if (w->n == LINE_WORDS)
			return false;
		quoted = line.p[i] == '"';
		if (!word_end(line, i + quoted, quoted, &end, why))
			return false;
		w->v[w->n++] = slice_of(line.p + i + quoted,
		    end - i - quoted);
		end += quoted;
	}
	/* the end of the sentence is right behind its last word */
	while (w->n > 0 && w->at[w->n] > 0 && blank(line.p[w->at[w->n] - 1]))
		w->at[w->n]--;
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein's distance with neighbours swapped
   counted as one step. */
unsigned
word_distance(struct slice a, struct slice b)
{
	unsigned d[NEAR_MAX + 1][NEAR_MAX + 1];

	if (a.n > NEAR_MAX || b.n > NEAR_MAX)
		return slice_ieq(a, b) ? 0 : NEAR_MAX;
	for (unsigned i = 0; i <= a.n; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= b.n; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++)
		for (unsigned j = 1; j <= b.n; j++) {
			char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);

			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
			    d[i - 1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) &&
			    y == lower(a.p[i - 2]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[a.n][b.n];
}

void
miss_init(struct miss *m, const struct words *w, struct arena *arena)
{
	*m = (struct miss){ .words = w, .arena = arena };
}

/* Does a miss at this word still count?  One further on wipes out those
   before it. */
static bool
reaches(struct miss *m, unsigned at)
{
	if (at < m->at)
		return false;
	if (at > m->at || m->n == 0) {
		m->at = at;
		m->n = 0;
		m->more = false;
		m->near.n = 0;
		m->far = NEAR_MAX;
		m->sentence = m->trying;
	} else if (m->sentence != m->trying)
		m->sentence = NULL;
	return true;
}

static void
want(struct miss *m, struct slice text)
{
	for (unsigned i = 0; i < m->n; i++)
		if (slice_eq(m->want[i], text))
			return;
	if (m->n < MISS_WANTS)
		m->want[m->n++] = text;
	else
		m->more = true;
}

void
miss_want(struct miss *m, unsigned at, struct slice text)
{
	if (reaches(m, at))
		want(m, text);
}

static void
consider(struct miss *m, struct slice word)
{
	struct slice found;
	unsigned far;

	if (m->at == m->words->n)
		return;
	found = m->words->v[m->at];
	far = word_distance(found, word);
	if (found.n > 1 && slice_istarts(word, found))
		far = 1;
	if (far <= 1 + found.n / 4 && far < word.n && far < found.n &&
	    far < m->far) {
		m->far = far;
		m->near = word;
	}
}

void
miss_word(struct miss *m, unsigned at, struct slice alternatives)
{
	struct slice first = word_choose(alternatives, false);

	if (!reaches(m, at))
		return;
	while (alternatives.n > 0)
		consider(m, slice_cut(&alternatives, '|'));
	want(m, slice_str(arena_printf(m->arena, "\"%.*s\"", (int)first.n,
	    first.p)));
}

void
word_show(struct buf *b, struct slice word)
{
	struct slice s = slice_take(word, 60);

	/* not in the middle of a UTF-8 character */
	while (s.n < word.n && s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) ==
	    0x80)
		s.n--;
	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++)
		if (control(s.p[i]))
			buf_printf(b, "\\x%02X", (unsigned char)s.p[i]);
		else
			buf_char(b, s.p[i]);
	buf_str(b, s.n < word.n ? "...\"" : "\"");
}

static void
wants_show(const struct miss *m, struct buf *b)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (i > 0)
			buf_str(b, i + 1 < m->n || m->more ? ", " : " or ");
		buf_slice(b, m->want[i]);
	}
	if (m->more)
		buf_str(b, " ...");
}

void
miss_show(const struct miss *m, struct buf *b)
{
	if (m->at == 0) {
		buf_str(b, "no sentence begins with ");
		word_show(b, m->words->v[0]);
	} else {
		buf_str(b, "expected ");
		wants_show(m, b);
		buf_str(b, ", found ");
		if (m->at < m->words->n)
			word_show(b, m->words->v[m->at]);
		else
			buf_str(b, "the end of the line");
	}
	if (m->near.n > 0 && (m->at == 0 || m->n > 1)) {
		buf_str(b, "; did you mean ");
		word_show(b, m->near);
		buf_char(b, '?');
	} else if (m->sentence != NULL)
		buf_printf(b, "; for example: %s", m->sentence->example);
}
