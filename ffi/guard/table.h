/*
 * The process's table as C sees it: for the fault guard's handler (guard.c) and for the buffers that
 * tell when their last holder is gone (../store/store.c). layout.ts has the same in words.
 *
 * calls.h comes first: it has the types.
 */

/* The memory of one mapping. `start` is stored last when the range is guarded and cleared first
 * when the guard ends; a slot with a `start` of 0 guards nothing. */
struct slot {
  u64 start;       /* first guarded address; 0: none */
  u64 end;         /* behind the last address, page-aligned */
  u64 file_offset; /* where `start` lies in the file */
  u64 faults;      /* absorbed in this slot's present use */
  u64 first_fault; /* 1 + the first fault's distance from `start`; 0: none */
  u32 busy;        /* handlers at work in this slot; freeing it waits until this is 0 */
  int fd;          /* the object of a shared mapping; -1: private memory */
  u32 claimed;     /* 1: some isolate owns this slot */
  u32 absorber;    /* the thread that changes mappings of this range now; 0: none */
  u32 borrowed;    /* 1: the addresses are V8's, which may have reused them */
  u32 generation;  /* counts the uses of this slot */
  u64 map_start;   /* the whole mapping, for a finalizer to unmap */
  u64 map_end;     /* 0: none */
  int map_fd;      /* the descriptor that goes with the mapping; -1: none */
  u32 holders;     /* buffers over the mapping that somebody still uses, and OWNER_GONE */
  u64 page_size;   /* of the guarded range: the system's, or that of huge pages */
  u32 owner;       /* the isolate's number; 0: none */
  u32 losses;      /* pages lost since it was last healed, times LOSS; and bits */
};

/* The bit of `holders` that the owner sets when it is through with the mapping. The owner or the
 * finalizer of the last buffer, whichever is last, gives the memory back. */
#define OWNER_GONE (1u << 31)

/* One more loss. A page is lost when it is replaced because the object could not provide it, or
 * could not take what was written. A copy after a forbidden write is not a loss. */
#define LOSS 4u

/* The bit of `losses` that says that some replaced pages cannot be told from the object's. */
#define LOSS_ANYWHERE 1u

/* The bit of `losses` that says that lost pages became copies, as after a forbidden write. */
#define LOSS_COPIED 2u

struct action {
  u64 handler;
  u64 flags;
};

/* How many late pages there are at most. */
#define LATE_PAGES 1024

struct table {
  u64 page_size;
  u32 used;     /* slots below this index were taken at least once */
  u32 borrowed; /* slots in use whose addresses are V8's */
  struct action previous[2]; /* of SIGBUS, of SIGSEGV */
  u64 first_address; /* the lowest address that mappings are given; 0: the system chooses them */
  u64 next_address;  /* where the next part of them begins; see addresses.ts */
  u64 given_end;     /* behind the highest address that was given so far */
  u64 last_address;  /* behind the highest address that may be given */
  u64 late;          /* accesses to closed memory that met zeros */
  u32 late_next;     /* the late page that makes room for the next one */
  u32 late_lock;     /* the thread that changes late pages now; 0: none */
  u32 complete;      /* 1: both signals were given to the handler */
  int module_fd;     /* 1 + the descriptor of store.c's module; 0: none */
  u64 module_inode;  /* what that descriptor is of */
  u32 isolates;      /* how many isolates there were that had mappings */
  u32 losses_begun;  /* losses of all slots, counted before a page is replaced */
  u32 losses_done;   /* the same, counted after */
  u32 repeated;      /* the last access that was only repeated; on macOS alone */
  u64 late_pages[LATE_PAGES]; /* pages of zeros where native code came too late */
  u64 keepers[64];            /* pages that keep page tables alive; see addresses.ts */
  struct slot slots[];
};
