/* Rows of any bytes: refused, or the same when they are written again.  Return
   paths: of any sender one that leads back, of any bytes none that was not
   made. */
#include "auth/rows.h"

#include "auth/name.h"
#include "auth/srs.h"
#include "common/core/log.h"

static struct buf	 b;

static void
same(struct slice value)
{
	CHECK(slice_eq(buf_view(&b), value));
}

static void
names(struct slice s)
{
	struct arena arena = { 0 };
	struct name name, again;

	if (address_name(&arena, s, true, &name)) {
		struct slice text = name_text(&arena, name_view(&name));

		CHECK(address_name(&arena, text, true, &again));
		CHECK(slice_eq(name_view(&name), name_view(&again)));
	}
	arena_free(&arena);
}

static void
paths(struct slice s)
{
	static const struct srs_key key = { "the secret of the fuzz target..." };
	struct arena arena = { 0 };
	struct addr sender, again;
	struct slice path, back;

	CHECK(srs_read(&arena, &key, s, 7, &back) != SRS_GOOD);
	if (address_read(&arena, s, &sender) && sender.domain.n > 0) {
		path = srs_make(&arena, &key, &sender, SLICE("us.example"), 7);
		if (path.n > 0) {
			CHECK(address_read(&arena, path, &again));
			CHECK(srs_read(&arena, &key, again.local, 7, &back) ==
			    SRS_GOOD);
			CHECK(address_read(&arena, back, &again));
		}
	}
	arena_free(&arena);
}

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice value = slice_of(data, n), s;
	static struct slice targets[ROW_TARGETS_MAX];
	struct row_user u;
	struct srs_key key;
	uint64_t number;
	size_t count;

	if (row_user_get(value, &u)) {
		row_user_put(&b, &u);
		same(value);
	}
	if (row_password_get(value, &s)) {
		row_password_put(&b, s);
		same(value);
	}
	if (row_last_get(value, &number)) {
		row_last_put(&b, number);
		same(value);
	}
	if (row_secret_get(value, &key)) {
		row_secret_put(&b, &key);
		same(value);
	}
	if (row_alias_get(value, targets, &count)) {
		row_alias_put(&b, targets, count);
		same(value);
	}
	if (row_password_about(value, &number)) {
		row_password_key(&b, number);
		same(value);
	}
	if (row_about(value, ROW_USER, &s)) {
		row_key(&b, ROW_USER, s);
		same(value);
	}
	names(value);
	paths(value);
	return 0;
}
