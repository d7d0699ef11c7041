//! What the stage tells the sentinel, laid out in the sentinel's own memory.
//!
//! The memory, from its base on: code and constants, [`Config`], stacks, [ring](crate::ring), the sentinel's
//! own tables, and the tables of stage 2.

use core::sync::atomic::AtomicU64;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Most bytes of code and constants.
pub const CODE_MAX: u64 = 16 << 10;
/// Most processors.
pub const CPUS: usize = 64;
/// Most watched spans.
pub const HOLES: usize = 64;
/// Bytes that the link script sets apart for [`Config`].
pub const CONFIG_LEN: u64 = 12 << 10;
/// Bytes of stack for each processor.
pub const STACK: u64 = 1024;
/// Bytes of the name of a carveout, filled up with NUL.
pub const NAME: usize = 32;

/// The ways in, as bytes from the base: after the vectors, one instruction each (`machine/entry.S`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Way {
    /// The boot processor, from the stage.
    First = 0x800,
    /// A processor that Linux turned on.
    On = 0x804,
    /// A processor that comes back from a suspend.
    Resume = 0x808,
    /// A processor out of its spin table.
    Spin = 0x80c,
}

/// What happens after an access was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum OnAccess {
    /// It fails.
    Abort = 0,
    /// What it touched is mapped, and it goes through.
    Log = 1,
    /// The board is powered off.
    Halt = 2,
    /// The board is reset.
    Reset = 3,
}

/// Firmware calls that pass on some boards only: set where this board's pass.
pub mod allow {
    /// 0x8200_0020 is not Arm's switch of the execution state, but the memory of Amlogic's secure monitor.
    pub const AMLOGIC_MEMORY: u64 = 1 << 0;
    /// 0x0101 and 0x0111 of the SiP calls are not Qualcomm's boot addresses.
    pub const NO_QUALCOMM: u64 = 1 << 1;
}

/// A span that is absent from stage 2.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// First address.
    pub base: u64,
    /// End, exclusive.
    pub end: u64,
    /// The name of its carveout, filled up with NUL.
    pub name: [u8; NAME],
}

impl Hole {
    /// Makes a hole; a longer name is cut.
    #[must_use]
    pub fn new(base: u64, end: u64, name: &str) -> Self {
        let mut bytes = [0; NAME];
        bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        Self { base, end, name: bytes }
    }
}

/// One processor. `machine/entry.S` knows its size.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Cpu {
    /// Its affinity, as in MPIDR_EL1.
    pub mpidr: u64,
    /// Where Linux wants it after CPU_ON, and with what in x0.
    pub on: [AtomicU64; 2],
    /// The same after it was suspended.
    pub resume: [AtomicU64; 2],
    /// With a spin table, the word in which Linux writes where to go; else 0.
    pub release: u64,
    /// Fills it up to a multiple of 64 bytes.
    pub _pad: [u64; 2],
}

/// A UART as far as a byte is concerned: sent when `status & mask == ready`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uart {
    /// Address of the status register; 0 without a UART.
    pub status: u64,
    /// Address of the data register.
    pub data: u64,
    /// The bits of the status that count.
    pub mask: u64,
    /// Their value when there is room for a byte.
    pub ready: u64,
    /// Bytes of an access: 1 or 4.
    pub width: u64,
}

/// What came to EL2, in the order of [`Config::counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// A processor set up.
    Enter,
    /// A firmware call passed on.
    Forwarded,
    /// CPU_ON.
    CpuOn,
    /// A suspend.
    Suspend,
    /// A firmware call that was denied.
    Denied,
    /// An access to what is absent from stage 2.
    Access,
    /// Something else that was trapped.
    Trapped,
}

/// How many sorts there are.
pub const COUNTS: usize = 7;
/// How many denied calls are remembered, so that each is reported once.
pub const DENIED: usize = 8;

/// Everything else. `machine/entry.S` reads the first words.
#[repr(C)]
#[derive(Debug)]
pub struct Config {
    /// MAIR_EL2 of its own map.
    pub mair: u64,
    /// TCR_EL2 of its own map.
    pub tcr: u64,
    /// TTBR0_EL2 of its own map.
    pub ttbr: u64,
    /// SCTLR_EL2.
    pub sctlr: u64,
    /// VTCR_EL2.
    pub vtcr: u64,
    /// VTTBR_EL2.
    pub vttbr: u64,
    /// How many of `cpu` there are.
    pub cpus: u64,
    /// Where the kernel is entered.
    pub kernel: u64,
    /// First address of the sentinel's memory.
    pub base: u64,
    /// Address of the ring.
    pub ring: u64,
    /// An [`OnAccess`].
    pub on_access: u64,
    /// Flags of [`allow`].
    pub allowed: u64,
    /// How many of `hole` there are.
    pub holes: u64,
    /// The UART, if accesses are also reported there.
    pub uart: Uart,
    /// 1 while a processor writes to the UART.
    pub lock: AtomicU64,
    /// When the last report was made, by CNTPCT_EL0.
    pub last_report: AtomicU64,
    /// Events that were not reported, because there were too many.
    pub dropped: AtomicU64,
    /// Counts of what came to EL2.
    pub counts: [AtomicU64; COUNTS],
    /// The denied calls that were reported.
    pub denied: [AtomicU64; DENIED],
    /// The processors.
    pub cpu: [Cpu; CPUS],
    /// The watched spans.
    pub hole: [Hole; HOLES],
}

const _: () = assert!(size_of::<Config>() as u64 <= CONFIG_LEN && size_of::<Cpu>() == 64);

impl Config {
    /// Counts an event.
    pub fn count(&self, what: Count) -> u64 {
        let count = self.counts.get(what as usize);
        count.map_or(0, |count| count.fetch_add(1, core::sync::atomic::Ordering::Relaxed))
    }

    /// Returns the watched spans.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.hole.iter().take(self.holes as usize)
    }
}

/// Where [`Config`] is, as bytes from the base: after room for all the code that there may be.
pub const CONFIG_AT: u64 = CODE_MAX;
/// Where the ring is.
pub const RING_AT: u64 = CONFIG_AT + CONFIG_LEN + CPUS as u64 * STACK;
/// Where the sentinel's own tables are; those of stage 2 follow.
pub const TABLES_AT: u64 = RING_AT + crate::ring::LEN as u64;
