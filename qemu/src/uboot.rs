//! U-Boot as the loader: what lies in memory when it starts, and what is typed at its prompt.

use crate::machine::{Board, Entry, Loaded};
use crate::runner::Typed;
use crate::setup::uboot_image;
use anyhow::{Context, Result, bail};
use std::fs;

/// Where the image, the initrd and the tree lie before U-Boot starts; clear of where it puts itself.
const KERNEL_AT: u64 = 0x4040_0000;
const INITRD_AT: u64 = 0x4800_0000;
const DTB_AT: u64 = 0x4720_0000;

const PROMPT: &str = "=> ";

/// Turns a board that QEMU would boot into one on which U-Boot does it.
///
/// # Errors
/// When the board is no Linux boot.
pub(crate) fn entry(entry: Entry) -> Result<Entry> {
    let Entry::Linux { kernel, initrd, dtb, .. } = entry else { bail!("U-Boot needs an image to boot") };
    let mut loaded = vec![Loaded { file: kernel, at: KERNEL_AT }];
    loaded.extend(initrd.map(|file| Loaded { file, at: INITRD_AT }));
    loaded.extend(dtb.map(|file| Loaded { file, at: DTB_AT }));
    Ok(Entry::Firmware { bios: uboot_image().into(), dtb: None, loaded })
}

/// What to type so that U-Boot boots what [`entry`] put into memory.
///
/// # Errors
/// When the board is not one that [`entry`] made.
pub(crate) fn script(board: &Board, append: &str) -> Result<Vec<Typed>> {
    let Entry::Firmware { loaded, .. } = &board.entry else { bail!("no board for U-Boot") };
    let initrd = loaded.iter().find(|file| file.at == INITRD_AT);
    let initrd = match initrd {
        Some(loaded) => {
            let size = fs::metadata(&loaded.file).with_context(|| loaded.file.display().to_string())?.len();
            format!("{INITRD_AT:#x}:{size:#x}")
        }
        None => "-".into(),
    };
    let commands = [
        // Neither is to be moved: the stage shall find them where they lie.
        "setenv initrd_high 0xffffffffffffffff; setenv fdt_high 0xffffffffffffffff".to_owned(),
        format!("setenv bootargs \"{append}\""),
        format!("booti {KERNEL_AT:#x} {initrd} {DTB_AT:#x}"),
    ];
    let interrupt = Typed { after: "Hit any key to stop autoboot".into(), text: "\n".into() };
    let typed = commands.into_iter().map(|text| Typed { after: PROMPT.into(), text: format!("{text}\n") });
    Ok(std::iter::once(interrupt).chain(typed).collect())
}
