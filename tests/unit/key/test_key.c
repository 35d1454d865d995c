/*
 * The key process without its confinement: pairs read and refused, chains
 * that change under whoever waits for them, and what it signs.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "tests/unit/suite.h"

static char		 folder[] = "/tmp/postino-key-XXXXXX";
static char		 paths[4][64];		/* chain 0, key 0, 1, 1 */
static struct certificate certificates[2];
static struct conf	 conf = { .certificates = certificates,
	.n_certificates = 2 };
static EVP_PKEY		*keys[2];
static struct link	*asking, *master, *admin;
static struct buf	 log_text;

static void
keep_log(const char *line, size_t n)
{
	buf_add(&log_text, line, n);
}

static bool
was_logged(const char *what)
{
	return strstr(buf_cstr(&log_text), what) != NULL;
}

/* ---- certificates */

static X509 *
certificate(EVP_PKEY *key, long seconds)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -7200);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)"mail.example.org", -1, -1,
	    0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

/* The chain's file holds the key as well, as some programs write them. */
static void
files_write(int i, EVP_PKEY *key, EVP_PKEY *certified, long seconds)
{
	X509 *x = certificate(certified, seconds);
	FILE *f = fopen(paths[2 * i], "w");

	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(f, x);
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(paths[2 * i + 1], "w");
	fchmod(fileno(f), 0640);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
}

static X509 *
named(EVP_PKEY *key, const char *name, EVP_PKEY *ca, const char *issuer)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -7200);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0);
	X509_set_pubkey(x, key);
	ck_assert_int_gt(X509_sign(x, ca, EVP_sha256()), 0);
	return x;
}

static void
alternative(X509 *x, const char *names)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL,
	    NID_subject_alt_name, names);

	ck_assert_ptr_nonnull(e);
	X509_set_version(x, X509_VERSION_3);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static void
