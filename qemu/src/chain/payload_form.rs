//! The forms in which a payload comes.

use crate::boards::{BoardConfig, tree};
use crate::job::{self, Parts};
use crate::machine::{Board, Entry, Level};
use crate::setup::Series;
use crate::shell::{capture, piped_through_zstd};
use crate::stage::Built;
use crate::test_bed::TestBed;
use anyhow::{Result, anyhow};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A form of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadForm {
    /// A bundle in the place of an initrd.
    BundleInSlot,
    /// A bundle appended to the stage.
    BundleAppended,
    /// A bundle with a device tree and an overlay for it.
    Overlays,
    /// A bundle whose kernel is a gzip stream.
    GzipInBundle,
    /// The same with an LZMA stream.
    LzmaInBundle,
    /// A kernel appended to the stage; the initrd is in its slot.
    KernelAppended,
    /// The same with an EFI zboot image.
    ZbootAppended,
    /// The same with zstd inside, and a window as large as distributions' kernels have.
    ZstdAppended,
    /// Modules in `/chosen`, from QEMU's `guest-loader`.
    Modules,
}

/// Where `guest-loader` puts the modules, clear of what QEMU itself loads.
const KERNEL_AT: u64 = 0x4c00_0000;
const RAMDISK_AT: u64 = 0x5000_0000;

impl PayloadForm {
    pub(crate) const ALL: [Self; 9] = [
        Self::BundleInSlot,
        Self::BundleAppended,
        Self::Overlays,
        Self::GzipInBundle,
        Self::LzmaInBundle,
        Self::KernelAppended,
        Self::ZbootAppended,
        Self::ZstdAppended,
        Self::Modules,
    ];

    /// Returns its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BundleInSlot => "bundle-in-slot",
            Self::BundleAppended => "bundle-appended",
            Self::Overlays => "bundle-with-overlay",
            Self::GzipInBundle => "bundle-gzip",
            Self::LzmaInBundle => "bundle-lzma",
            Self::KernelAppended => "image-appended",
            Self::ZbootAppended => "zboot-appended",
            Self::ZstdAppended => "zboot-zstd-appended",
            Self::Modules => "modules",
        }
    }

    pub(crate) fn is_packed(self) -> bool {
        matches!(self, Self::GzipInBundle | Self::LzmaInBundle | Self::ZbootAppended | Self::ZstdAppended)
    }

    /// Returns the stage that it takes: the usual one, or with all that a build may leave out.
    pub(crate) fn stage(self, bed: &TestBed) -> Result<Built> {
        if self.is_packed() || self == Self::Overlays { bed.full() } else { bed.stage() }
    }

    /// Returns the board with everything loaded, as QEMU would boot it.
    pub(super) fn ready(
        self,
        bed: &TestBed,
        name: &str,
        board: &BoardConfig,
        level: Level,
        series: Series,
        kernel: &Path,
    ) -> Result<Board> {
        let ws = &bed.ws;
        let mut more = board.arguments();
        more.extend(series.processor());
        let mut append = format!("{} {} {BLOCKS}", board.append, job::QUICK);
        let mut dtb = Some(bed.tree(board, level)?);
        let policy = ws.proving_ground().join("src/boards/virt/carveouts.toml");
        let policy = board.is_virt().then_some(policy);
        let initrd = bed.initrd()?;
        let parts = Parts {
            kernel: kernel.into(),
            initrd: Some(initrd.clone()),
            policy: policy.clone(),
            ..Parts::default()
        };
        let stage = self.stage(bed)?.image;
        let (image, slot) = match self {
            Self::BundleInSlot => (stage, Some(bed.pack(&parts)?)),
            Self::BundleAppended => {
                let append_to = Some(stage);
                (bed.pack(&Parts { append_to, ..parts })?, None)
            }
            Self::Overlays => {
                // The bundle's tree is the board's, so it must say what QEMU would have filled in.
                let base = tree::base(ws, board, level)?;
                let base = tree::with_bootargs(&base, &ws.scratch_file("chain", name, "dtb")?, &append)?;
                dtb = Some(base.clone());
                let overlay = Some(tree::carveouts(ws, board)?);
                let bundle = bed.tool()?.pack(ws, name, &Parts { dtb: Some(base), overlay, ..parts })?;
                (stage, Some(bundle))
            }
            Self::GzipInBundle => {
                (stage, Some(mkimage(bed, &gzip(bed, kernel)?, "gzip", policy.as_deref())?))
            }
            Self::LzmaInBundle => {
                (stage, Some(mkimage(bed, &lzma(bed, kernel)?, "lzma", policy.as_deref())?))
            }
            Self::KernelAppended => (appended(bed, &stage, kernel)?, Some(initrd)),
            Self::ZbootAppended => {
                let zboot = zboot(bed, &gzip(bed, kernel)?, b"gzip")?;
                (appended(bed, &stage, &zboot)?, Some(initrd))
            }
            Self::ZstdAppended => {
                let zboot = zboot(bed, &zstd(bed, kernel)?, b"zstd")?;
                (appended(bed, &stage, &zboot)?, Some(initrd))
            }
            Self::Modules => {
                more.extend(guest(&format!(
                    "addr={KERNEL_AT:#x},kernel={},bootargs={}",
                    kernel.display(),
                    // QEMU reads a doubled comma as one of the text's own.
                    append.replace(',', ",,")
                )));
                more.extend(guest(&format!("addr={RAMDISK_AT:#x},initrd={}", initrd.display())));
                // Those of the kernel module must win over these.
                append = "console=none".into();
                dtb = None;
                (stage, None)
            }
        };
        Ok(Board {
            machine: board.machine,
            level,
            ram: board.ram,
            entry: Entry::Linux { kernel: image, initrd: slot, dtb, append: Some(append) },
            plugin: None,
            emulator: None,
            more,
        })
    }
}

