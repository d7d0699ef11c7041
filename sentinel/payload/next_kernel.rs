//! A program in Linux, without any library: starts another kernel at once (`kexec`), with a device tree of
//! its own. `next-kernel IMAGE INITRD DTB` puts them at fixed places of QEMU's `virt` board.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod program {
    use core::arch::{asm, global_asm};

    global_asm!(".global _start", "_start: mov x0, sp", "bl next_kernel", "mov x8, #93", "svc #0");

    /// Places of the image, the initial ramdisk and the tree, and of the code that enters the image.
    const PLACES: [usize; 3] = [0x6000_0000, 0x6800_0000, 0x6f00_0000];
    const ENTRY_AT: usize = 0x6f10_0000;
    /// Memory that the image takes after its bytes.
    const BSS: usize = 16 << 20;
    const PAGE: usize = 4096;
    /// x0 the tree, x1 to x3 zero, to the image.
    const ENTRY: [u32; 6] = [0xd2ad_e000, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0xd2ac_0004, 0xd61f_0080];

    /// `struct kexec_segment`: what, how much, where, and how much room there.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Segment {
        buffer: usize,
        len: usize,
        at: usize,
        room: usize,
    }

    fn call(number: usize, arguments: [usize; 6]) -> isize {
        let [a, b, c, d, e, f] = arguments;
        let result;
        // SAFETY: the callers' arguments are those of the system call, and what they point to lives.
        unsafe {
            asm!("svc #0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d,
                 in("x4") e, in("x5") f)
        };
        result
    }

    /// Maps a file, and returns where and how long it is.
    fn map(path: usize) -> (usize, usize) {
        const HERE: usize = -100_isize as usize;
        let file = call(56, [HERE, path, 0, 0, 0, 0]) as usize;
        let len = call(62, [file, 0, 2, 0, 0, 0]) as usize;
        (call(222, [0, len, 1, 2, file, 0]) as usize, len)
    }

    /// Does it; returns only when that failed, the error for the status.
    #[unsafe(no_mangle)]
    extern "C" fn next_kernel(stack: *const usize) -> usize {
        let mut segments = [Segment::default(); 4];
        for (index, (segment, at)) in segments.iter_mut().zip(PLACES).enumerate() {
            // SAFETY: the kernel puts the arguments there, after their number and the name of the program.
            let path = unsafe { stack.add(2 + index).read() };
            let (buffer, len) = map(path);
            let bss = if index == 0 { BSS } else { 0 };
            *segment = Segment { buffer, len, at, room: len.next_multiple_of(PAGE) + bss };
        }
        let entry = ENTRY.as_ptr() as usize;
        segments[3] = Segment { buffer: entry, len: size_of_val(&ENTRY), at: ENTRY_AT, room: PAGE };
        /// EM_AARCH64, as flags of `kexec_load`.
        const AARCH64: usize = 183 << 16;
        let loaded = call(104, [ENTRY_AT, 4, segments.as_ptr() as usize, AARCH64, 0, 0]);
        if loaded < 0 {
            return -loaded as usize;
        }
        /// LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2 and LINUX_REBOOT_CMD_KEXEC of `reboot`.
        const KEXEC: [usize; 3] = [0xfee1_dead, 672_274_793, 0x4558_4543];
        let [a, b, c] = KEXEC;
        -call(142, [a, b, c, 0, 0, 0]) as usize
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {
            core::hint::spin_loop();
        }
    }
}
