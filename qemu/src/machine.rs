//! A board that is ready to start, and the command line that makes QEMU play it.

use crate::setup;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

/// A machine that QEMU plays.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The name that `--machine` takes.
    pub(crate) name: &'static str,
    /// What it is, in the help text.
    pub(crate) help: &'static str,
    /// The value of QEMU's `-machine`.
    pub(crate) qemu: &'static str,
    /// The oldest major version of QEMU that has it.
    pub(crate) oldest_qemu: u32,
    /// Whether it has the property `virtualization`, which gives it EL2.
    pub(crate) has_virtualization: bool,
    /// Further arguments for QEMU.
    pub(crate) arguments: &'static [&'static str],
}

impl Machine {
    /// Tells whether the QEMU of Debian 12 does not have it.
    pub(crate) fn needs_newer(&self) -> bool {
        self.oldest_qemu > 7
    }
}

/// The exception level at which the board enters the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As under a hypervisor.
    El1,
    /// As on bare metal.
    El2,
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" => Ok(Self::El1),
            "2" => Ok(Self::El2),
            _ => Err("the exception level is 1 or 2".into()),
        }
    }
}

/// An amount of RAM in bytes, written with a suffix `K`, `M` or `G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ram(pub(crate) u64);

impl Ram {
    /// One GiB.
    pub(crate) const GIB: Self = Self(1 << 30);
    /// Four GiB.
    pub(crate) const GIB_4: Self = Self(4 << 30);
}

impl FromStr for Ram {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [(['K', 'k'], 10), (['M', 'm'], 20), (['G', 'g'], 30)];
        let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
        let (digits, shift) = unit.unwrap_or((text, 0));
        let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size such as 4G or 512M"))?;
        let bytes = number.checked_mul(1 << shift).filter(|bytes| bytes % (1 << 20) == 0 && *bytes > 0);
        bytes.map(Self).ok_or_else(|| format!("`{text}` is not a whole number of MiB"))
    }
}

impl fmt::Display for Ram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}M", self.0 >> 20)
    }
}

/// What the board finds in memory, and where it starts.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// By QEMU's own loader, which follows Linux' boot protocol.
    Linux {
        /// An arm64 `Image`.
        kernel: PathBuf,
        /// What goes into the initrd slot.
        initrd: Option<PathBuf>,
        /// A board description instead of QEMU's own.
        dtb: Option<PathBuf>,
        /// The kernel command line.
        append: Option<String>,
    },
    /// Through firmware in the first flash.
    Firmware {
        /// The firmware image.
        bios: PathBuf,
        /// What the second flash holds.
        flash: PathBuf,
        /// A board description instead of QEMU's own, which the firmware finds at the start of RAM.
        dtb: Option<PathBuf>,
        /// Files that are in memory when it starts.
        loaded: Vec<Loaded>,
    },
    /// Through EDK2.
    Edk2 {
        /// The firmware's code.
        code: PathBuf,
        /// A flash with its variables; without one they do not last, and the code is passed as the only
        /// firmware.
        variables: Option<PathBuf>,
        /// A kernel that the firmware starts at once, with its initrd; `None` boots from a disk.
        direct: Option<(PathBuf, Option<PathBuf>)>,
        /// The command line of that kernel.
        append: Option<String>,
        /// A board description instead of QEMU's own.
        dtb: Option<PathBuf>,
    },
    /// Straight at an address, with nothing else done: what no loader would do.
    Raw {
        /// Files in memory.
        loaded: Vec<Loaded>,
        /// Where the processor starts.
        start: u64,
    },
}

/// A file that is in memory at an address before the processor starts.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The file, taken byte for byte.
    pub(crate) file: PathBuf,
    /// Its physical address.
    pub(crate) at: u64,
}

/// A whole board, ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    /// Which one.
    pub(crate) machine: &'static Machine,
    /// The level of entry.
    pub(crate) level: Level,
    /// How much RAM.
    pub(crate) ram: Ram,
    /// What runs on it.
    pub(crate) entry: Entry,
    /// A plug-in for QEMU to load, with its arguments.
    pub(crate) plugin: Option<String>,
    /// Another QEMU than the one in the path.
    pub(crate) emulator: Option<PathBuf>,
    /// Further arguments for QEMU.
    pub(crate) more: Vec<String>,
}

