/*
 * ops.h - between engine.h and the implementations; nobody else includes it.
 *
 * An engine starts with struct engine, a blob being written with struct blob.
 * A txn is the same in all: the body of a ROWS record in the making.
 */
#ifndef ENGINE_OPS_H
#define ENGINE_OPS_H

#include "common/core/buf.h"
#include "common/core/list.h"
#include "common/engine/engine.h"

struct engine_ops {
	void		(*close)(struct engine *);
	void		(*commit)(struct engine *, struct txn *, engine_done *,
			    void *);
	uint64_t	(*blob_add)(struct engine *, const struct slice *,
			    size_t);
	struct blob	*(*blob_begin)(struct engine *);
	enum engine_status (*blob_write)(struct blob *, struct slice);
	void		(*blob_end)(struct blob *, void (*)(void *,
			    enum engine_status, uint64_t), void *);
	void		(*blob_drop)(struct blob *);
	void		(*blob_release)(struct engine *, uint64_t);
	enum engine_status (*get)(struct engine *, enum engine_space,
			    struct slice, struct buf *, uint64_t *);
	enum engine_status (*scan)(struct engine *, enum engine_space,
			    struct slice, struct slice, bool back,
			    engine_row *, void *);
	enum engine_status (*blob_size)(struct engine *, uint64_t, uint64_t *);
	void		(*blob_read)(struct engine *, uint64_t, uint64_t,
			    size_t, engine_bytes *, void *);
	void		(*settle)(struct engine *, uint64_t, engine_done *,
			    void *);
	bool		(*room)(struct engine *, uint64_t);
	void		(*floor)(struct engine *, uint64_t);
	void		(*figures)(struct engine *, struct engine_figures *);
	void		(*checkpoint)(struct engine *, engine_done *, void *);
	void		(*compact)(struct engine *, uint64_t, engine_done *,
			    void *);
	void		(*check)(struct engine *, struct engine_check *);
	void		(*distrust)(struct engine *);
	void		(*mended)(struct engine *);
	void		(*cut)(struct engine *, void (*)(void *,
			    struct engine_cut *), void *);
	void		(*cut_read)(struct engine_cut *, size_t, uint64_t,
			    size_t, engine_bytes *, void *);
	void		(*cut_end)(struct engine_cut *);
	enum engine_status (*export)(struct engine *, uint64_t,
			    engine_record *, void *);
	enum engine_status (*import)(struct engine *, struct slice);
	void		(*turn)(struct engine *);	/* at LOOP_COMMIT */
};

struct engine {
	const struct engine_ops *ops;
	struct node	 all;
};

struct blob {
	struct engine	*engine;
};

struct txn {
	struct engine	*engine;
	uint64_t	 unit;
	struct buf	 body;		/* of a ROWS record */
	struct buf	 blobs;		/* numbers it names, uint64_t each */
	bool		 grows;		/* holds a put */
	bool		 frees;		/* holds a del or delrange, or is small */
};

/* Enters it into the list whose `turn` is called; close takes it out. */
void		 engine_enter(struct engine *, const struct engine_ops *);
void		 engine_leave(struct engine *);
void		 txn_free(struct txn *);
size_t		 txn_named(const struct txn *);
uint64_t	 txn_blob(const struct txn *, size_t i);

#endif
