//! A loader and hypervisor that enters the stage at EL1 in states that QEMU does not have by itself: with MMU
//! and caches on, or with an SError, which is pending at once or comes when the stage goes over to a map.
//! Memory may change then, too, as if by a bus master.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]

#[cfg(target_os = "none")]
core::arch::global_asm!(include_str!("shim.S"));

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
