//! How a boot that is refused ends: the reason, then what the policy says.

use alloc::string::String;
use core::fmt;
use core::panic::PanicInfo;
use ringfence::policy::{OnError, Policy};
use uefi::Status;
use uefi::runtime::{self, ResetType};

/// Why the boot is refused, and what to do about it, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A result whose error refuses the boot.
pub(crate) type Result<T> = core::result::Result<T, Refusal>;

/// Makes a [`Refusal`]: `refusal!("what; what to do")`.
macro_rules! refusal {
    ($($argument:tt)*) => {
        $crate::refusal::Refusal(alloc::format!($($argument)*))
    };
}
pub(crate) use refusal;

/// Says why the boot ends here and ends it. Returns only where the policy wants the boot manager to go on.
pub(crate) fn refuse(why: &Refusal, policy: Option<&Policy>) -> Status {
    match policy.map_or_else(OnError::default, |policy| policy.on_error) {
        OnError::Reset => reset(why),
        OnError::Halt => {
            console!("HALT {why}");
            runtime::reset(ResetType::SHUTDOWN, Status::ABORTED, None)
        }
        OnError::BootManager | OnError::Continue => {
            console!("HALT {why}; back to the boot manager");
            Status::SECURITY_VIOLATION
        }
    }
}

/// Says why the boot ends here and resets the board.
pub(crate) fn reset(why: &Refusal) -> ! {
    console!("HALT {why}");
    runtime::reset(ResetType::COLD, Status::ABORTED, None)
}

/// Reports a panic and powers the board off.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => console!("HALT panic at {at}: {}; please report it", info.message()),
        None => console!("HALT panic: {}; please report it", info.message()),
    }
    runtime::reset(ResetType::SHUTDOWN, Status::ABORTED, None)
}
