/* What rot in the log took is not known: so the number of the newest user, and
   with it his mail, is never given to another. */
#include "world.h"

static char	 dir[] = "/tmp/postino-auth-XXXXXX";

static struct engine *
open_disk(void)
{
	struct engine_conf c = { .dir = dir, .cache = 1 << 20,
		.segment = 1 << 20, .readers = 1 };

	return engine_open_file(&c);
}

/* Closed; one wrong byte at the first place of this text in the log; and
   opened without the index. */
static void
again(const char *text)
{
	static char bytes[1 << 20];
	char path[64], command[64];
	char *at;
	size_t n;
	FILE *f;

	world_end();
	engine_close(engine);
	snprintf(path, sizeof path, "%s/log/s00000001", dir);
	ck_assert_ptr_nonnull(f = fopen(path, "r+"));
	n = fread(bytes, 1, sizeof bytes, f);
	ck_assert_ptr_nonnull(at = memmem(bytes, n, text, strlen(text)));
	ck_assert_int_eq(0, fseek(f, at - bytes, SEEK_SET));
	ck_assert_int_eq('?', fputc('?', f));
	ck_assert_int_eq(0, fclose(f));
	snprintf(command, sizeof command, "rm -rf %s/index", dir);
	ck_assert_int_eq(0, system(command));
	engine = open_disk();
	world_begin();
}

START_TEST(numbers)
{
	struct engine_figures f;
	uint64_t ann, bob;
	char command[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	world_end();
	engine_close(engine);
	engine = open_disk();
	world_begin();
	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bobby@b.c");
	/* A later group: so bob's was durable, and is not a torn tail. */
	add_alias("info@b.c", "ann@b.c");
	again("bobby");
	engine_figures(engine, &f);
	ck_assert_uint_eq(f.quarantined, 1);
	ck_assert_uint_eq(route("ann@b.c").user, ann);
	ck_assert_uint_eq(route("info@b.c").user, ann);
	ck_assert_int_eq(rcpt("bobby@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_gt(add_user("eve@b.c"), bob);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(0, system(command));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, numbers);
}

int
main(void)
{
	return world_suite("rot", add);
}