fn guest(options: &str) -> [String; 2] {
    ["-device".into(), format!("guest-loader,{options}")]
}

/// Linux maps memory in blocks where it may. Page by page, as is its default, takes most of a boot with 64
/// GiB.
const BLOCKS: &str = "rodata=on";

/// Returns the stage with a payload appended.
fn appended(bed: &TestBed, stage: &Path, payload: &Path) -> Result<PathBuf> {
    bed.file("appended", &[stage, payload], "img", || {
        ringfence::payload::appended::append(&fs::read(stage)?, &fs::read(payload)?)
            .map_err(|why| anyhow!("{why}"))
    })
}

fn gzip(bed: &TestBed, image: &Path) -> Result<PathBuf> {
    bed.file("gzip", &[image], "gz", || {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&fs::read(image)?)?;
        Ok(gzip.finish()?)
    })
}

/// As the kernel's build packs it: through a pipe, so that the frame does not say how long it is, with a
/// window of 128 MiB. That takes `--ultra -22` there, and a minute; `--long=27` gives the same window in a
/// second.
fn zstd(bed: &TestBed, image: &Path) -> Result<PathBuf> {
    bed.file("zstd", &[image], "zst", || piped_through_zstd(&["-1", "--long=27"], image))
}

/// As the builds of routers pack it, for U-Boot.
fn lzma(bed: &TestBed, image: &Path) -> Result<PathBuf> {
    bed.file("lzma", &[image], "lzma", || piped_through_zstd(&["-1", "--format=lzma"], image))
}

/// Wraps a stream as the kernel's build does (drivers/firmware/efi/libstub/zboot-header.S), without the
/// program that only EFI would run.
fn zboot(bed: &TestBed, stream: &Path, kind: &[u8; 4]) -> Result<PathBuf> {
    bed.file("zboot", &[stream], "efi", || {
        let stream = fs::read(stream)?;
        let mut image = b"MZ\0\0zimg".to_vec();
        image.extend(64_u32.to_le_bytes());
        image.extend(u32::try_from(stream.len())?.to_le_bytes());
        image.resize(24, 0);
        image.extend(kind);
        image.resize(64, 0);
        image.extend(stream);
        Ok(image)
    })
}

/// Returns a bundle as other people make it: by U-Boot's tool, data outside of the tree.
fn mkimage(bed: &TestBed, kernel: &Path, compression: &str, policy: Option<&Path>) -> Result<PathBuf> {
    let ws = &bed.ws;
    let initrd = bed.initrd()?;
    let mut of = vec![kernel, initrd.as_path()];
    of.extend(policy);
    bed.made("mkimage", &of, |name| {
        let bundle = ws.scratch_file("bundles", name, "itb")?;
        let image = |name: &str, kind: &str, compression: &str, file: &Path| {
            format!(
                "{name} {{ data = /incbin/(\"{}\"); type = \"{kind}\"; arch = \"arm64\"; os = \"linux\"; \
                 compression = \"{compression}\"; load = <0>; entry = <0>; hash {{ algo = \"crc32\"; }}; \
                 }};\n",
                file.display()
            )
        };
        let mut images =
            image("kernel", "kernel", compression, kernel) + &image("ramdisk", "ramdisk", "none", &initrd);
        let mut loadables = "";
        if let Some(policy) = policy {
            let blob = ws.scratch_file("chain", name, "policy")?;
            capture(bed.tool()?.command().args(["policy", "build"]).arg(policy).arg("-o").arg(&blob))?;
            images += &image("policy", "firmware", "none", &blob);
            loadables = "loadables = \"policy\";";
        }
        let text = format!(
            "/dts-v1/;\n/ {{ description = \"a bundle\"; images {{ {images} }}; configurations {{ default = \
             \"conf\"; conf {{ kernel = \"kernel\"; ramdisk = \"ramdisk\"; {loadables} }}; }}; }};\n"
        );
        let source = tree::keep(&ws.scratch_file("chain", name, "its")?, text.as_bytes())?;
        capture(Command::new("mkimage").args(["-E", "-f"]).args([&source, &bundle]))?;
        Ok(bundle)
    })
}
