//! Where the parts of the running stage are.
//!
//! On the machine the numbers come from linker symbols; on the host from [`Layout::fake`], so that everything
//! which is computed from them runs under `cargo test`.

use crate::paging::Access;
use ringfence::span::Span;

/// Bytes from the base to the first one that is ever written.
pub const DATA_OFFSET: u64 = 2 << 20;

/// The addresses between the parts of the stage's image, ascending and page-aligned (see `linker/stage.ld`).
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// First byte of the image: header, code.
    pub base: u64,
    /// End of the code, start of the constants.
    pub text_end: u64,
    /// End of the constants; nothing is between here and `data_begin`.
    pub rodata_end: u64,
    /// Start of the constants that hold addresses, written once by the relocations; `base` + [`DATA_OFFSET`].
    pub data_begin: u64,
    /// End of those, start of data, BSS, tables, the log ring and the stack for faults.
    pub relro_end: u64,
    /// Start of the page below the stack for faults that is never mapped.
    pub fault_guard: u64,
    /// Lowest byte of the stack for faults.
    pub fault_stack: u64,
    /// Start of the page below the stack that is never mapped; end of the data.
    pub guard: u64,
    /// Lowest byte of the stack.
    pub stack_bottom: u64,
    /// End of the stack, start of the heap.
    pub stack_top: u64,
    /// End of the image and of the heap.
    pub end: u64,
}

impl Layout {
    /// Returns all that the stage owns, the guard pages included.
    #[must_use]
    pub const fn image(&self) -> Option<Span> {
        Span::from_ends(self.base, self.end)
    }

    /// Returns the two parts of the first map. Where the base is a multiple of 2 MiB they are made of blocks,
    /// so that the map costs next to nothing while the caches are off; constants are writable in it for the
    /// relocations, and there are no guard pages yet.
    #[must_use]
    pub fn first_parts(&self) -> [Option<(Span, Access)>; 2] {
        [part(self.base, self.data_begin, Access::Code), part(self.data_begin, self.end, Access::Data)]
    }

    /// Returns the parts that every later map has, with what each allows. The guard pages are in none of
    /// them.
    #[must_use]
    pub fn parts(&self) -> [Option<(Span, Access)>; 6] {
        [
            part(self.base, self.text_end, Access::Code),
            part(self.text_end, self.rodata_end, Access::ReadOnly),
            part(self.data_begin, self.relro_end, Access::ReadOnly),
            part(self.relro_end, self.fault_guard, Access::Data),
            part(self.fault_stack, self.guard, Access::Data),
            part(self.stack_bottom, self.end, Access::Data),
        ]
    }

    /// Returns a layout for tests on the host, at any page-aligned base.
    #[must_use]
    pub const fn fake(base: u64) -> Self {
        let data = base + DATA_OFFSET;
        Self {
            base,
            text_end: base + 0x1_0000,
            rodata_end: base + 0x1_6000,
            data_begin: data,
            relro_end: data + 0x2000,
            fault_guard: data + 0x2_7000,
            fault_stack: data + 0x2_8000,
            guard: data + 0x2_a000,
            stack_bottom: data + 0x2_b000,
            stack_top: data + 0x3_b000,
            end: data + 0x80_0000,
        }
    }
}

fn part(from: u64, to: u64, access: Access) -> Option<(Span, Access)> {
    Span::from_ends(from, to).map(|span| (span, access))
}
