//! Watchdogs that a loader may have left running: found in the tree, looked at, petted, stopped.
//!
//! A new kind is its file, a row of the table below, and an arm of each match. Nothing here starts one, or
//! changes how long it runs.

mod dw;
mod sbsa;
mod sp805;
#[cfg(test)]
mod tests;

use crate::paging::PAGE;
use crate::uart::Hardware;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ringfence::fdt::{Bus, Node, Tree};
use ringfence::span::Span;

/// Most watchdogs that are looked at.
pub const MAX_WATCHDOGS: usize = 8;

/// A kind of watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Arm SP805.
    Sp805,
    /// Synopsys DesignWare.
    Dw,
    /// The generic watchdog of the SBSA.
    Sbsa,
}

/// The kinds, with their `compatible` strings.
const KINDS: [(&str, Kind); 3] =
    [("arm,sp805", Kind::Sp805), ("snps,dw-wdt", Kind::Dw), ("arm,sbsa-gwdt", Kind::Sbsa)];

/// A watchdog that the tree has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// The name of its node.
    pub name: String,
    /// How it is driven.
    pub kind: Kind,
    /// Addresses of its first register, and of the first of the frame for petting, which is the same where
    /// there is only one.
    pub frames: [u64; 2],
}

/// Finds the watchdogs that are enabled, the first [`MAX_WATCHDOGS`].
#[must_use]
pub fn find(tree: &Tree<'_>) -> Vec<Watchdog> {
    tree.nodes().filter_map(of_node).take(MAX_WATCHDOGS).collect()
}

fn of_node(node: Node<'_, '_>) -> Option<Watchdog> {
    let names = node.prop("compatible")?;
    let (_, kind) = names.strings().find_map(|name| KINDS.iter().find(|(known, _)| *known == name))?;
    let node = Some(node).filter(Node::is_enabled)?;
    let bus = Bus::of(node)?;
    let mut frames = bus.registers(node);
    let control = frames.next()??.base();
    let refresh = match kind {
        Kind::Sbsa => frames.next()??.base(),
        Kind::Sp805 | Kind::Dw => control,
    };
    let frames = [control, refresh];
    // Registers in a second page would be those of another device.
    let is_in_page = |frame| {
        let page = Span::new(frame, kind.reach()).and_then(|registers| registers.outward(PAGE));
        page.is_some_and(|page| page.len() == PAGE)
    };
    let is_sound = frames.iter().all(|&frame| frame.is_multiple_of(4) && is_in_page(frame));
    is_sound.then(|| Watchdog { name: node.name().to_string(), kind: *kind, frames })
}

impl Kind {
    /// Returns the bytes from the start of a frame to the end of the last register that is used.
    const fn reach(self) -> u64 {
        match self {
            Self::Sp805 => sp805::REACH,
            Self::Dw => dw::REACH,
            Self::Sbsa => sbsa::REACH,
        }
    }
}

impl Watchdog {
    /// Returns the pages of its registers.
    pub fn pages(&self) -> impl Iterator<Item = Span> + use<> {
        self.frames.into_iter().filter_map(|frame| Span::new(frame, 1)?.outward(PAGE))
    }

    /// Returns whether it runs.
    pub fn is_running(&self, frames: [&impl Hardware; 2]) -> bool {
        let [control, _] = frames;
        match self.kind {
            Kind::Sp805 => sp805::is_running(control),
            Kind::Dw => dw::is_running(control),
            Kind::Sbsa => sbsa::is_running(control),
        }
    }

    /// Starts its time anew.
    pub fn pet(&self, frames: [&impl Hardware; 2]) {
        let [control, refresh] = frames;
        match self.kind {
            Kind::Sp805 => sp805::pet(control),
            Kind::Dw => dw::pet(control),
            Kind::Sbsa => sbsa::pet(refresh),
        }
    }

    /// Stops it. Returns whether it has stopped.
    pub fn stop(&self, frames: [&impl Hardware; 2]) -> bool {
        let [control, _] = frames;
        match self.kind {
            Kind::Sp805 => sp805::stop(control),
            Kind::Dw => {}
            Kind::Sbsa => sbsa::stop(control),
        }
        !self.is_running(frames)
    }
}
