//! The list of needs: one entry each, with everything that set-up has to know about it.

use super::{Release, Series, Tool, apt, bare_target, build, cross, debian, debs, efi, emulator};
use crate::shell::find_program;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Something that must be there before a command can do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Core and alloc for `aarch64-unknown-none`.
    BareTarget,
    /// The emulator.
    Qemu,
    /// A newer one, for boards that Debian 12's does not have, and for what it leaves out.
    NewQemu,
    /// The device tree compiler.
    Dtc,
    /// Debian's U-Boot for QEMU's boards.
    UBoot,
    /// `mkimage` and `dumpimage`.
    UBootTools,
    /// A C compiler, for the plug-ins that QEMU loads.
    Cc,
    /// The C preprocessor, for device tree sources with `#include`.
    Cpp,
    /// A browser without a window.
    Chromium,
    /// Counts the instructions of a program on the host.
    Valgrind,
    /// Packs kernels as distributions do.
    Zstd,
    /// A Linux to boot.
    Kernel(Series),
    /// The one program of the initramfs.
    Busybox,
    /// The device trees of Debian's arm64 kernel.
    Corpus,
    /// The device trees of another kernel of Debian's.
    Trees(Series),
    /// UEFI firmware and boot loaders.
    Efi(Release),
    /// Runs `ukify`.
    Python,
    /// Makes keys.
    OpenSsl,
    /// Signs EFI images.
    Sbsign,
    /// A C compiler and library for arm64 Linux.
    CrossCc,
    /// The standard library for arm64 Linux.
    CrossStd,
    /// Runs programs of arm64 Linux.
    QemuUser,
    /// Makes and reads packages of Debian.
    Dpkg,
    /// Judges packages by Debian's policy.
    Lintian,
    /// Lays out a Debian without a machine.
    Debootstrap,
    /// Copies a project to where a job runs.
    Rsync,
    /// A Debian without Rust.
    Debian(Release),
    /// A program of a registry.
    Tool(Tool),
}

impl Need {
    /// Returns what boots through every loader, payload and kernel need.
    pub(crate) fn of_boots() -> Vec<Self> {
        let mut needs = vec![Self::Busybox, Self::Corpus, Self::BareTarget, Self::NewQemu];
        needs.extend([Self::UBoot, Self::UBootTools, Self::Zstd]);
        needs.extend(Series::ALL.map(Self::Kernel));
        needs.extend(Self::of_efi());
        needs
    }

    /// Returns what boots by UEFI need.
    pub(crate) fn of_efi() -> Vec<Self> {
        let mut needs = Release::ALL.map(Self::Efi).to_vec();
        needs.extend([Self::Python, Self::OpenSsl, Self::Sbsign]);
        needs
    }

    /// Returns what the tests need.
    pub(crate) fn of_tests() -> Vec<Self> {
        let trees = [Series::V5_10, Series::V6_1, Series::V7].map(Self::Trees);
        let others = vec![Self::Cc, Self::Cpp, Self::Chromium, Self::Valgrind];
        [Self::of_boots(), trees.to_vec(), others].concat()
    }

    /// Names it for a person.
    pub(crate) fn what(self) -> String {
        match self {
            Self::BareTarget => format!("a Rust target {}", bare_target::TARGET),
            Self::Qemu => "qemu-system-aarch64".into(),
            Self::NewQemu => "QEMU 10 or newer".into(),
            Self::Dtc => "dtc".into(),
            Self::UBoot => "U-Boot for QEMU".into(),
            Self::UBootTools => "mkimage and dumpimage".into(),
            Self::Cc => "a C compiler".into(),
            Self::Cpp => "the C preprocessor".into(),
            Self::Chromium => "Chromium".into(),
            Self::Valgrind => "valgrind".into(),
            Self::Zstd => "zstd".into(),
            Self::Kernel(series) if series.is_built() => {
                format!("the kernel {} from Debian's sources", series.name())
            }
            Self::Kernel(series) => format!("Debian's arm64 Linux {}", series.name()),
            Self::Busybox => "a static arm64 busybox".into(),
            Self::Corpus => "the device trees of Debian's arm64 Linux 6.12 and that kernel".into(),
            Self::Trees(series) => format!("the device trees of Debian's arm64 Linux {}", series.name()),
            Self::Efi(release) => format!("UEFI firmware and boot loaders of Debian {}", release.number()),
            Self::Python => "python3".into(),
            Self::OpenSsl => "openssl".into(),
            Self::Sbsign => "sbsign".into(),
            Self::CrossCc => "a C compiler for arm64 Linux".into(),
            Self::CrossStd => format!("a Rust standard library for {}", cross::TARGET),
            Self::QemuUser => "qemu-aarch64-static".into(),
            Self::Dpkg => "dpkg-deb".into(),
            Self::Lintian => "lintian".into(),
            Self::Debootstrap => "debootstrap".into(),
            Self::Rsync => "rsync".into(),
            Self::Debian(release) => format!("a Debian {} without Rust", release.number()),
            Self::Tool(tool) => tool.what(),
        }
    }

