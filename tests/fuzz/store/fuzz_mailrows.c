/*
 * The rows of store/rows.h from any bytes: the first one chooses the row, the
 * rest is its value.  What is accepted is put again and must be the same
 * bytes, so that a change of flags, say, loses nothing.  A user's row may lack
 * its last number, which is 0 then.
 */
#include <stdlib.h>

#include "store/rows.h"

int	LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
same(struct slice value, struct buf *again)
{
	if (!slice_eq(value, buf_view(again)))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice value = slice_of(p + 1, n > 0 ? n - 1 : 0);
	struct message_row message;
	struct token_row token;
	struct user_row user;
	struct buf again = { 0 };
	struct box_row box;
	struct op_row op;
	uint32_t name;

	if (n == 0)
		return 0;
	(void)key_owner(value);
	(void)key_uid(value);
	if (p[0] == TABLE_USER && user_row_get(value, &user)) {
		user_row_put(&again, &user);
		if (value.n > 1 && value.n < again.n && user.made == 0)
			again.n -= sizeof user.made;
		same(value, &again);
	} else if (p[0] == TABLE_NAMES && name_row_get(value, &name)) {
		name_row_put(&again, name);
		same(value, &again);
	} else if (p[0] == TABLE_BOXES && box_row_get(value, &box)) {
		box_row_put(&again, &box);
		same(value, &again);
	} else if (p[0] == TABLE_MESSAGES && message_row_get(value, &message)) {
		message_row_put(&again, &message);
		same(value, &again);
	} else if (p[0] == TABLE_KEYWORDS) {
		struct slice rest = value, keyword;

		while (keyword_next(&rest, &keyword))
			keyword_put(&again, keyword);
		if (rest.n == 0)
			same(value, &again);
	} else if (p[0] == TABLE_OPS && op_row_get(value, &op)) {
		op_row_put(&again, &op);
		same(value, &again);
	} else if (p[0] == TABLE_TOKENS && token_row_get(value, &token)) {
		token_row_put(&again, &token);
		same(value, &again);
	}
	buf_free(&again);
	return 0;
}
