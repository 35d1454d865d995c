/* What is served for each pair of the configuration, as a client sees it. */
#include "key/key.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { PAGE_MAX = WIRE_FRAME_MAX / 4 };	/* bytes of texts in one answer */

/* Text of a certificate that can travel, and be shown: not what breaks lines
   or only looks like a name. */
static bool
is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* RFC 5280 4.2.1.6: names of the DNS and addresses. */
static struct slice
name_text(struct arena *arena, const GENERAL_NAME *name)
{
	const ASN1_STRING *data;
	char address[INET6_ADDRSTRLEN];
	struct slice s = { 0 };
	int type;

	data = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_DNS && type != GEN_IPADD)
		return s;
	s = slice_of((const char *)ASN1_STRING_get0_data(data),
	    (size_t)ASN1_STRING_length(data));
	if (type == GEN_IPADD && (s.n == 4 || s.n == 16))
		s = slice_str(inet_ntop(s.n == 4 ? AF_INET : AF_INET6, s.p,
		    address, sizeof address));
	return is_text(s) ? arena_slice(arena, s) : (struct slice){ 0 };
}

static void
names_show(struct arena *arena, X509 *leaf, struct wire_served *to)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	int n = all == NULL ? 0 : sk_GENERAL_NAME_num(all);

	to->names = arena_array(arena, (size_t)n + 1, sizeof *to->names);
	for (int i = 0; i < n && to->n_names < WIRE_LIST_MAX; i++) {
		struct slice name = name_text(arena,
		    sk_GENERAL_NAME_value(all, i));

		if (name.n > 0)
			to->names[to->n_names++].address = name;
	}
	GENERAL_NAMES_free(all);
}

static struct slice
issuer_show(struct arena *arena, X509 *leaf)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct slice s;
	char *p;
	long n;

	/* RFC 4514, with control characters escaped. */
	X509_NAME_print_ex(out, X509_get_issuer_name(leaf), 0,
	    XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(out, &p);
	s = arena_slice(arena, slice_of(p, (size_t)n));
	BIO_free(out);
	return s;
}

/* Those that is_kind_known lets through. */
static struct slice
kind_show(struct arena *arena, EVP_PKEY *key)
{
	struct buf b = { 0 };
	struct slice s;

	buf_printf(&b, EVP_PKEY_is_a(key, "RSA") ? "RSA %d" : "ECDSA P-%d",
	    EVP_PKEY_get_bits(key));
	s = arena_slice(arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* RFC 9525 2: the name of a server is in the alternative names, or it has
   none. */
static void
pair_show(struct arena *arena, const struct pair *p, struct wire_served *to)
{
	STACK_OF(X509) *chain = chain_parse(buf_view(&p->pem));
	X509 *leaf = sk_X509_value(chain, 0);
	struct slice server = key_conf()->server_name;

	to->spki = slice_of(p->spki, SPKI_HASH);
	to->kind = kind_show(arena, p->key);
	to->since = p->since;
	to->until = p->until;
	to->length = (uint32_t)sk_X509_num(chain);
	to->issuer = issuer_show(arena, leaf);
	to->matches = server.n > 0 && X509_check_host(leaf, server.p, server.n,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
	names_show(arena, leaf, to);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
}

static void
reading_show(struct arena *arena, const struct reading *r,
    struct wire_served *to)
{
	const struct pair *p = pair_of(&generation, slice_str(r->chain));

	*to = (struct wire_served){ .chain = slice_str(r->chain),
		.key = slice_str(r->key), .chain_time = r->chain_time,
		.key_time = r->key_time, .fault = slice_str(r->fault) };
	if (p != NULL)
		pair_show(arena, p, to);
}

static size_t
weight(const struct wire_served *s)
{
	size_t n = s->chain.n + s->key.n + s->fault.n + s->issuer.n + 128;

	for (size_t i = 0; i < s->n_names; i++)
		n += s->names[i].address.n + 4;
	return n;
}

/* A file is FILE_MAX long at most, so one more fits where a page is full. */
void
serve_show(struct request *r)
{
	size_t i = REQUEST(key_show, r)->from, bytes = 0;
	struct key_show_out out = { .late = talkers_late(),
		.server = key_conf()->server_name,
		.pairs = arena_array(&r->arena, n_readings + 1,
		    sizeof *out.pairs) };

	for (; i < n_readings && bytes < PAGE_MAX; i++) {
		reading_show(&r->arena, &readings[i],
		    &out.pairs[out.n_pairs]);
		bytes += weight(&out.pairs[out.n_pairs++]);
	}
	out.next = i < n_readings ? (uint32_t)i : 0;
	answer(r, WIRE_OK, &out);
}
