/*
 * scenario.h - the queue: accepted mail is in the spool or settled once.
 *
 * Peers send messages with two recipients each, here and far away, and two
 * mdas, a relay and an admin work on them (ledger.h, post.h).  After a crash
 * the peers of those that were not answered send them again, all is brought to
 * its end, and then each recipient must be settled exactly once: stored, sent,
 * returned to its sender, or kept for the admin.
 */
#ifndef CRASH_QUEUE_SCENARIO_H
#define CRASH_QUEUE_SCENARIO_H

#include "tests/crash/engine/check.h"

check_fn	 check_queue;

#endif
