//! Finds what is to be booted. The first that is there wins:
//!
//! | form | where |
//! |---|---|
//! | unified image | sections `.linux`, `.initrd`, `.cmdline`, `.dtb`, `.rfpol` of this very image |
//! | bundle, appended | section `.bundle`, as `ringfence pack --append-to` makes it |
//! | named files | `ringfence.bundle=`, or `ringfence.kernel=` and `ringfence.initrd=`, in the load options |
//! | bundle, as the initrd | what LoadFile2 offers, or `linux,initrd-start` in `/chosen` |

use crate::firmware::pages::Pages;
use crate::firmware::{files, initrd};
use crate::loader::Loader;
use crate::machine::Machine;
use crate::refusal::{Result, refusal};
use crate::slot;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ringfence::efi::pe;
use ringfence::fdt::Tree;
use ringfence::payload::{Kernel, PayloadError, appended, is_bundle, verified};
use ringfence::profile::PageSize;
use ringfence::span::Span;

/// A place of the initrd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// What LoadFile2 offers.
    LoadFile2,
    /// What `/chosen` names.
    Chosen,
}

/// What is to be booted. All bytes stay as long as boot services do.
#[derive(Default)]
pub(crate) struct Payload {
    /// Where it comes from, for people.
    pub(crate) from: &'static str,
    /// An image that the firmware can load.
    pub(crate) kernel: &'static [u8],
    /// The page size of the kernel, where it is known.
    pub(crate) page_size: Option<PageSize>,
    /// The initial ramdisk; `None` leaves what a boot loader offers.
    pub(crate) initrd: Option<&'static [u8]>,
    /// The device tree that takes the place of the loader's.
    pub(crate) dtb: Option<&'static [u8]>,
    /// What is applied to it, in this order.
    pub(crate) overlays: Vec<(String, &'static [u8])>,
    /// The policy, as it travels.
    pub(crate) policy: Option<&'static [u8]>,
    /// The kernel's command line; `None` leaves the tree's.
    pub(crate) line: Option<String>,
    /// Where the initrd belongs and the bundle is, if it is there.
    pub(crate) slot: Option<Slot>,
}

impl Payload {
    /// Finds the payload, and checks its kernel.
    pub(crate) fn find(loader: &Loader, machine: &impl Machine) -> Result<Self> {
        let mut payload = Self::read(loader, machine)?;
        payload.open_kernel(machine)?;
        Ok(payload)
    }

    fn read(loader: &Loader, machine: &impl Machine) -> Result<Self> {
        let section = |name: &[u8]| loader.image.and_then(|image| image.section(name));
        let options = &loader.options;
        if let Some(word) = options.named_file().filter(|_| loader.secure) {
            return Err(refusal!(
                "Secure Boot is on, and what `{word}` names is not signed; put it into this image"
            ));
        }
        let policy = match &options.policy {
            Some(path) => Some(files::read(path)?.leak()),
            None => section(pe::POLICY),
        };
        let payload = Self { line: options.line.clone(), policy, ..Self::default() };
        if let Some(kernel) = section(b".linux") {
            let own = section(b".cmdline").map(text).transpose()?.flatten();
            return Ok(Self {
                from: "unified image",
                kernel,
                initrd: section(b".initrd"),
                dtb: section(b".dtb"),
                line: unified_line(payload.line, own, loader.secure),
                policy: payload.policy,
                ..Self::default()
            });
        }
        if let Some(bundle) = section(appended::SECTION) {
            return payload.of_bundle("appended bundle", bundle, loader, machine);
        }
        if loader.secure {
            return Err(refusal!(
                "no payload: Secure Boot is on, and this image has no section .linux or .bundle; make a \
                 unified image or append a bundle, and sign the result"
            ));
        }
        if let Some(path) = &options.bundle {
            return payload.of_bundle("bundle", files::read(path)?.leak(), loader, machine);
        }
        if let Some(path) = &options.kernel {
            let initrd = options.initrd.as_deref().map(files::read).transpose()?;
            let kernel = files::read(path)?.leak();
            return Ok(Self { from: "named files", kernel, initrd: initrd.map(Pages::leak), ..payload });
        }
        let offered = initrd::read()?.map(Pages::leak).map(|bytes| (Slot::LoadFile2, bytes));
        let named = || slot::bytes(loader).map(|bytes| (Slot::Chosen, bytes));
        let is_there = |(_, bytes): &(Slot, &[u8])| is_bundle(bytes);
        if let Some((slot, bytes)) = offered.filter(is_there).or_else(|| named().filter(is_there)) {
            let found = payload.of_bundle("bundle in the initrd's place", bytes, loader, machine)?;
            return Ok(Self { slot: Some(slot), ..found });
        }
        Err(refusal!(
            "no payload: this image has no section .linux or .bundle, the load options have no \
             ringfence.bundle= or ringfence.kernel=, and no bundle is offered as the initrd; name one"
        ))
    }

