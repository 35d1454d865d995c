#include "common/mail/rdata.h"

#include <arpa/inet.h>
#include <string.h>

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- text */

/* Cuts the next octet of a label off its text: itself, \X or \DDD. */
static bool
cut_octet(struct slice *text, char *octet)
{
	unsigned value;

	if (text->p[0] != '\\') {
		*octet = text->p[0];
		*text = slice_drop(*text, 1);
		return true;
	}
	if (text->n < 2)
		return false;
	if (!digit(text->p[1])) {
		*octet = text->p[1];
		*text = slice_drop(*text, 2);
		return true;
	}
	if (text->n < 4 || !digit(text->p[2]) || !digit(text->p[3]))
		return false;
	value = (unsigned)(text->p[1] - '0') * 100 +
	    (unsigned)(text->p[2] - '0') * 10 + (unsigned)(text->p[3] - '0');
	*octet = (char)value;
	*text = slice_drop(*text, 4);
	return value <= 255;
}

/* Cuts a label and the dot behind it off the text. */
static bool
parse_label(struct slice *text, struct dname *d)
{
	size_t at = d->n, n = 0;
	char octet;

	while (text->n > 0 && text->p[0] != '.') {
		if (!cut_octet(text, &octet) || n == DNAME_LABEL_MAX ||
		    at + n + 2 >= DNAME_MAX)
			return false;
		d->wire[at + ++n] = lower(octet);
	}
	*text = slice_drop(*text, 1);
	d->wire[at] = (char)n;
	d->n = (uint8_t)(at + n + 1);
	return n > 0;
}

bool
dname_parse(struct slice text, struct dname *d)
{
	d->n = 0;
	if (slice_eq(text, SLICE(".")))
		text.n = 0;
	else if (text.n == 0)
		return false;
	while (text.n > 0)
		if (!parse_label(&text, d)) {
			d->n = 0;
			return false;
		}
	d->wire[d->n++] = 0;
	return true;
}

static void
show_octet(char c, struct buf *b)
{
	if (c <= ' ' || c >= 0x7f || c == '.' || c == '\\' || c == '"')
		buf_printf(b, "\\%03u", (unsigned)(unsigned char)c);
	else
		buf_char(b, c);
}

void
dname_show(const struct dname *d, struct buf *b)
{
	size_t at = 0, n;

	if (dname_is_root(d)) {
		buf_char(b, '.');
		return;
	}
	while ((n = (unsigned char)d->wire[at++]) != 0) {
		if (at > 1)
			buf_char(b, '.');
		while (n-- > 0)
			show_octet(d->wire[at++], b);
	}
}

/* ---- wire */

bool
dname_eq(const struct dname *a, const struct dname *b)
{
	return a->n == b->n && memcmp(a->wire, b->wire, a->n) == 0;
}

bool
dname_is_root(const struct dname *d)
{
	return d->n == 1;
}

bool
dname_is_host(const struct dname *d)
{
	size_t at = 0, n;

	while ((n = (unsigned char)d->wire[at++]) != 0)
		for (; n > 0; n--, at++) {
			char c = d->wire[at];

			if (!digit(c) && !(c >= 'a' && c <= 'z') &&
			    c != '-' && c != '_')
				return false;
		}
	return !dname_is_root(d);
}

bool
dname_cut(struct slice *data, struct dname *d)
{
	size_t at = 0, n;

	d->n = 0;
	do {
		if (at >= data->n || at >= DNAME_MAX)
			return false;
		n = (unsigned char)data->p[at];
		if (n > DNAME_LABEL_MAX || at + 1 + n > data->n ||
		    at + 1 + n > DNAME_MAX)
			return false;
		d->wire[at++] = (char)n;
		for (size_t end = at + n; at < end; at++)
			d->wire[at] = lower(data->p[at]);
	} while (n > 0);
	d->n = (uint8_t)at;
	*data = slice_drop(*data, at);
	return true;
}

/* ---- data */

bool
rdata_mx(struct slice data, struct mx *mx)
{
	if (data.n < 3)
		return false;
	mx->preference = (unsigned)(unsigned char)data.p[0] << 8 |
	    (unsigned char)data.p[1];
	data = slice_drop(data, 2);
	return dname_cut(&data, &mx->host) && data.n == 0;
}

bool
rdata_name(struct slice data, struct dname *d)
{
	return dname_cut(&data, d) && data.n == 0;
}

bool
rdata_address(enum rr type, struct slice data, char text[RDATA_ADDRESS_TEXT])
{
	if (data.n != (type == RR_A ? 4u : 16u) ||
	    (type != RR_A && type != RR_AAAA))
		return false;
	return inet_ntop(type == RR_A ? AF_INET : AF_INET6, data.p, text,
	    RDATA_ADDRESS_TEXT) != NULL;
}
