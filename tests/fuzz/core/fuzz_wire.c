/*
 * Every message of wire.def: the first two octets choose the call and the
 * direction, the rest is the frame's fields.  What decodes must encode to the
 * same octets; what does not must be refused without harm (IPC-1).
 */
#include <stdlib.h>
#include <string.h>

#include "common/core/wire.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	uint64_t room[64];
	struct arena arena = { 0 };
	struct buf again = { 0 }, shown = { 0 };
	struct wire_out w = { .to = &again };
	struct slice fields;
	enum wire_call call;
	bool out, good;

	if (n < 2)
		return 0;
	call = (enum wire_call)(p[0] % WIRE_CALLS);
	out = p[1] & 1;
	fields = slice_of(p + 2, n - 2);
	good = out ? wire_decode_out(call, fields, 0, &arena, room) :
	    wire_decode_in(call, fields, 0, &arena, room);
	if (good) {
		(out ? wire_rows[call].out_put : wire_rows[call].in_put)(&w,
		    room);
		if (!slice_eq(fields, buf_view(&again)))
			abort();
		(out ? wire_rows[call].out_show : wire_rows[call].in_show)(
		    &shown, room);
	}
	buf_free(&again);
	buf_free(&shown);
	arena_free(&arena);
	return 0;
}
