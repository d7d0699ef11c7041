//! One image of a bundle: its bytes and their hashes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::crc32::crc32;
use super::{Fit, FitError};
use crate::fdt::Node;
use crate::packing::Packing;

/// Most hashes computed for one image; each costs a pass over its bytes.
const MAX_HASHES: usize = 8;

/// A hash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// CRC-32 as in zlib, four bytes big endian. Detects accidents, not attacks.
    Crc32,
}

impl Algorithm {
    /// Returns the name that FIT files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Crc32 => "crc32",
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Crc32 => 4,
        }
    }
}

/// A recorded hash of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash<'a> {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The value, of the algorithm's length.
    pub value: &'a [u8],
}

/// An image of a bundle.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// Node name under `/images`.
    pub name: String,
    /// The `description` property, empty when absent.
    pub description: &'a str,
    /// The `type` property, empty when absent.
    pub kind: String,
    /// The compression that it is labelled with; `None` for an image that is not compressed.
    pub packing: Option<Packing>,
    /// The compression that it is labelled with, where ringfence cannot unpack it. It does not matter for a
    /// ramdisk, which Linux unpacks.
    pub foreign: Option<String>,
    /// The bytes as stored, compressed or not.
    pub data: &'a [u8],
    /// Offset of `data` in bytes from the bundle's start. The bundle's address in memory plus this is
    /// the physical address.
    pub data_offset: u64,
    /// The recorded hashes. All of them must match.
    pub hashes: Vec<Hash<'a>>,
}

impl<'a> Image<'a> {
    pub(super) fn read(fit: &Fit<'a>, node: Node<'_, 'a>) -> Result<Self, FitError> {
        let name = node.name().to_string();
        let (data_offset, data) = locate(fit, node)?;
        let text = |key| node.prop(key).and_then(|prop| prop.as_str());
        let label = text("compression").filter(|label| *label != "none");
        let packing = label.and_then(Packing::named);
        let foreign = label.filter(|_| packing.is_none()).map(ToString::to_string);
        let hashes = read_hashes(node)?;
        Ok(Self {
            name,
            description: text("description").unwrap_or_default(),
            kind: text("type").unwrap_or_default().to_string(),
            packing,
            foreign,
            data,
            data_offset,
            hashes,
        })
    }

    /// Checks that ringfence can read the image.
    ///
    /// # Errors
    /// [`FitError::Compression`].
    pub fn check_label(&self) -> Result<(), FitError> {
        match &self.foreign {
            None => Ok(()),
            Some(found) => Err(FitError::Compression { image: self.name.clone(), found: found.clone() }),
        }
    }

    /// Checks that there is a hash.
    ///
    /// # Errors
    /// [`FitError::Unhashed`].
    pub fn check_hashed(&self) -> Result<(), FitError> {
        if self.hashes.is_empty() { Err(FitError::Unhashed { image: self.name.clone() }) } else { Ok(()) }
    }

    /// Verifies every recorded hash in software.
    ///
    /// # Errors
    /// [`FitError::HashMismatch`], or [`FitError::Unhashed`] when the image has no hash.
    pub fn verify(&self) -> Result<(), FitError> {
        self.verify_with(&|data| Sha256::digest(data).into())
    }

    /// Verifies every recorded hash. `sha256` computes SHA-256, for which processors have instructions.
    ///
    /// # Errors
    /// As [`Image::verify`].
    pub fn verify_with(&self, sha256: &dyn Fn(&[u8]) -> [u8; 32]) -> Result<(), FitError> {
        self.verify_copy(self.data, sha256)
    }

    /// Verifies every recorded hash of `copy`, which is said to be what [`Image::data`] was.
    ///
    /// # Errors
    /// As [`Image::verify`].
    pub fn verify_copy(&self, copy: &[u8], sha256: &dyn Fn(&[u8]) -> [u8; 32]) -> Result<(), FitError> {
        self.check_hashed()?;
        for hash in &self.hashes {
            let holds = match hash.algorithm {
                Algorithm::Sha256 => sha256(copy) == hash.value,
                Algorithm::Crc32 => crc32(copy).to_be_bytes() == hash.value,
            };
            if !holds {
                let algorithm = hash.algorithm.name();
                return Err(FitError::HashMismatch { image: self.name.clone(), algorithm });
            }
        }
        Ok(())
    }
}

/// Finds an image's bytes: offset from the bundle's start, and the bytes.
fn locate<'a>(fit: &Fit<'a>, node: Node<'_, 'a>) -> Result<(u64, &'a [u8]), FitError> {
    if let Some((prop, offset)) = node.prop("data").zip(node.value_offset("data")) {
        return Ok((offset as u64, prop.value));
    }
    let number = |name| match node.prop(name) {
        Some(prop) => {
            prop.as_u32().map(|n| Some(u64::from(n))).ok_or_else(|| FitError::malformed(node, name))
        }
        None => Ok(None),
    };
    // U-Boot counts `data-offset` from the tree's end, rounded up to four bytes.
    let tree_end = (fit.tree.blob().bytes().len() as u64).next_multiple_of(4);
    let offset = match (number("data-position")?, number("data-offset")?) {
        (Some(position), _) => position,
        (None, Some(offset)) => tree_end.saturating_add(offset),
        (None, None) => return Err(FitError::NoData { image: node.name().to_string() }),
    };
    let size = number("data-size")?.ok_or_else(|| FitError::malformed(node, "data-size"))?;
    let data = usize::try_from(offset)
        .ok()
        .zip(usize::try_from(size).ok())
        .and_then(|(start, len)| fit.bytes.get(start..start.checked_add(len)?));
    data.map(|data| (offset, data)).ok_or_else(|| FitError::DataOutside {
        image: node.name().to_string(),
        offset,
        size,
        bundle: fit.bytes.len() as u64,
    })
}

fn read_hashes<'a>(image: Node<'_, 'a>) -> Result<Vec<Hash<'a>>, FitError> {
    let mut hashes = Vec::new();
    for node in image.children().filter(|node| node.name().starts_with("hash")) {
        let name = node.prop("algo").and_then(|prop| prop.as_str());
        let algorithm = match name.ok_or_else(|| FitError::malformed(node, "algo"))? {
            "sha256" => Algorithm::Sha256,
            "crc32" => Algorithm::Crc32,
            other => {
                let algorithm = other.to_string();
                return Err(FitError::UnknownHash { image: image.name().to_string(), algorithm });
            }
        };
        let value = node.prop("value").ok_or_else(|| FitError::malformed(node, "value"))?.value;
        if value.len() != algorithm.len() {
            return Err(FitError::HashLength {
                image: image.name().to_string(),
                algorithm: algorithm.name(),
                found: value.len(),
            });
        }
        if hashes.len() == MAX_HASHES {
            return Err(FitError::TooMany { what: "hashes", node: image.path(), limit: MAX_HASHES });
        }
        hashes.push(Hash { algorithm, value });
    }
    Ok(hashes)
}