files_chain(int i, EVP_PKEY *key, X509 **chain)
{
	FILE *f = fopen(paths[2 * i], "w");

	for (; *chain != NULL; chain++)
		PEM_write_X509(f, *chain);
	fclose(f);
	f = fopen(paths[2 * i + 1], "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static void
hash_of(EVP_PKEY *key, unsigned char *to)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	EVP_Digest(der, (size_t)n, to, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

/* ---- asking */

static struct key_chains_out	chains;
static struct arena		chains_arena;
static bool			chains_came;
static enum wire_status		status;

static void
tick(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
run_ms(uint64_t ms)
{
	struct timer t = { .fire = tick };

	timer_set(&t, loop_clock() + ms);
	loop_run();
}

static void
take_chains(void *arg, enum wire_status s, const void *out)
{
	const struct key_chains_out *o = out;

	(void)arg;
	ck_assert_int_eq(s, WIRE_OK);
	chains = *o;
	chains.chains = arena_array(&chains_arena, o->n_chains + 1,
	    sizeof *o->chains);
	for (size_t i = 0; i < o->n_chains; i++) {
		chains.chains[i].spki = arena_slice(&chains_arena,
		    o->chains[i].spki);
		chains.chains[i].pem = arena_slice(&chains_arena,
		    o->chains[i].pem);
	}
	chains_came = true;
}

static bool
ask_chains(uint64_t version)
{
	struct key_chains_in in = { .version = version };

	chains_came = false;
	link_call(asking, WIRE_key_chains, &in, 0, take_chains, NULL);
	run_ms(20);
	return chains_came;
}

static unsigned char	signature[2048];
static size_t		signature_n;

static void
take_signature(void *arg, enum wire_status s, const void *out)
{
	const struct key_sign_out *o = out;

	(void)arg;
	status = s;
	signature_n = s == WIRE_OK ? o->signature.n : 0;
	if (signature_n > 0)
		memcpy(signature, o->signature.p, signature_n);
	loop_stop();
}

static struct slice
handshake(bool tls13)
{
	static char bytes[130];

	memset(bytes, ' ', sizeof bytes);
	memcpy(bytes + 64, "TLS 1.3, server CertificateVerify", 34);
	if (!tls13)
		memcpy(bytes + 64, "\3\0\x1d\x20", 4);
	return slice_of(bytes, tls13 ? sizeof bytes : 100);
}

static enum wire_status
ask_signature(EVP_PKEY *key, const char *digest, bool pss, struct slice tbs)
{
	unsigned char hash[32] = { 0 };
	struct key_sign_in in = { .spki = slice_of(hash, 32),
		.digest = slice_str(digest), .pss = pss, .tbs = tbs };

	hash_of(key, hash);
	link_call(asking, WIRE_key_sign, &in, 5000, take_signature, NULL);
	loop_run();
	return status;
}

static bool
is_good(EVP_PKEY *key, const EVP_MD *digest, bool pss, struct slice tbs)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	bool good;

	EVP_DigestVerifyInit(c, &how, digest, NULL, key);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	}
	good = EVP_DigestVerify(c, signature, signature_n,
	    (const unsigned char *)tbs.p, tbs.n) == 1;
	EVP_MD_CTX_free(c);
	return good;
}

/* As master does. */
static void
give(struct slice path)
{
	int fd = open(path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	daemon_role.file(path, fd, slice_str(fd < 0 ? strerror(errno) : ""));
}

static void
give_all(const struct conf *c)
{
	for (size_t i = 0; i < c->n_certificates; i++) {
		give(c->certificates[i].chain);
		give(c->certificates[i].key);
	}
}

/* ---- what the admin hears */

static struct key_reload_out	reloaded;
static bool			was_reloaded;
static struct key_show_out	shown;
static struct wire_served	served[2];
static char			alternatives[100];

static void
take_reload(void *arg, enum wire_status s, const void *out)
{
	(void)arg;
	ck_assert_int_eq(s, WIRE_OK);
	reloaded = *(const struct key_reload_out *)out;
	was_reloaded = true;
}

static void
take_shown(void *arg, enum wire_status s, const void *out)
{
	(void)arg;
	ck_assert_int_eq(s, WIRE_OK);
	shown = *(const struct key_show_out *)out;
	ck_assert_uint_eq(shown.n_pairs, 2);
	memcpy(served, shown.pairs, sizeof served);
	alternatives[0] = '\0';
	for (size_t i = 0; i < served[1].n_names; i++)
		strncat(strncat(alternatives, served[1].names[i].address.p,
		    served[1].names[i].address.n), " ", 2);
	loop_stop();
}

/* A link on which this role asks key. */
static struct link *
link_of(enum role asker)
{
	struct link *ours = link_new(ROLE_KEY, 0, LINK_LASTING);
	struct link *its = link_new(asker, 0, LINK_ONCE);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link_serve(its);
	link_attach(ours, pair[0]);
	link_attach(its, pair[1]);
	return ours;
}

/* As master does for `postino tls reload`. */
static void
ask_reload(void)
{
	struct key_reload_in in = { 0 };

	was_reloaded = false;
	give_all(&conf);
	link_call(master, WIRE_key_reload, &in, 0, take_reload, NULL);
	run_ms(20);
}

static void
ask_show(void)
{
	struct key_show_in in = { 0 };

	link_call(admin, WIRE_key_show, &in, 5000, take_shown, NULL);
	loop_run();
}

/* ---- tests */

static void
start(void)
{
	static const char *const names[] = { "0.pem", "0.key", "1.pem",
		"1.key" };
	log_divert(keep_log);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (int i = 0; i < 4; i++)
		snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
	keys[0] = EVP_RSA_gen(2048);
	keys[1] = EVP_EC_gen("P-256");
	for (int i = 0; i < 2; i++) {
		files_write(i, keys[i], keys[i], 3600);
		certificates[i].chain = slice_str(paths[2 * i]);
		certificates[i].key = slice_str(paths[2 * i + 1]);
	}
	loop_init();
	link_identity(ROLES);
	give_all(&conf);
	daemon_role.load(&conf);
	daemon_role.open(&conf);
	daemon_role.start(&conf);
	asking = link_of(ROLE_SMTPD);
	master = link_of(ROLE_MASTER);
	admin = link_of(ROLE_CTL);
}

static void
stop(void)
{
	link_close(asking);
	link_close(master);
	link_close(admin);
	run_ms(10);
	daemon_role.end();
	for (int i = 0; i < 4; i++)
		unlink(paths[i]);
	rmdir(folder);
}

/* The chains come with their names, and no byte of a private key. */
START_TEST(test_chains)
{
	unsigned char hash[32] = { 0 };

	ck_assert(ask_chains(0));
	ck_assert_uint_eq(chains.n_chains, 2);
	for (int i = 0; i < 2; i++) {
		struct slice pem = chains.chains[i].pem;

		hash_of(keys[i], hash);
		ck_assert_mem_eq(chains.chains[i].spki.p, hash, 32);
		ck_assert_ptr_nonnull(memmem(pem.p, pem.n, "CERTIFICATE", 11));
		ck_assert_ptr_null(memmem(pem.p, pem.n, "PRIVATE", 7));
	}
	ck_assert(!was_logged("key_unusable"));
}
END_TEST

/* All signatures of TLS 1.2 and 1.3 by these keys; RFC 8446 4.2.3. */
START_TEST(test_sign)
{
	static const struct {
		int key;
		const char *digest;
		bool pss, tls13;
		enum wire_status status;
	} rows[] = {
		{ 0, "SHA256", true, true, WIRE_OK },
		{ 0, "SHA2-512", true, false, WIRE_OK },
		{ 0, "SHA384", false, false, WIRE_OK },
		{ 1, "SHA256", false, true, WIRE_OK },
		{ 1, "SHA256", false, false, WIRE_OK },
		{ 0, "SHA256", false, true, WIRE_DENIED },
		{ 1, "SHA256", true, true, WIRE_DENIED },
		{ 0, "SHA1", false, false, WIRE_DENIED },
		{ 0, "", true, true, WIRE_DENIED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice tbs = handshake(rows[i].tls13);
		EVP_PKEY *key = keys[rows[i].key];
		const EVP_MD *digest = strstr(rows[i].digest, "512") ?
		    EVP_sha512() : strstr(rows[i].digest, "384") ?
		    EVP_sha384() : EVP_sha256();

		ck_assert_int_eq(ask_signature(key, rows[i].digest,
		    rows[i].pss, tbs), rows[i].status);
		ck_assert(rows[i].status != WIRE_OK ||
		    is_good(key, digest, rows[i].pss, tbs));
	}
	ck_assert_int_eq(ask_signature(keys[0], "SHA256", true,
	    SLICE("please sign this token")), WIRE_DENIED);
	ck_assert(was_logged("sign_denied"));
}
END_TEST

static void
reload(void)
{
	struct buf restart = { 0 };

	buf_clear(&log_text);
	give_all(&conf);
	daemon_role.reload(&conf, &restart);
	ck_assert_uint_eq(restart.n, 0);
}

/* Whoever waits hears of new chains; the key before signs until the next
   reload; the same files are no news. */
START_TEST(test_reload)
{
	EVP_PKEY *old = keys[1], *new = EVP_EC_gen("P-384");
	unsigned char hash[32] = { 0 };
	uint64_t version;

	ck_assert(ask_chains(0));
	version = chains.version;
	ck_assert(!ask_chains(version));
	reload();
	run_ms(20);
	ck_assert(!chains_came);
	files_write(1, new, new, 3600);
	reload();
	run_ms(20);
	ck_assert(chains_came);
	ck_assert_uint_ne(chains.version, version);
	hash_of(new, hash);
	ck_assert_mem_eq(chains.chains[1].spki.p, hash, 32);
	ck_assert_int_eq(ask_signature(old, "SHA256", false, handshake(true)),
	    WIRE_OK);
	ck_assert_int_eq(ask_signature(new, "SHA384", false, handshake(true)),
	    WIRE_OK);
	reload();
	ck_assert_int_eq(ask_signature(old, "SHA256", false, handshake(true)),
	    WIRE_NONE);
	keys[1] = new;
	EVP_PKEY_free(old);
}
END_TEST

/* TLS-C: what cannot be used does not replace what can, and is told. */
START_TEST(test_bad_pairs)
{
	EVP_PKEY *other = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024);

	ck_assert(ask_chains(0));
	files_write(1, other, keys[1], 3600);
	reload();
	ck_assert(was_logged("not that of the first certificate"));
	files_write(1, other, other, -60);
	reload();
	ck_assert(was_logged("expired; the one before stays"));
	files_write(1, weak, weak, 3600);
	reload();
	ck_assert(was_logged("neither RSA of 2048 bits"));
	files_write(1, other, other, 3600);
	chmod(paths[3], 0644);
	reload();
	ck_assert(was_logged("everybody may read the private key"));
	chmod(paths[3], 0600);
	ck_assert_int_eq(truncate(paths[3], 60), 0);
	reload();
	ck_assert(was_logged("no private key in it"));
	unlink(paths[2]);
	reload();
	ck_assert(was_logged("No such file"));
	ck_assert_int_eq(mkfifo(paths[2], 0600), 0);
	reload();
	ck_assert(was_logged("it is not a file"));
	unlink(paths[2]);
	ck_assert_int_eq(symlink("/dev/zero", paths[2]), 0);
	reload();
	ck_assert(was_logged("it is not a file"));
	unlink(paths[2]);
	files_write(1, other, other, 3600);
	ck_assert_int_eq(truncate(paths[2], 300 * 1024), 0);
	reload();
	ck_assert(was_logged("it is too long"));
	unlink(paths[2]);
	ck_assert(!ask_chains(chains.version));
	ck_assert_int_eq(ask_signature(keys[1], "SHA256", false,
	    handshake(true)), WIRE_OK);
	ck_assert_int_eq(ask_signature(other, "SHA256", false,
	    handshake(true)), WIRE_NONE);
	files_write(1, keys[1], keys[1], 3600);
	EVP_PKEY_free(other);
	EVP_PKEY_free(weak);
}
END_TEST

/* A reload may bring new names; both halves may lie in one file; what master
   did not open is not looked for, and the next time all is asked for anew. */
START_TEST(test_more)
{
	struct certificate more[4] = { certificates[0], certificates[1],
		{ .chain = SLICE("/nowhere/x.pem"),
		.key = SLICE("/nowhere/x.key") } };
	struct conf bigger = { .certificates = more, .n_certificates = 4 };
	struct buf restart = { 0 };
	char both[64];

	snprintf(both, sizeof both, "%s/both.pem", folder);
	ck_assert_int_eq(link(paths[0], both), 0);
	ck_assert_int_eq(chmod(both, 0600), 0);
	more[3].chain = more[3].key = slice_str(both);
	buf_clear(&log_text);
	give_all(&bigger);
	daemon_role.reload(&bigger, &restart);
	ck_assert_uint_eq(restart.n, 0);
	ck_assert(was_logged("key_unusable chain=/nowhere/x.pem"));
	ck_assert(ask_chains(0));
	ck_assert_uint_eq(chains.n_chains, 3);
	buf_clear(&log_text);
	daemon_role.reload(&bigger, &restart);
	ck_assert(was_logged("master did not open it"));
	ck_assert(ask_chains(0));
	ck_assert_uint_eq(chains.n_chains, 3);
	reload();
	unlink(both);
}
END_TEST

/* RFC 5246 7.4.2: who is served must come first, his issuer next. */
START_TEST(test_order)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *ca = EVP_EC_gen("P-256");
	X509 *root = named(ca, "an authority", ca, "an authority");
	X509 *leaf = named(key, "mail", ca, "an authority");
	X509 *other = named(ca, "another", ca, "another");

	ck_assert(ask_chains(0));
	files_chain(1, key, (X509 *[]){ leaf, root, NULL });
	reload();
	ck_assert(!was_logged("key_unusable"));
	files_chain(1, key, (X509 *[]){ root, leaf, NULL });
	reload();
	ck_assert(was_logged("the key is that of a later certificate"));
	files_chain(1, key, (X509 *[]){ leaf, other, root, NULL });
	reload();
	ck_assert(was_logged("its certificate 2 is not the issuer of "
	    "certificate 1"));
	files_chain(1, key, (X509 *[]){ leaf, root, other, NULL });
	reload();
	ck_assert(was_logged("its certificate 3 is not the issuer of "
	    "certificate 2"));
	X509_sign(leaf, ca, EVP_sha1());
	files_chain(1, key, (X509 *[]){ leaf, root, NULL });
	reload();
	ck_assert(was_logged("a signature made with a weak hash"));
	X509_sign(leaf, key, EVP_sha256());
	files_chain(1, key, (X509 *[]){ leaf, root, NULL });
	reload();
	ck_assert(was_logged("is not the issuer of certificate 1"));
	X509_sign(leaf, ca, EVP_sha256());
	X509_gmtime_adj(X509_getm_notBefore(leaf), 3600);
	X509_sign(leaf, ca, EVP_sha256());
	files_chain(1, key, (X509 *[]){ leaf, root, NULL });
	reload();
	ck_assert(was_logged("not valid yet; the one before stays"));
	ck_assert_int_eq(ask_signature(key, "SHA256", false, handshake(true)),
	    WIRE_OK);
	files_write(1, keys[1], keys[1], 3600);
	X509_free(root);
	X509_free(leaf);
	X509_free(other);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca);
}
END_TEST

/* A reload is answered when all who asked for chains ask for what follows
   these, or are gone; refused pairs are counted and change nothing. */
START_TEST(test_in_force)
{
	EVP_PKEY *new = EVP_EC_gen("P-256");

	reload();
	ck_assert(ask_chains(0));
	ck_assert(!ask_chains(chains.version));
	ask_reload();
	ck_assert(was_reloaded);	/* the same files */
	ck_assert_uint_eq(reloaded.refused + reloaded.late, 0);
	files_write(1, new, new, 3600);
	ask_reload();
	ck_assert(chains_came && !was_reloaded);
	ask_show();
	ck_assert_uint_eq(shown.late, 1);
	ck_assert(!ask_chains(chains.version));
	ck_assert(was_reloaded);
	ck_assert_uint_eq(reloaded.refused + reloaded.late, 0);
	files_write(1, new, keys[1], 3600);
	ask_reload();
	ck_assert(was_reloaded && !chains_came);
	ck_assert_uint_eq(reloaded.refused, 1);
	ask_show();
	ck_assert_uint_eq(shown.late, 0);
	EVP_PKEY_free(keys[1]);
	keys[1] = new;
	files_write(1, new, new, 3600);
	ask_reload();
	ck_assert(!ask_chains(chains.version));
	ck_assert(was_reloaded);
	ck_assert_uint_eq(reloaded.refused, 0);
}
END_TEST

/* Of what is served, not of what lies in the file. */
START_TEST(test_show)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");
	X509 *leaf = named(key, "mail", key, "mail");
	unsigned char hash[32] = { 0 };
	uint64_t time;

	alternative(leaf, "DNS:mail.example.org,DNS:*.example.net,"
	    "IP:192.0.2.1,email:x@example.org,DNS:b\nd");
	X509_sign(leaf, key, EVP_sha256());
	files_chain(1, key, (X509 *[]){ leaf, NULL });
	conf.server_name = SLICE("mail.example.org");
	reload();
	ask_show();
	hash_of(key, hash);
	ck_assert_mem_eq(served[1].spki.p, hash, 32);
	ck_assert_str_eq(alternatives, "mail.example.org *.example.net 192.0.2.1 ");
	ck_assert_uint_eq(served[1].matches, 1);
	ck_assert_uint_eq(served[1].length, 1);
	ck_assert_uint_eq(served[1].fault.n, 0);
	ck_assert(served[1].until - served[1].since == (7200 + 3600) * 1000);
	time = served[1].chain_time;
	ck_assert_uint_ne(time, 0);
	/* No alternative name: a common name is none (RFC 9525 2). */
	ck_assert_uint_eq(served[0].matches, 0);
	ck_assert_uint_eq(served[0].n_names, 0);
	files_chain(1, keys[1], (X509 *[]){ leaf, NULL });
	reload();
	ask_show();
	ck_assert_mem_eq(served[1].spki.p, hash, 32);
	ck_assert_uint_ne(served[1].fault.n, 0);
	ck_assert_uint_ne(served[1].chain_time, time);
	files_write(1, keys[1], keys[1], 3600);
	conf.server_name = SLICE("");
	reload();
	X509_free(leaf);
	EVP_PKEY_free(key);
}
END_TEST

/* The asker dies while it waits: nothing is left of it. */
START_TEST(test_asker_gone)
{
	struct key_chains_in in = { .version = chains.version };
	struct link *l = link_new(ROLE_KEY, 0, LINK_ONCE);
	struct link *answering = link_new(ROLE_POP3D, 0, LINK_ONCE);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link_serve(answering);
	link_attach(l, pair[0]);
	link_attach(answering, pair[1]);
	link_call(l, WIRE_key_chains, &in, 0, NULL, NULL);
	run_ms(10);
	link_close(l);
	run_ms(10);
	reload();
	ck_assert(ask_chains(0));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("key");
	TCase *c = tcase_create("key");

	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start, stop);
	tcase_add_test(c, test_chains);
	tcase_add_test(c, test_sign);
	tcase_add_test(c, test_reload);
	tcase_add_test(c, test_bad_pairs);
	tcase_add_test(c, test_more);
	tcase_add_test(c, test_order);
	tcase_add_test(c, test_in_force);
	tcase_add_test(c, test_show);
	tcase_add_test(c, test_asker_gone);
	suite_add_tcase(s, c);
	return suite_end(s);
}
