//! A build without the sentinel: a policy that wants it is refused.

use super::asm::EntryState;
use super::maps::Maps;
use core::convert::Infallible;
use ringfence::payload::Payload;
use ringfence::prove::Proven;
use ringfence::span::Span;
use ringfence_boot::console::Console;

/// There is none.
pub(super) struct Sentinel(Infallible);

impl Sentinel {
    /// Refuses a policy that wants one.
    pub(super) fn prepare(_: &EntryState, payload: &Payload<'_>, _: &Proven) -> Option<Self> {
        if payload.policy.as_ref().is_some_and(|policy| policy.sentinel.is_some()) {
            halt!("the policy wants the sentinel, which this image lacks; boot ringfence-sentinel.img");
        }
        None
    }

    /// Never called.
    pub(super) fn home(&self) -> Span {
        match self.0 {}
    }

    /// Never called.
    pub(super) fn install(self, _: &Maps, _: &Proven, _: Option<Console>, _: u64) -> u64 {
        match self.0 {}
    }
}
