/*
 * serve.h - what the admin may ask of every keeper: keeper_check,
 * keeper_compact, keeper_rebuild, keeper_cut, keeper_read.
 *
 * Each call does a part of the work and says how far it got, so nothing is
 * remembered here between two of them: who stops asking has stopped the work.
 * But for the cut of a backup, which belongs to a connection.
 */
#ifndef ENGINE_SERVE_H
#define ENGINE_SERVE_H

#include "common/engine/engine.h"

/* Serves the calls from this engine.  again: ends the process so that master
   starts it anew. */
void		 engine_serve(struct engine *, void (*again)(void));

#endif
