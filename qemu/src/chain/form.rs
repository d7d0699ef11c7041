//! The forms in which a payload comes.

use super::{Link, tree};
use crate::bench::Bench;
use crate::job::{self, Parts};
use crate::machine::{Board, Entry};
use crate::shell::capture;
use anyhow::{Context, Result, anyhow};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A form of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bundle where the loader puts an initrd.
    BundleInSlot,
    /// A bundle behind the stage, in one file.
    BundleAppended,
    /// A bundle with a device tree and an overlay for it.
    Overlays,
    /// A bundle whose kernel is a gzip stream.
    GzipInBundle,
    /// A kernel behind the stage; the initrd is an initrd.
    KernelAppended,
    /// The same with an EFI zboot image.
    ZbootAppended,
    /// Modules in `/chosen`, from QEMU's `guest-loader`.
    Modules,
}

/// Where `guest-loader` puts the modules, clear of what QEMU itself loads.
const KERNEL_AT: u64 = 0x4c00_0000;
const RAMDISK_AT: u64 = 0x5000_0000;

impl Form {
    pub(crate) const ALL: [Self; 7] = [
        Self::BundleInSlot,
        Self::BundleAppended,
        Self::Overlays,
        Self::GzipInBundle,
        Self::KernelAppended,
        Self::ZbootAppended,
        Self::Modules,
    ];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BundleInSlot => "bundle-in-slot",
            Self::BundleAppended => "bundle-appended",
            Self::Overlays => "bundle-with-overlay",
            Self::GzipInBundle => "bundle-gzip",
            Self::KernelAppended => "image-appended",
            Self::ZbootAppended => "zboot-appended",
            Self::Modules => "modules",
        }
    }

    pub(crate) fn is_packed(self) -> bool {
        matches!(self, Self::GzipInBundle | Self::ZbootAppended)
    }

    /// The board with everything loaded, as QEMU would boot it.
    pub(super) fn board(self, bench: &Bench, name: &str, link: &Link) -> Result<Board> {
        let ws = &bench.ws;
        let image = link.model.kernel(ws, link.series);
        let mut more = link.model.more();
        more.extend(link.series.processor());
        let mut append = format!("{} {}", link.model.append(), job::QUICK);
        let mut dtb = Some(match self {
            Self::Overlays => tree::base(ws, link.model, link.level)?,
            _ => tree::whole(ws, link.model, link.level)?,
        });
        let policy = ws.proving_ground().join("boards/carveouts.toml");
        let policy = link.model.is_virt().then_some(policy);
        let parts =
            Parts { kernel: image.clone(), initrd: Some(bench.initrd.clone()), policy: policy.clone() };
        let appended = |stage: &Path, payload: &[u8]| -> Result<PathBuf> {
            let whole =
                ringfence::appended::append(&fs::read(stage)?, payload).map_err(|why| anyhow!("{why}"))?;
            tree::keep(&ws.scratch_file("chain", name, "img")?, &whole)
        };
        let (stage, initrd) = match self {
            Self::BundleInSlot => (bench.stage.image.clone(), Some(bench.tool.pack(ws, name, &parts)?)),
            Self::BundleAppended => {
                let whole = ws.scratch_file("chain", name, "img")?;
                let mut pack = bench.tool.command();
                pack.arg("pack").arg("--kernel").arg(&image).arg("--initrd").arg(&bench.initrd);
                if let Some(policy) = &policy {
                    pack.arg("--policy").arg(policy);
                }
                pack.arg("--append-to").arg(&bench.stage.image);
                capture(pack.arg("-o").arg(&whole))?;
                (whole, None)
            }
            Self::Overlays => {
                let bundle = ws.scratch_file("bundles", name, "itb")?;
                let mut pack = bench.tool.command();
                pack.arg("pack").arg("--kernel").arg(&image).arg("--initrd").arg(&bench.initrd);
                if let Some(policy) = &policy {
                    pack.arg("--policy").arg(policy);
                }
                // The bundle's tree is the board's, so it must say what QEMU would have filled in.
                let base = dtb.clone().context("no tree")?;
                let base = tree::with_bootargs(&base, &ws.scratch_file("chain", name, "dtb")?, &append)?;
                pack.arg("--dtb").arg(&base).arg("--overlay").arg(tree::carveouts(ws, link.model)?);
                capture(pack.arg("-o").arg(&bundle))?;
                dtb = Some(base);
                (bench.full.image.clone(), Some(bundle))
            }
            Self::GzipInBundle => {
                let packed = tree::keep(&ws.scratch_file("chain", name, "gz")?, &gzip(&image)?)?;
                (bench.full.image.clone(), Some(mkimage(bench, name, &packed, policy.as_deref())?))
            }
            Self::KernelAppended => {
                (appended(&bench.stage.image, &fs::read(&image)?)?, Some(bench.initrd.clone()))
            }
            Self::ZbootAppended => {
                (appended(&bench.full.image, &zboot(&gzip(&image)?))?, Some(bench.initrd.clone()))
            }
            Self::Modules => {
                more.extend(guest(&format!(
                    "addr={KERNEL_AT:#x},kernel={},bootargs={}",
                    image.display(),
                    // QEMU reads a doubled comma as one of the text's own.
                    append.replace(',', ",,")
                )));
                more.extend(guest(&format!("addr={RAMDISK_AT:#x},initrd={}", bench.initrd.display())));
                // Those of the kernel module must win over these.
                append = "console=none".into();
                dtb = None;
                (bench.stage.image.clone(), None)
            }
        };
        Ok(Board {
            machine: link.model.machine(),
            level: link.level,
            ram: link.model.ram(),
            entry: Entry::Linux { kernel: stage, initrd, dtb, append: Some(append) },
            plugin: None,
            more,
        })
    }
}

