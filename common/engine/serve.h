/*
 * serve.h - what the admin may ask of every keeper: keeper_check,
 * keeper_compact, keeper_rebuild.
 *
 * Each call does a part of the work and says how far it got, so nothing is
 * remembered here between two of them: who stops asking has stopped the work.
 */
#ifndef ENGINE_SERVE_H
#define ENGINE_SERVE_H

#include "common/engine/engine.h"

/* Serves the calls from this engine.  again: ends the process so that master
   starts it anew. */
void		 engine_serve(struct engine *, void (*again)(void));

#endif
