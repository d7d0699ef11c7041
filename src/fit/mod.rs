//! Reads and writes bundles: FIT images (`.itb`), the container that U-Boot's `mkimage -f` makes.
//!
//! Source: the Flattened Image Tree specification (fitspec.osfw.foundation) and U-Boot's `doc/usage/fit/`.
//! A FIT is a flattened tree with `/images` and `/configurations`. The bytes of an image are either a `data`
//! property or outside the tree (`mkimage -E`), at a position counted from the file's start
//! (`data-position`) or from the tree's end (`data-offset`). The file is not trusted.

mod choose;
mod config;
mod crc32;
mod error;
mod image;
mod pack;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::fdt::{Node, Tree};
use choose::Choice;

pub use config::Config;
pub use error::FitError;
pub use image::{Algorithm, Hash, Image};
pub use pack::{BLOB_ALIGN, FDT_ROOM, LINUX, Layout, Pack, RAMDISK_ALIGN};

/// The `compatible` of an image that is a policy blob.
pub const POLICY_COMPATIBLE: &str = crate::policy::COMPATIBLE;

/// Most bytes of a bundle: U-Boot reads positions in it as signed 32-bit numbers.
pub const MAX_LEN: usize = i32::MAX as usize;

/// A bundle whose tree has been checked. Images are read when a configuration is selected.
pub struct Fit<'a> {
    tree: Tree<'a>,
    bytes: &'a [u8],
}

impl<'a> Fit<'a> {
    /// Checks the tree at the start of `bytes`, which extend at least to the end of the external data.
    ///
    /// # Errors
    /// [`FitError::Tree`] when there is no sound tree, [`FitError::NotAFit`] when the tree is not a FIT.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FitError> {
        Self::with_tree(bytes, bytes)
    }

    /// Checks a copy of the tree at the start of `bytes`, for memory that something else may write to. Images
    /// whose data is in the tree are then those of the copy.
    ///
    /// # Errors
    /// As [`Fit::parse`].
    pub fn with_tree(tree: &'a [u8], bytes: &'a [u8]) -> Result<Self, FitError> {
        let tree = Tree::parse_with_limit(tree, MAX_LEN)?;
        let has = |name: &str| tree.root().children().any(|child| child.name() == name);
        match ["images", "configurations"].into_iter().find(|name| !has(name)) {
            Some(missing) => Err(FitError::NotAFit { missing }),
            None => Ok(Self { tree, bytes }),
        }
    }

    /// Returns the bytes of the bundle.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the offset in bytes of the first byte after the tree and all images of all configurations: the
    /// smallest size that the bundle can have in memory.
    ///
    /// # Errors
    /// As [`Fit::select`], for any image.
    pub fn end(&self) -> Result<u64, FitError> {
        let mut end = self.tree.blob().bytes().len() as u64;
        for node in self.section("images")?.children() {
            let image = Image::read(self, node)?;
            end = end.max(image.data_offset.saturating_add(image.data.len() as u64));
        }
        Ok(end)
    }

    /// Selects the configuration for a board and reads its images.
    ///
    /// `compatibles` are the board's, most specific first. The configuration that matches the most specific
    /// one wins, on a tie the `default` one. A configuration without `compatible` is for the boards that the
    /// root of its device tree names. Where no configuration names a board, or `compatibles` is empty, it is
    /// the `default`, else the only one.
    ///
    /// # Errors
    /// Any [`FitError`] except those of hashes, which [`Image::verify`] reports.
    pub fn select(&self, compatibles: &[&str]) -> Result<Config<'a>, FitError> {
        let configurations = self.section("configurations")?;
        Config::read(self, Choice::new(self, configurations).choose(compatibles)?)
    }

    /// Returns the names of all configurations.
    ///
    /// # Errors
    /// [`FitError::NotAFit`] when there are none.
    pub fn configurations(&self) -> Result<Vec<String>, FitError> {
        let all = self.section("configurations")?.children();
        Ok(all.map(|config| config.name().to_string()).collect())
    }

    /// Reads the images of the configuration with this name.
    ///
    /// # Errors
    /// [`FitError::NoSuchConfiguration`], and any that [`Fit::select`] has.
    pub fn configuration(&self, name: &str) -> Result<Config<'a>, FitError> {
        let mut all = self.section("configurations")?.children();
        let config = all.find(|config| config.name() == name);
        Config::read(self, config.ok_or_else(|| FitError::NoSuchConfiguration { name: name.to_string() })?)
    }

    /// Returns the name of the configuration that [`Fit::select`] reads. Its images are not read, but for the
    /// device trees that name boards.
    ///
    /// # Errors
    /// As [`Fit::select`], but for those of images.
    pub fn choose(&self, compatibles: &[&str]) -> Result<String, FitError> {
        let choice = Choice::new(self, self.section("configurations")?);
        choice.choose(compatibles).map(|config| config.name().to_string())
    }

    /// Reads the device tree of each configuration and its overlays, with the configuration's name. A
    /// configuration without a device tree is left out.
    ///
    /// # Errors
    /// Any [`FitError`] except those of hashes, which [`Image::verify`] reports.
    pub fn device_trees(&self) -> Result<Vec<(String, Vec<Image<'a>>)>, FitError> {
        let mut trees = Vec::new();
        for config in self.section("configurations")?.children() {
            let images = Config::trees(self, config)?;
            if !images.is_empty() {
                trees.push((config.name().to_string(), images));
            }
        }
        Ok(trees)
    }

    fn section(&self, name: &'static str) -> Result<Node<'_, 'a>, FitError> {
        self.tree
            .root()
            .children()
            .find(|node| node.name() == name)
            .ok_or(FitError::NotAFit { missing: name })
    }
}

#[cfg(test)]
mod tests;