    /// Says what it is for.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::BareTarget => "compiles the stage, which runs before any operating system",
            Self::Qemu => "is the board that everything boots on",
            Self::NewQemu => "has newer boards, models alignment faults, and shows memory to a plug-in",
            Self::Dtc => "compiles the board descriptions and scenarios",
            Self::UBoot => "is the loader that the stage is measured against",
            Self::UBootTools => "write and read bundles independently of `ringfence pack`",
            Self::Cc => {
                "builds what QEMU loads as a plug-in: the instruction counter and the model of a cache"
            }
            Self::Cpp => "expands the includes of device tree sources",
            Self::Chromium => "opens the drawn map and works it by mouse and keyboard",
            Self::Valgrind => "counts what judging ten times as many regions costs",
            Self::Zstd => "packs a kernel as distributions do",
            Self::Kernel(_) => "is the kernel whose carveouts must hold",
            Self::Busybox => "runs in the booted Linux and prints its memory map",
            Self::Corpus => {
                "are real trees that must be carried through unchanged, and the kernel of a real board"
            }
            Self::Trees(_) => "are real trees in which every error must be a known defect",
            Self::Efi(_) => "start the EFI face as boards with UEFI do",
            Self::Python => "runs ukify, which makes unified kernel images",
            Self::OpenSsl => "makes the keys of a board with Secure Boot",
            Self::Sbsign => "signs images for a board with Secure Boot",
            Self::CrossCc => "links the tool for arm64, and programs of the booted Linux",
            Self::CrossStd => "is compiled into the tool for arm64",
            Self::QemuUser => "runs the tool for arm64 once it is built",
            Self::Dpkg => "makes the Debian packages",
            Self::Lintian => "judges the Debian packages as a maintainer of Debian does",
            Self::Debootstrap => "lays out a Debian without Rust, in which the packages are tried",
            Self::Rsync => "copies a project to where a job of GitLab runs",
            Self::Debian(_) => "installs the packages as a user does",
            Self::Tool(tool) => tool.why(),
        }
    }

    /// Says where it would come from.
    pub(crate) fn how(self) -> String {
        match self {
            Self::Kernel(series) if series.is_built() => {
                format!("about {} MB of sources, then built", self.megabytes())
            }
            Self::Kernel(_)
            | Self::NewQemu
            | Self::Busybox
            | Self::Corpus
            | Self::Trees(_)
            | Self::Efi(_)
            | Self::Sbsign
            | Self::CrossStd
            | Self::Debian(_)
            | Self::QemuUser => {
                format!("fetched from Debian into the target directory, about {} MB", self.megabytes())
            }
            Self::Tool(tool) => tool.how(),
            Self::BareTarget => format!("Debian packages {}, then built once", self.packages().join(" ")),
            _ => format!("Debian package {}", self.packages().join(" ")),
        }
    }

    /// Host packages that provide it, none when it is fetched into the cache.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::BareTarget => &["rustc-web", "rust-web-src", "lld-19"],
            Self::Qemu => &["qemu-system-arm"],
            Self::Dtc => &["device-tree-compiler"],
            Self::UBoot => &["u-boot-qemu"],
            Self::UBootTools => &["u-boot-tools"],
            Self::Cc => &["gcc", "libc6-dev"],
            Self::Cpp => &["cpp"],
            Self::Chromium => &["chromium"],
            Self::Valgrind => &["valgrind"],
            Self::Zstd => &["zstd"],
            Self::Python => &["python3"],
            Self::OpenSsl => &["openssl"],
            Self::Kernel(series) if series.is_built() => &build::PACKAGES,
            Self::CrossCc => &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
            // The libraries for the host of the compiler that the library for the target belongs to.
            Self::CrossStd => &["rustc-web", "libstd-rust-web-dev"],
            Self::Dpkg => &["dpkg"],
            Self::Lintian => &["lintian"],
            Self::Debootstrap => &["debootstrap"],
            Self::Rsync => &["rsync"],
            Self::Tool(tool) => tool.packages(),
            Self::Kernel(_)
            | Self::NewQemu
            | Self::Busybox
            | Self::Corpus
            | Self::Trees(_)
            | Self::Efi(_)
            | Self::Sbsign
            | Self::Debian(_)
            | Self::QemuUser => &[],
        }
    }

    /// Tells whether the host packages alone provide it.
    pub(super) fn is_of_packages(self) -> bool {
        let is_made_after = matches!(self, Self::Kernel(_) | Self::CrossStd | Self::Tool(_));
        !is_made_after && !self.packages().is_empty()
    }

    /// Tells whether it is there already, without any network.
    pub(crate) fn is_met(self, ws: &Workspace) -> bool {
        match self {
            Self::BareTarget => bare_target::is_available(ws),
            Self::Qemu => find_program("qemu-system-aarch64").is_some(),
            Self::NewQemu => emulator::is_there(ws),
            Self::Dtc => find_program("dtc").is_some(),
            Self::UBoot => uboot_image().is_file(),
            Self::UBootTools => find_program("mkimage").is_some() && find_program("dumpimage").is_some(),
            Self::Cc => find_program("cc").is_some(),
            Self::Cpp => find_program("cpp").is_some(),
            Self::Chromium => find_program("chromium").is_some(),
            Self::Valgrind => find_program("valgrind").is_some(),
            Self::Zstd => find_program("zstd").is_some(),
            Self::Kernel(series) if series.is_built() => build::is_kept(ws, series),
            Self::Kernel(series) => {
                series.image(ws).is_file() && (!series.has_modules() || series.modules(ws).is_dir())
            }
            Self::Busybox => busybox(ws).is_file(),
            Self::Corpus => corpus(ws).is_dir() && board_kernel(ws).is_file(),
            Self::Trees(series) => series.trees(ws).is_dir(),
            Self::Efi(release) => release.is_kept(ws),
            Self::Python => find_program("python3").is_some(),
            Self::OpenSsl => find_program("openssl").is_some(),
            Self::Sbsign => efi::sbsign(ws).is_file(),
            Self::CrossCc => find_program(cross::LINKER).is_some(),
            Self::CrossStd => cross::is_available(ws),
            Self::QemuUser => qemu_user(ws).is_file(),
            Self::Dpkg => find_program("dpkg-deb").is_some(),
            Self::Lintian => find_program("lintian").is_some(),
            Self::Debootstrap => find_program("debootstrap").is_some(),
            Self::Rsync => find_program("rsync").is_some(),
            Self::Debian(release) => debian::is_there(ws, release),
            Self::Tool(tool) => tool.is_met(ws),
        }
    }

    /// Returns the commands with which a person brings it in by hand.
    pub(crate) fn commands(self, ws: &Workspace) -> Vec<String> {
        match self {
            Self::BareTarget => vec![
                format!("rustup target add {}", bare_target::TARGET),
                format!("or: {}", apt::command_line(self.packages())),
            ],
            Self::Kernel(series) if series.is_built() => {
                vec![format!("cargo xtask kernels {}", series.name())]
            }
            Self::Kernel(_)
            | Self::NewQemu
            | Self::Busybox
            | Self::Corpus
            | Self::Trees(_)
            | Self::Efi(_)
            | Self::Sbsign
            | Self::QemuUser => debs::commands(ws),
            Self::Debian(_) => vec!["cargo xtask packages".into()],
            Self::Tool(_) | Self::CrossStd => vec!["cargo xtask dist".into()],
            _ => vec![apt::command_line(self.packages())],
        }
    }

    /// Fetches or builds what packages alone do not give.
    pub(crate) fn bring_in(self, ws: &Workspace) -> Result<()> {
        match self {
            Self::BareTarget => bare_target::toolchain(ws, bare_target::TARGET).map(drop),
            Self::Kernel(series) if series.is_built() => build::build(ws, series),
            Self::Kernel(series) => debs::fetch_kernel(ws, series),
            Self::NewQemu => emulator::fetch(ws),
            Self::Busybox => debs::fetch_busybox(ws, &busybox(ws)),
            Self::Corpus => debs::fetch_corpus(ws, &corpus(ws), &board_kernel(ws)),
            Self::Trees(series) => debs::fetch_trees(ws, series),
            Self::Efi(release) => release.fetch(ws),
            Self::Sbsign => efi::fetch_sbsign(ws),
            Self::CrossStd => cross::fetch(ws),
            Self::QemuUser => debs::fetch_host_files(
                ws,
                "qemu-user-static",
                &[("usr/bin/qemu-aarch64-static", "qemu-aarch64-static")],
                &ws.cache().join("qemu-user"),
            ),
            Self::Debian(release) => debian::lay_out(ws, release),
            Self::Tool(tool) => tool.bring_in(ws),
            _ => Ok(()),
        }
    }

    fn megabytes(self) -> u32 {
        match self {
            Self::Kernel(series) => series.megabytes(),
            Self::Busybox | Self::Sbsign => 1,
            Self::NewQemu => 10,
            Self::Efi(_) => 12,
            Self::Corpus => 92,
            Self::CrossStd => 40,
            Self::QemuUser => 63,
            Self::Debian(_) => 90,
            _ => 0,
        }
    }
}

/// Returns where set-up keeps the arm64 busybox.
pub(crate) fn busybox(ws: &Workspace) -> PathBuf {
    ws.cache().join("busybox-arm64")
}

/// Returns where set-up keeps the trees of Debian's kernel package.
pub(crate) fn corpus(ws: &Workspace) -> PathBuf {
    ws.cache().join("corpus")
}

/// Returns where set-up keeps the kernel with drivers for boards, which comes in the same package.
pub(crate) fn board_kernel(ws: &Workspace) -> PathBuf {
    ws.cache().join("linux-6.12-boards/Image")
}

/// Returns where Debian's package puts the U-Boot for the 64-bit `virt` board.
pub(crate) fn uboot_image() -> &'static Path {
    Path::new("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
}

/// Returns the program that runs programs of arm64 Linux: on the machine, or in the cache.
pub(crate) fn qemu_user(ws: &Workspace) -> PathBuf {
    let kept = || ws.cache().join("qemu-user/qemu-aarch64-static");
    find_program("qemu-aarch64-static").or_else(|| find_program("qemu-aarch64")).unwrap_or_else(kept)
}
