//! What is tried, and what must come of it.

use super::console::{hex, text};
use super::machine::{self, Access, Conduit, Record};

/// The carveout `camera` of the proving ground's `virt` boards.
const HOLE: u64 = 0x5430_0000;
const HOLE_LAST: u64 = 0x547f_fff8;
/// Where the sentinel has its configuration, and a table of its stage 2, from its base.
const CONFIG: u64 = ringfence_sentinel::abi::CONFIG_AT;
const TABLES: u64 = 0x7_0000;
/// The ring, of which Linux may read.
const RING: u64 = ringfence_sentinel::abi::RING_AT;
/// The syndromes of an external abort: read, write, fetch, and on a table walk of level 1.
const READ: u64 = 0x9600_0010;
const WRITE: u64 = 0x9600_0050;
const FETCH: u64 = 0x8600_0010;
const WALK: u64 = 0x9600_0015;
const NOT_SUPPORTED: u64 = u64::MAX;
/// An address in the upper half, which a root table in the carveout translates.
const UPPER: u64 = 0xffff_ff80_0000_1000;

fn outcome(passed: bool, what: &str) {
    text(if passed { "trespasser: PASS " } else { "trespasser: FAIL " });
    text(what);
    text(": ");
}

/// Expects one fault with this syndrome, but for what describes the instruction, at this address.
fn faults(what: &str, how: Access, at: u64, esr: u64) {
    machine::access(how, at);
    let Record { esr: found, far, spsr, faults } = machine::take_record();
    /// SAS, SSE, SRT, SF, AR and IL of a data abort.
    const OF_THE_INSTRUCTION: u64 = 0x01ff_c000;
    let passed = faults == 1 && found & !OF_THE_INSTRUCTION == esr && far == at && spsr & 0x3cf == 0x3c5;
    outcome(passed, what);
    text("ESR ");
    hex(found);
    text(" FAR ");
    hex(far);
    text(" faults ");
    hex(faults);
    text("\r\n");
}

fn equals(what: &str, found: u64, wanted: u64) {
    outcome(found == wanted, what);
    hex(found);
    text("\r\n");
}

/// Makes a call with these arguments, and returns x0.
fn smc(id: u64, a: u64, b: u64, c: u64) -> u64 {
    let mut words = [0; 18];
    [words[0], words[1], words[2], words[3]] = [id, a, b, c];
    machine::call(Conduit::Smc, &mut words);
    words[0]
}

/// Returns how many of x4 to x17 a call gives back.
fn kept(id: u64) -> u64 {
    let mut words = core::array::from_fn(|index| 0x100 + index as u64);
    words[0] = id;
    machine::call(Conduit::Smc, &mut words);
    (4..18).filter(|&index| words.get(index as usize).copied() == Some(0x100 + index)).count() as u64
}

fn refused(what: &str, conduit: Conduit, id: u64) {
    let mut words = [id; 18];
    machine::call(conduit, &mut words);
    equals(what, words[0], NOT_SUPPORTED);
}

#[unsafe(no_mangle)]
extern "C" fn payload_main(level: u64, dtb: u64) -> ! {
    equals("the exception level", level, 1);
    let home = home(machine::tree(dtb));
    memory(home);
    calls();
    second();
    translated();
    text("trespasser: end\r\n");
    smc(0x8400_0008, 0, 0, 0);
    loop {
        core::hint::spin_loop();
    }
}

/// Finds the sentinel's memory by the name of its node.
fn home(tree: &[u8]) -> u64 {
    let name = b"ringfence-sentinel@";
    let digits = tree.windows(name.len()).position(|window| window == name);
    let digits = digits.and_then(|at| tree.get(at + name.len()..)).unwrap_or_default();
    let digits = digits.iter().map_while(|&byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    });
    digits.fold(0, |all, digit| all << 4 | u64::from(digit))
}

fn memory(home: u64) {
    faults("a read of a carveout", Access::Read, HOLE, READ);
    faults("a write to its end", Access::Write, HOLE_LAST, WRITE);
    faults("a fetch from it", Access::Fetch, HOLE, FETCH);
    faults("an exclusive load of it", Access::Exclusive, HOLE, READ);
    faults("a read of the sentinel's configuration", Access::Read, home + CONFIG, READ);
    faults("a write to the sentinel's code", Access::Write, home, WRITE);
    faults("a write to its tables", Access::Write, home + TABLES, WRITE);
    faults("a write to its ring", Access::Write, home + RING, WRITE);
    equals("a read of its ring", machine::word(home + RING), u64::from_le_bytes(*b"RFSENT01"));
    machine::access(Access::Read, HOLE - 8);
    equals("a read next to a carveout", machine::take_record().faults, 0);
    equals("the accesses that the ring has", machine::word(home + RING + 9 * 8), 8);
}

fn calls() {
    equals("PSCI_VERSION", smc(0x8400_0000, 0, 0, 0), 0x1_0001);
    refused("SDEI_VERSION", Conduit::Smc, 0xc400_0020);
    refused("SDEI_EVENT_REGISTER", Conduit::Smc, 0xc400_0021);
    refused("a change of the execution state", Conduit::Smc, 0x8200_0020);
    refused("a hypervisor's call", Conduit::Smc, 0xc600_0000);
    refused("HVC", Conduit::Hvc, 0x8400_0000);
    refused("SMC #1", Conduit::SmcWith1, 0x8400_0000);
    equals("PSCI_FEATURES of CPU_ON", smc(0x8400_000a, 0xc400_0003, 0, 0), 0);
    equals("PSCI_FEATURES of what is denied", smc(0x8400_000a, 0x8400_0114, 0, 0), NOT_SUPPORTED);
    equals("CPU_ON of no processor", smc(0xc400_0003, 0x77, 0, 0), NOT_SUPPORTED - 1);
    let entry = machine::second_entry();
    equals("CPU_ON of this processor", smc(0xc400_0003, 0, entry, 0) as u32 as u64, 0xffff_fffc);
    equals("x4 to x17 after PSCI_VERSION", kept(0x8400_0000), 14);
    equals("x4 to x17 after ARCH_WORKAROUND_1", kept(0x8000_8000), 14);
    equals("ARCH_WORKAROUND_3", smc(0x8000_3fff, 0, 0, 0), NOT_SUPPORTED);
}

fn second() {
    equals("CPU_ON", smc(0xc400_0003, 1, machine::second_entry(), 0xabcd), 0);
    let noted = (0..u32::MAX).map(|_| machine::second()).find(|noted| noted.done == 1);
    let Some(noted) = noted else { return equals("the second processor", 0, 1) };
    equals("the second processor's x0", noted.context, 0xabcd);
    equals("its exception level", noted.level, 1);
    equals("its read of a carveout", noted.esr & !0x01ff_c000, READ);
    equals("its SCTLR_EL1", noted.sctlr, 0x30d0_0800);
    // AFFINITY_INFO: off.
    let off = (0..1_000_000).any(|_| smc(0xc400_0004, 1, 0, 0) == 1);
    equals("it is off", off.into(), 1);
}

/// With the MMU on, a table walk may lead into a carveout, and cache lines may be zeroed.
fn translated() {
    machine::enable_mmu(HOLE);
    faults("a table walk into a carveout", Access::Read, UPPER, WALK);
    faults("a read of a carveout, MMU on", Access::Read, HOLE + 0x10, READ);
    faults("a line of it zeroed", Access::Zero, HOLE, WRITE);
}
