//! The heap: one bounded piece of the stage's own image.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use linked_list_allocator::Heap;
use spin::Mutex;

struct Locked(Mutex<Heap>);

#[global_allocator]
static HEAP: Locked = Locked(Mutex::new(Heap::empty()));

/// Start the heap.
///
/// # Safety
/// Called once, with mapped memory that nobody else uses; caches on, because the lock is an atomic.
pub(super) unsafe fn start(begin: u64, end: u64) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.0.lock().init(begin as *mut u8, (end - begin) as usize) }
}

// SAFETY: `Heap` hands out disjoint pieces of its own memory, under a lock.
unsafe impl GlobalAlloc for Locked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().allocate_first_fit(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if let Some(at) = NonNull::new(at) {
            // SAFETY: by the contract of `GlobalAlloc`, `at` came from `alloc` with this layout.
            unsafe { self.0.lock().deallocate(at, layout) }
        }
    }
}
