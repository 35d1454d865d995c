/*
 * config.h - the configuration as ctl needs it.
 */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include "common/core/conf.h"

/* Reads the file; ends the command if it cannot be read.  The number of
   faults, described in *errors unless that is NULL; the conf lives as long as
   the program. */
const struct conf *config_read(const char *file, struct buf *errors,
		    unsigned *wrong);

#endif
