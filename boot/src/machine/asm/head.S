// The first page: the header of an arm64 Image (Documentation/arch/arm64/booting.rst), which at the same time
// is the DOS header of a PE/COFF image, then the headers of that, as Linux has them
// (arch/arm64/kernel/efi-header.S). What is executed and read in both boots is at the same distance from the
// base; the firmware puts the data where the entry code of a bare boot copies it.
//
// There is no table of base relocations: the entry of either boot applies the linker's own list. The rest of
// the page is room for the headers of sections that are added later, and its end for a console.

.equ PE_PLUS, 0x20b
.equ APPLICATION, 10
.equ NX_COMPATIBLE, 0x100
.equ FILE_ALIGNMENT, 512

.section .head, "ax"
.global _start
_start:
    ccmp    x18, #0, #0xd, pl       // "MZ" as an instruction: it changes the flags alone
    b       enter
    .quad   0                       // text_offset
    .quad   __image_size            // BSS, stacks and heap included
    .quad   0x8                     // little endian, page size left open, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   pe - _start

pe: .ascii  "PE\0\0"
    .short  0xaa64                  // AArch64
    .short  (sections_end - sections) / 40
    .long   0, 0, 0
    .short  sections - optional
    .short  0x206                   // executable, without line numbers and debug data; not RELOCS_STRIPPED

optional:
    .short  PE_PLUS
    .byte   2, 20                   // as the linkers that Linux is built with
    .long   __pe_text_size
    .long   __pe_data_size
    .long   0
    .long   __efi_entry_rva
    .long   4096                    // base of the code
    .quad   0                       // image base: anywhere
    .long   4096, FILE_ALIGNMENT
    .short  0, 0
    .short  1, 0                    // from 1.0 on GRUB 2.12 offers the initrd by LoadFile2, as to Linux
    .short  0, 0
    .long   0
    .long   __image_size
    .long   4096                    // headers
    .long   0
    .short  APPLICATION
    .short  NX_COMPATIBLE
    .quad   0, 0, 0, 0
    .long   0
    .long   6                       // directories, the fifth for a signature
    .quad   0, 0, 0, 0, 0, 0

sections:
    .ascii  ".text\0\0\0"
    .long   __pe_text_size, 4096, __pe_text_size, 4096
    .long   0, 0, 0, 0x60000020     // code, executable, readable
    .ascii  ".rodata\0"
    .long   __pe_rodata_size, __pe_rodata_rva, __pe_rodata_raw_size, __pe_rodata_rva
    .long   0, 0, 0, 0x40000040     // data, readable
    .ascii  ".sbat\0\0\0"
    .long   __pe_sbat_size, __pe_sbat_rva, 1024, __pe_sbat_raw
    .long   0, 0, 0, 0x40000040     // data, readable
    .ascii  ".data\0\0\0"
    .long   __pe_data_size, __pe_data_rva, __pe_data_raw_size, __pe_data_raw
    .long   0, 0, 0, 0xc0000040     // data, readable, writable
sections_end:

// The console that `ringfence pack --console` writes into the image (src/payload/console_slot.rs).
    .org    0xf80
    .ascii  "RINGFENCECONSOLE"
    .fill   112, 1, 0

.section .entry, "ax"
// efi_entry(x0 image, x1 system table): what the firmware calls. Loaded, BSS cleared, caches on, on the
// firmware's stack.
.global efi_entry
efi_entry:
    stp     x29, x30, [sp, #-32]!
    mov     x29, sp
    stp     x0, x1, [sp, #16]
    bl      relocate
    ldp     x0, x1, [sp, #16]
    bl      efi_main
    ldp     x29, x30, [sp], #32
    ret
