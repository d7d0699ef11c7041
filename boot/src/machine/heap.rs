//! The heap: one bounded piece of the stage's own image.
//!
//! Most pieces are small and short-lived. Freed ones are kept by size for the next request of that size,
//! which costs a fifth of searching and merging holes; they never go back to the holes.

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use linked_list_allocator::Heap;
use spin::Mutex;

/// Sizes and alignments of kept pieces are multiples of this many bytes.
const GRAIN: usize = 16;
/// How many sizes are kept: up to 256 bytes.
const SIZES: usize = 16;

/// A kept piece; its first bytes lead to the next one of its size.
struct Piece {
    next: Option<NonNull<Piece>>,
}

struct Pieces {
    heap: Heap,
    /// Memory that is the heap's for a while; only what is large and finds no other room is in it.
    #[cfg(feature = "packed")]
    lent: Heap,
    kept: [Option<NonNull<Piece>>; SIZES],
}

// SAFETY: the pieces belong to the heap, which nothing else can reach, and move with it.
unsafe impl Send for Pieces {}

struct Locked(Mutex<Pieces>);

#[global_allocator]
static HEAP: Locked = Locked(Mutex::new(Pieces {
    heap: Heap::empty(),
    #[cfg(feature = "packed")]
    lent: Heap::empty(),
    kept: [None; SIZES],
}));

/// Starts the heap in its memory. Not before the caches are on, because the lock is an atomic.
pub(super) fn start(memory: &'static mut [MaybeUninit<u8>]) {
    let mut pieces = HEAP.0.lock();
    if pieces.heap.bottom().is_null() {
        pieces.heap.init_from_slice(memory);
    }
}

/// Lends memory to the heap, unless something is left in what was lent before.
#[cfg(feature = "packed")]
pub(super) fn lend(memory: &'static mut [u8]) {
    let (first, len) = (memory.as_mut_ptr().cast(), memory.len());
    // SAFETY: the same memory; it was given away, so its contents are not read as bytes again.
    let memory = unsafe { core::slice::from_raw_parts_mut(first, len) };
    let mut pieces = HEAP.0.lock();
    if pieces.lent.bottom().is_null() {
        pieces.lent.init_from_slice(memory);
    }
}

/// Takes back what was lent. Returns whether nothing is left in it.
#[cfg(feature = "packed")]
#[must_use]
pub(super) fn take_back() -> bool {
    let mut pieces = HEAP.0.lock();
    let is_empty = pieces.lent.used() == 0;
    if is_empty {
        pieces.lent = Heap::empty();
    }
    is_empty
}

impl Pieces {
    /// Allocates sizes without a list of their own: from the heap, else from lent memory.
    fn large(&mut self, layout: Layout) -> *mut u8 {
        let found = self.heap.allocate_first_fit(layout);
        #[cfg(feature = "packed")]
        let found = found.or_else(|()| self.lent.allocate_first_fit(layout));
        found.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// Returns the list of free pieces that serves a request; `None` for large ones.
    #[inline]
    fn kept(&mut self, layout: Layout) -> Option<&mut Option<NonNull<Piece>>> {
        let small = layout.align() <= GRAIN;
        self.kept.get_mut(layout.size().wrapping_sub(1) / GRAIN).filter(|_| small)
    }
}

// SAFETY: `Heap` hands out disjoint pieces of its own memory, under a lock; a kept piece is passed out once,
// to a request that it is large and aligned enough for.
unsafe impl GlobalAlloc for Locked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut pieces = self.0.lock();
        if let Some(kept) = pieces.kept(layout) {
            if let Some(piece) = *kept {
                // SAFETY: `dealloc` wrote it there, and the piece has not been given out since.
                *kept = unsafe { piece.as_ref() }.next;
                return piece.as_ptr().cast();
            }
            // All pieces of one list are of one size, the largest that it serves.
            let Ok(whole) = Layout::from_size_align(layout.size().next_multiple_of(GRAIN), GRAIN) else {
                return ptr::null_mut();
            };
            // Never lent memory, which such a piece would not give back.
            return pieces.heap.allocate_first_fit(whole).map_or(ptr::null_mut(), NonNull::as_ptr);
        }
        pieces.large(layout)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some(at) = NonNull::new(at) else { return };
        let mut pieces = self.0.lock();
        #[cfg(feature = "packed")]
        if (pieces.lent.bottom()..pieces.lent.top()).contains(&at.as_ptr()) {
            // SAFETY: it is in what was lent, so that heap passed it out, with this layout.
            return unsafe { pieces.lent.deallocate(at, layout) };
        }
        match pieces.kept(layout) {
            Some(kept) => {
                let piece = at.cast::<Piece>();
                // SAFETY: the piece is free now, at least `GRAIN` bytes long and so aligned.
                unsafe { piece.write(Piece { next: *kept }) };
                *kept = Some(piece);
            }
            // SAFETY: by the contract of `GlobalAlloc`, `at` came from `alloc` with this layout, which for
            // large ones is the heap's own.
            None => unsafe { pieces.heap.deallocate(at, layout) },
        }
    }
}
