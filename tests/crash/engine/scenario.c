#include "tests/crash/engine/scenario.h"

#include "tests/crash/engine/drive.h"

static void
engine_drive(const char *root, unsigned steps)
{
	engine_close(drive_plan(root, 1, steps + 1));
}

const struct scenario scenario = {
	.name = "engine", .drive = engine_drive, .check = check_engine,
	.steps = { 460, 1150 }, .cuts = { 40, 1200 }, .deep = { 14, 12 },
	.wrong_cuts = { 30, 60 }, .fault_steps = { 230, 460 },
	.stride = { 29, 1 }, .memory_stride = { 250, 1 },
	.rounds = { 6, 60 },
};
