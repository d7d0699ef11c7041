//! The boards that Linux is booted on, one folder each: the arguments for QEMU, and the overlay with its
//! carveouts.
//!
//! To add a board, write its folder and name it in [`ALL`].

mod config;
pub(crate) mod imx8mp;
pub(crate) mod raspi3b;
pub(crate) mod raspi4b;
pub(crate) mod tree;
pub(crate) mod versal;
pub(crate) mod virt;
pub(crate) mod zcu102;

pub(crate) use config::BoardConfig;

use crate::machine::Machine;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Every board, in the order of the tables. The first one of a machine is what `--machine` means.
pub(crate) static ALL: &[&BoardConfig] = &[
    &virt::ONE_GIB,
    &virt::SMALL,
    &virt::GIC2,
    &virt::GIC3,
    &virt::LARGE,
    &zcu102::BOARD,
    // One a line, so that a new board is one line.
    &raspi3b::BOARD,
    &raspi4b::BOARD,
    &versal::BOARD,
    &imx8mp::BOARD,
];

/// Parses the name of a machine.
pub(crate) fn machine_parser() -> impl TypedValueParser<Value = &'static Machine> {
    let mut machines: Vec<&'static Machine> = ALL.iter().map(|board| board.machine).collect();
    machines.dedup();
    let names = machines.iter().map(|machine| PossibleValue::new(machine.name).help(machine.help));
    PossibleValuesParser::new(names).try_map(|name| {
        ALL.iter().map(|board| board.machine).find(|machine| machine.name == name).ok_or("not a machine")
    })
}