    fn of_bundle(
        self,
        from: &'static str,
        bytes: &'static [u8],
        loader: &Loader,
        machine: &impl Machine,
    ) -> Result<Self> {
        let boards: Vec<&str> = loader.tree.iter().flat_map(Tree::board_names).collect();
        let config = verified(bytes, &boards, &|data| machine.sha256(data))
            .map_err(|why| refusal!("the {from}: {why}"))?;
        if let [further, ..] = config.further_ramdisks.as_slice() {
            console!("the {from}: the ramdisk {further} is not used, because there is one before it");
        }
        Ok(Self {
            from,
            kernel: config.kernel.data,
            initrd: config.ramdisk.map(|image| image.data),
            dtb: config.fdt.map(|image| image.data),
            overlays: config.overlays.into_iter().map(|image| (image.name, image.data)).collect(),
            policy: config.policy.map(|image| image.data).or(self.policy),
            ..self
        })
    }

    /// Reads the kernel's page size, and unpacks a kernel that is not an EFI image as it is.
    fn open_kernel(&mut self, machine: &impl Machine) -> Result<()> {
        let at = Span::new(self.kernel.as_ptr() as u64, self.kernel.len() as u64);
        let at = at.ok_or_else(|| refusal!("the kernel is empty; make the payload anew"))?;
        let is_image = self.kernel.starts_with(b"MZ");
        let kernel = match Kernel::open(at, self.kernel, machine) {
            Ok(kernel) => kernel,
            // The firmware starts it all the same, and it unpacks itself.
            Err(PayloadError::NoUnpacker(packing)) if is_image => {
                console!("the page size of the kernel is not known: it is packed with {}", packing.name());
                return Ok(());
            }
            Err(why) => return Err(refusal!("the {}: {why}", self.from)),
        };
        self.page_size = kernel.page_size;
        if let Some(stream) = kernel.stream.filter(|_| !is_image) {
            let len = usize::try_from(kernel.facts.image_size).unwrap_or(usize::MAX);
            let place = Pages::new(len, "the unpacked kernel")?.leak_mut();
            self.kernel = machine.unpack(&kernel, stream, place).ok_or_else(|| {
                refusal!("the packed kernel is damaged, or not as long as it says; make it anew")
            })?;
        }
        Ok(())
    }
}

/// Chooses the command line of a unified image, as systemd-stub does: the signed one, unless Secure Boot is
/// off and the loader has passed another.
fn unified_line(passed: Option<String>, own: Option<String>, secure: bool) -> Option<String> {
    match (passed, own) {
        (Some(_), Some(own)) if secure => {
            console!(
                "load options: ignored, because Secure Boot is on and the image has a command line of its own"
            );
            Some(own)
        }
        (passed, own) => passed.or(own),
    }
}

/// Reads the section with the command line, up to its end or a NUL; `None` when it is empty.
fn text(bytes: &[u8]) -> Result<Option<String>> {
    let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = core::str::from_utf8(bytes)
        .map_err(|_| refusal!("the section .cmdline is not UTF-8; build the image anew"))?;
    let text = text.trim_ascii();
    Ok((!text.is_empty()).then(|| text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_ends_at_a_nul_and_has_no_blanks_around_it() {
        assert_eq!(text(b" console=ttyAMA0\n\0garbage\xff"), Ok(Some("console=ttyAMA0".into())));
        assert_eq!(text(b"\n\0"), Ok(None));
        assert!(text(b"quiet \xff").is_err());
    }
}
