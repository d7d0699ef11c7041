//! U-Boot as the loader: the files in memory when it starts, and the environment with its commands.
//!
//! The environment comes in the board's second flash, where Debian's U-Boot for `virt` looks for it. There
//! is no prompt and no delay, and two runs execute the same instructions.

use crate::machine::{Entry, Loaded};
use crate::setup::uboot_image;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the image, the initrd and the tree are before U-Boot starts; clear of its own memory.
pub(crate) const KERNEL_AT: u64 = 0x4040_0000;
const INITRD_AT: u64 = 0x4800_0000;
pub(crate) const DTB_AT: u64 = 0x4720_0000;

/// Copies the board's tree to [`DTB_AT`].
pub(crate) const COPY_TREE: &str =
    "fdt addr ${fdtcontroladdr}; fdt move ${fdtcontroladdr} 0x47200000 0x100000";

/// Size of the environment in flash (`CONFIG_ENV_SIZE`), and of the flash that QEMU wants filled.
const ENV_SIZE: usize = 0x4_0000;
const FLASH_SIZE: usize = 64 << 20;

/// Turns a board that QEMU would boot into one on which U-Boot does it.
///
/// # Errors
/// When it is not a Linux boot, or the environment's file in `scratch` cannot be written.
pub(crate) fn entry(entry: Entry, scratch: &Path) -> Result<Entry> {
    let Entry::Linux { kernel, initrd, dtb, append } = entry else { bail!("U-Boot needs an image to boot") };
    // Told in the tree instead of to `booti`, which would look for a ramdisk inside a bundle.
    let slot = match &initrd {
        Some(file) => {
            let size = fs::metadata(file).with_context(|| file.display().to_string())?.len();
            // The command takes the size and then writes the address of the last byte as the end.
            format!("fdt chosen {INITRD_AT:#x} {:#x}; ", size + 1)
        }
        None => String::new(),
    };
    // QEMU completes the tree (PSCI, memory) where the firmware finds it; U-Boot itself goes on using that
    // one.
    let boot = format!("{COPY_TREE}; {slot}booti {KERNEL_AT:#x} - {DTB_AT:#x}");
    let mut loaded = vec![Loaded { file: kernel, at: KERNEL_AT }];
    loaded.extend(initrd.map(|file| Loaded { file, at: INITRD_AT }));
    let bootargs = append.unwrap_or_default();
    firmware(loaded, dtb, &[("bootcmd", &boot), ("bootargs", &bootargs)], scratch)
}

/// Returns a board on which U-Boot runs with these variables and these files in memory.
///
/// # Errors
/// When the environment does not fit or its file in `scratch` cannot be written.
pub(crate) fn firmware(
    loaded: Vec<Loaded>,
    dtb: Option<PathBuf>,
    variables: &[(&str, &str)],
    scratch: &Path,
) -> Result<Entry> {
    // Nothing is moved: everything is already at its place.
    let fixed =
        [("bootdelay", "0"), ("initrd_high", "0xffffffffffffffff"), ("fdt_high", "0xffffffffffffffff")];
    let all: Vec<_> = fixed.iter().chain(variables).copied().collect();
    // Boards started side by side must not share it.
    let flash =
        scratch.join(format!("env-{:08x}.flash", crc32fast::hash(format!("{variables:?}").as_bytes())));
    let mut image = environment(&all)?;
    image.resize(FLASH_SIZE, 0xff);
    fs::write(&flash, image).with_context(|| format!("cannot write {}", flash.display()))?;
    Ok(Entry::Firmware { bios: uboot_image().into(), flash, dtb, loaded })
}

/// Returns the commands of a document's block for U-Boot, of which there are `number` before it.
pub(crate) fn block(text: &str, number: usize) -> Option<Vec<&str>> {
    let block = text.split("```uboot\n").nth(number + 1)?.split("```").next()?;
    Some(block.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
}

/// U-Boot's environment: a CRC-32 over what follows, then `name=value` strings, an empty one last.
fn environment(variables: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for (name, value) in variables {
        // A command that fails ends the board, instead of waiting at a prompt.
        let ending = if *name == "bootcmd" { "; reset" } else { "" };
        text.extend(format!("{name}={value}{ending}\0").into_bytes());
    }
    ensure!(text.len() + 5 <= ENV_SIZE, "the U-Boot environment takes {} bytes", text.len());
    text.resize(ENV_SIZE - 4, 0);
    let mut image = crc32fast::hash(&text).to_le_bytes().to_vec();
    image.extend(text);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_a_checksum_and_strings() {
        let image = environment(&[("bootdelay", "0"), ("a", "b")]).unwrap();
        assert_eq!(image.len(), ENV_SIZE);
        assert_eq!(&image[4..22], b"bootdelay=0\0a=b\0\0\0");
        assert_eq!(image[..4], crc32fast::hash(&image[4..]).to_le_bytes());
        let long = "x".repeat(ENV_SIZE);
        assert!(environment(&[("v", &long)]).is_err());
    }
}