impl Board {
    /// Returns the command that starts it, with the serial line on standard input and output.
    pub(crate) fn command(&self) -> Command {
        let newer = || self.machine.needs_newer().then(|| setup::new_qemu(&Workspace::locate()));
        let emulator = self.emulator.clone().or_else(newer);
        let mut qemu = Command::new(emulator.as_deref().unwrap_or(Path::new("qemu-system-aarch64")));
        if emulator.is_some() {
            // The modules for sound on this machine may be those of another release.
            qemu.args(["-audio", "none"]);
        }
        let mut machine = self.machine.qemu.to_owned();
        if self.machine.has_virtualization {
            machine += if self.level == Level::El2 { ",virtualization=on" } else { ",virtualization=off" };
        }
        qemu.args(["-machine", &machine]).args(self.machine.arguments);
        qemu.args(["-m", &self.ram.to_string(), "-net", "none", "-no-reboot"]);
        qemu.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        match &self.entry {
            Entry::Linux { kernel, initrd, dtb, append } => {
                qemu.arg("-kernel").arg(kernel);
                option(&mut qemu, "-initrd", initrd.as_ref().map(OsString::from));
                option(&mut qemu, "-dtb", dtb.as_ref().map(OsString::from));
                option(&mut qemu, "-append", append.as_ref().map(OsString::from));
            }
            Entry::Firmware { bios, flash, dtb, loaded } => {
                qemu.arg("-bios").arg(bios);
                option(&mut qemu, "-dtb", dtb.as_ref().map(OsString::from));
                self::flash(&mut qemu, 1, flash, "on");
                loaded.iter().for_each(|file| load(&mut qemu, file));
            }
            Entry::Edk2 { code, variables, direct, append, dtb } => {
                match variables {
                    Some(variables) => {
                        flash(&mut qemu, 0, code, "on");
                        flash(&mut qemu, 1, variables, "off");
                    }
                    None => drop(qemu.arg("-bios").arg(code)),
                }
                // No key will be pressed.
                qemu.args(["-boot", "menu=on,splash-time=0"]);
                let (kernel, initrd) =
                    direct.clone().map_or((None, None), |(kernel, initrd)| (Some(kernel), initrd));
                option(&mut qemu, "-kernel", kernel.map(OsString::from));
                option(&mut qemu, "-initrd", initrd.map(OsString::from));
                option(&mut qemu, "-append", append.as_ref().map(OsString::from));
                option(&mut qemu, "-dtb", dtb.as_ref().map(OsString::from));
            }
            Entry::Raw { loaded, start } => {
                loaded.iter().for_each(|file| load(&mut qemu, file));
                // From 0 on, as in flash, it starts by itself.
                if *start != 0 {
                    qemu.args(["-device", &format!("loader,addr={start:#x},cpu-num=0")]);
                }
            }
        }
        option(&mut qemu, "-plugin", self.plugin.as_ref().map(OsString::from));
        qemu.args(&self.more);
        qemu
    }
}

fn option(qemu: &mut Command, name: &str, value: Option<OsString>) {
    if let Some(value) = value {
        qemu.arg(name).arg(value);
    }
}

fn flash(qemu: &mut Command, unit: u32, file: &Path, read_only: &str) {
    let file = file.display().to_string().replace(',', ",,");
    qemu.args(["-drive", &format!("if=pflash,unit={unit},format=raw,readonly={read_only},file={file}")]);
}

fn load(qemu: &mut Command, loaded: &Loaded) {
    // QEMU reads a doubled comma as one of the file's own.
    let file = loaded.file.display().to_string().replace(',', ",,");
    qemu.args(["-device", &format!("loader,file={file},addr={:#x},force-raw=on", loaded.at)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::words;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!("4G".parse(), Ok(Ram::GIB_4));
        assert_eq!("1024M".parse(), Ok(Ram::GIB));
        for wrong in ["", "G", "4T", "1K", "0", "-1G", "99999999999999999999G"] {
            assert!(wrong.parse::<Ram>().is_err(), "{wrong}");
        }
    }

    static MACHINE: Machine = Machine {
        name: "virt",
        help: "",
        qemu: "virt,acpi=off",
        oldest_qemu: 7,
        has_virtualization: true,
        arguments: &[],
    };

    #[test]
    fn the_level_of_entry_decides_whether_the_board_has_a_hypervisor_mode() {
        let board = |level| Board {
            machine: &MACHINE,
            level,
            ram: Ram::GIB,
            entry: Entry::Raw { loaded: vec![Loaded { file: "a,b".into(), at: 0x4020_0000 }], start: 0x10 },
            plugin: None,
            emulator: None,
            more: Vec::new(),
        };
        let line = words(&board(Level::El2).command());
        assert!(line.contains("virt,acpi=off,virtualization=on") && line.contains("-m 1024M"), "{line}");
        assert!(line.contains("loader,file=a,,b,addr=0x40200000,force-raw=on"), "{line}");
        assert!(words(&board(Level::El1).command()).contains("virtualization=off"));
    }
}
