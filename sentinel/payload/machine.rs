//! The accesses that may fault, and the calls, in assembly; and the only safe ways to make them.

core::arch::global_asm!(include_str!("entry.S"));

/// What the vector noted of faults.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Record {
    pub(super) esr: u64,
    pub(super) far: u64,
    pub(super) spsr: u64,
    pub(super) faults: u64,
}

/// What the second processor noted, word by word.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Second {
    pub(super) context: u64,
    pub(super) level: u64,
    pub(super) esr: u64,
    pub(super) sctlr: u64,
    pub(super) done: u64,
}

unsafe extern "C" {
    safe fn record_at() -> u64;
    safe fn second_at() -> u64;
    safe fn second_record_at() -> u64;
    safe fn tables_at() -> u64;
    fn read(at: u64) -> u64;
    fn write(at: u64);
    fn exclusive(at: u64);
    fn zero(at: u64);
    fn jump(at: u64);
    fn smc(words: *mut u64);
    fn smc_with_1(words: *mut u64);
    fn hvc(words: *mut u64);
    fn map(lower: u64, upper: u64);
}

/// How something is accessed.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
    Exclusive,
    Zero,
    Fetch,
}

/// Makes an access that may fault; what is not out of reach must be memory that nobody uses.
pub(super) fn access(how: Access, at: u64) {
    // SAFETY: a fault comes back, and the callers' addresses belong to nobody here.
    unsafe {
        match how {
            Access::Read => drop(read(at)),
            Access::Write => write(at),
            Access::Exclusive => exclusive(at),
            Access::Zero => zero(at),
            Access::Fetch => jump(at),
        }
    }
}

/// Reads a word that may be out of reach.
pub(super) fn word(at: u64) -> u64 {
    // SAFETY: a fault comes back; reading changes nothing.
    unsafe { read(at) }
}

/// Returns what was noted since the last time.
pub(super) fn take_record() -> Record {
    let at = record_at() as *mut Record;
    // SAFETY: the record of this image.
    let record = unsafe { at.read_volatile() };
    // SAFETY: as above.
    unsafe { at.write_volatile(Record::default()) };
    record
}

/// Returns where the second processor starts.
pub(super) fn second_entry() -> u64 {
    second_at()
}

/// Returns what the second processor noted.
pub(super) fn second() -> Second {
    // SAFETY: the record of this image.
    unsafe { (second_record_at() as *const Second).read_volatile() }
}

/// How a call is made.
#[derive(Clone, Copy)]
pub(super) enum Conduit {
    Smc,
    SmcWith1,
    Hvc,
}

/// Makes a call with x0 to x17.
pub(super) fn call(conduit: Conduit, words: &mut [u64; 18]) {
    let words = words.as_mut_ptr();
    // SAFETY: reads and writes 18 words; the firmware keeps to its own memory.
    unsafe {
        match conduit {
            Conduit::Smc => smc(words),
            Conduit::SmcWith1 => smc_with_1(words),
            Conduit::Hvc => hvc(words),
        }
    }
}

/// Turns the MMU on: the lower half onto itself, and the upper half by a root table at `upper`.
pub(super) fn enable_mmu(upper: u64) {
    /// A block of level 1: valid, accessed, and memory, or a device for the first.
    const BLOCK: u64 = 0x705;
    let table = tables_at() as *mut u64;
    for index in 0..4 {
        let attributes = if index == 0 { 0x401 } else { BLOCK };
        // SAFETY: the table of this image, of 512 words.
        unsafe { table.add(index).write_volatile((index as u64) << 30 | attributes) };
    }
    // SAFETY: the code and its data are in the lower half.
    unsafe { map(tables_at(), upper) }
}

pub(super) fn read_device(at: u64) -> u32 {
    // SAFETY: only for the UART's registers.
    unsafe { (at as *const u32).read_volatile() }
}

pub(super) fn write_device(at: u64, value: u32) {
    // SAFETY: as above.
    unsafe { (at as *mut u32).write_volatile(value) }
}

/// Returns the bytes of the device tree.
pub(super) fn tree(at: u64) -> &'static [u8] {
    // SAFETY: by the boot protocol x0 is its address, and its second word its length.
    let len = u32::from_be(unsafe { ((at + 4) as *const u32).read_volatile() });
    // SAFETY: as above; nothing writes to it.
    unsafe { core::slice::from_raw_parts(at as *const u8, len as usize) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
