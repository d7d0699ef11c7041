//! Finds what is to be booted. The first that is there wins:
//!
//! | form | where |
//! |---|---|
//! | unified image | sections `.linux`, `.initrd`, `.cmdline`, `.dtb`, `.rfpol` of this very image |
//! | bundle, appended | section `.bundle`, as `ringfence pack --append-to` makes it |
//! | named files | `ringfence.bundle=`, or `ringfence.kernel=` and `ringfence.initrd=`, in the load options |
//! | bundle, as the initrd | what LoadFile2 offers, or `linux,initrd-start` in `/chosen` |

use crate::application::Machine;
use crate::firmware::{files, initrd};
use crate::loader::Loader;
use crate::refusal::{Result, refusal};
use crate::tree;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ringfence::payload;

/// What is to be booted. All bytes stay as long as boot services do.
#[derive(Default)]
pub(crate) struct Payload {
    /// Where it comes from, for people.
    pub(crate) from: &'static str,
    /// An image that the firmware can load.
    pub(crate) kernel: &'static [u8],
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
    /// Whether the bundle was where the initrd belongs.
    pub(crate) is_in_slot: bool,
}

impl Payload {
    /// Finds the payload.
    pub(crate) fn find(loader: &Loader, machine: &Machine) -> Result<Self> {
        let section = |name: &[u8]| loader.image.and_then(|image| image.section(name));
        let options = &loader.options;
        if let Some(word) = options.named_file().filter(|_| loader.secure) {
            return Err(refusal!(
                "Secure Boot is on, and nobody has signed what `{word}` names; put it into this image, and sign that"
            ));
        }
        let policy = match &options.policy {
            Some(path) => Some(files::read(path)?.leak()),
            None => section(b".rfpol"),
        };
        let payload = Self { line: options.line.clone(), policy, ..Self::default() };
        if let Some(kernel) = section(b".linux") {
            return Ok(Self {
                from: "unified image",
                kernel,
                initrd: section(b".initrd"),
                dtb: section(b".dtb"),
                line: unified_line(payload.line, section(b".cmdline").and_then(text), loader.secure),
                policy: payload.policy,
                ..Self::default()
            });
        }
        if let Some(bundle) = section(b".bundle") {
            return payload.bundle("appended bundle", bundle, loader, machine);
        }
        if let Some(path) = &options.bundle {
            return payload.bundle("bundle", files::read(path)?.leak(), loader, machine);
        }
        if let Some(path) = &options.kernel {
            let initrd = options.initrd.as_deref().map(files::read).transpose()?;
            let kernel = files::read(path)?.leak();
            return Ok(Self {
                from: "named files",
                kernel,
                initrd: initrd.map(|pages| pages.leak()),
                ..payload
            });
        }
        if loader.secure {
            return Err(refusal!(
                "no payload: Secure Boot is on, and this image has no section .linux or .bundle; make a unified image \
                 or append a bundle, and sign the result"
            ));
        }
        let is_bundle = |bytes: &&[u8]| payload::is_bundle(bytes);
        let offered = initrd::read()?.map(|pages| pages.leak()).filter(is_bundle);
        if let Some(bytes) = offered.or_else(|| tree::slot(loader).filter(is_bundle)) {
            let found = payload.bundle("bundle in the initrd's place", bytes, loader, machine)?;
            return Ok(Self { is_in_slot: true, ..found });
        }
        Err(refusal!(
            "no payload: this image has no section .linux or .bundle, the load options have no ringfence.bundle= or \
             ringfence.kernel=, and no bundle is offered as the initrd; name one"
        ))
    }

    fn bundle(
        self,
        from: &'static str,
        bytes: &'static [u8],
        loader: &Loader,
        machine: &Machine,
    ) -> Result<Self> {
        let compatible = loader.tree.as_ref().and_then(|tree| tree.root().prop("compatible"));
        let boards: Vec<&str> = compatible.iter().flat_map(|prop| prop.strings()).collect();
        let config = payload::verified(bytes, &boards, &machine.digest)
            .map_err(|why| refusal!("the {from}: {why}"))?;
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
}

/// Chooses the command line of a unified image, as systemd-stub does: the signed one, unless Secure Boot is off and the
/// loader has passed another.
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

fn text(bytes: &'static [u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?.trim_end_matches(['\0', '\n', ' ']);
    (!text.is_empty()).then(|| text.to_string())
}
