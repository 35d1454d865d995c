#include "tests/crash/engine/scenario.h"

#include "tests/crash/store/mail.h"

const struct scenario scenario = {
	.name = "store", .drive = mail_drive, .check = check_store,
	.steps = { 300, 900 }, .cuts = { 25, 700 }, .deep = { 14, 12 },
	.wrong_cuts = { 30, 60 }, .fault_steps = { 120, 300 },
	.stride = { 29, 2 }, .memory_stride = { 300, 1 },
	.rounds = { 2, 20 },
};