fn guest(options: &str) -> [String; 2] {
    ["-device".into(), format!("guest-loader,{options}")]
}

fn gzip(image: &Path) -> Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&fs::read(image)?)?;
    Ok(gzip.finish()?)
}

/// Wraps a stream as the kernel's build does (drivers/firmware/efi/libstub/zboot-header.S), without the program
/// that only EFI would run.
fn zboot(stream: &[u8]) -> Vec<u8> {
    let mut image = b"MZ\0\0zimg".to_vec();
    image.extend(64_u32.to_le_bytes());
    image.extend(u32::try_from(stream.len()).unwrap_or(u32::MAX).to_le_bytes());
    image.resize(24, 0);
    image.extend(b"gzip");
    image.resize(64, 0);
    image.extend(stream);
    image
}

/// A bundle as other people make it: by U-Boot's tool, data outside of the tree.
fn mkimage(bench: &Bench, name: &str, kernel: &Path, policy: Option<&Path>) -> Result<PathBuf> {
    let ws = &bench.ws;
    let (source, bundle) = (ws.scratch_file("chain", name, "its")?, ws.scratch_file("bundles", name, "itb")?);
    let image = |name: &str, kind: &str, compression: &str, file: &Path| {
        format!(
            "{name} {{ data = /incbin/(\"{}\"); type = \"{kind}\"; arch = \"arm64\"; os = \"linux\"; \
             compression = \"{compression}\"; load = <0>; entry = <0>; hash {{ algo = \"crc32\"; }}; }};\n",
            file.display()
        )
    };
    let mut images =
        image("kernel", "kernel", "gzip", kernel) + &image("ramdisk", "ramdisk", "none", &bench.initrd);
    let mut loadables = "";
    if let Some(policy) = policy {
        let blob = ws.scratch_file("chain", name, "policy")?;
        capture(bench.tool.command().args(["policy", "build"]).arg(policy).arg("-o").arg(&blob))?;
        images += &image("policy", "firmware", "none", &blob);
        loadables = "loadables = \"policy\";";
    }
    let text = format!(
        "/dts-v1/;\n/ {{ description = \"a bundle\"; images {{ {images} }}; configurations {{ default = \
         \"conf\"; conf {{ kernel = \"kernel\"; ramdisk = \"ramdisk\"; {loadables} }}; }}; }};\n"
    );
    fs::write(&source, text)?;
    capture(Command::new("mkimage").args(["-E", "-f"]).args([&source, &bundle]))?;
    Ok(bundle)
}
