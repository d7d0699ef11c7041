//! Reads and writes bundles: FIT images (`.itb`), the container that U-Boot's `mkimage -f` makes.
//!
//! Source: the Flattened Image Tree specification (fitspec.osfw.foundation) and U-Boot's `doc/usage/fit/`.
//! A FIT is a flattened tree with `/images` and `/configurations`; the bytes of an image are either a `data`
//! property or lie outside of the tree (`mkimage -E`), at a position counted from the file's start
//! (`data-position`) or from the tree's end (`data-offset`). Whoever wrote the file is not trusted.

mod config;
mod crc32;
mod error;
mod image;
mod pack;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::fdt::{Blob, Node, Tree};

pub use config::Config;
pub use error::FitError;
pub use image::{Algorithm, Compression, Hash, Image};
pub use pack::{BLOB_ALIGN, FDT_ROOM, Layout, Pack, RAMDISK_ALIGN};

/// The `compatible` by which an image of a bundle is known to be a policy blob.
pub const POLICY_COMPATIBLE: &str = crate::policy::COMPATIBLE;

/// Most bytes of a bundle: U-Boot reads positions in it as signed 32-bit numbers.
pub const MAX_LEN: usize = i32::MAX as usize;

/// A bundle whose tree has been checked. Images are looked at when a configuration is selected.
pub struct Fit<'a> {
    tree: Tree<'a>,
    bytes: &'a [u8],
}

impl<'a> Fit<'a> {
    /// Check the tree at the start of `bytes`, which reach to the end of the external data, or further.
    ///
    /// # Errors
    /// [`FitError::Tree`] when there is no sound tree, [`FitError::NotAFit`] when the tree is no FIT.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FitError> {
        let tree = Tree::new(Blob::check_with_limit(bytes, MAX_LEN)?)?;
        let has = |name: &str| tree.root().children().any(|child| child.name() == name);
        match ["images", "configurations"].into_iter().find(|name| !has(name)) {
            Some(missing) => Err(FitError::NotAFit { missing }),
            None => Ok(Self { tree, bytes }),
        }
    }

    /// All bytes that the bundle was given.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset in bytes of the first byte that neither the tree nor any image of any configuration needs: a
    /// bundle in memory ends here at the earliest.
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

    /// Select the configuration for a board and read its images.
    ///
    /// `compatibles` are those of the board, most specific first. The configuration that matches the most
    /// specific one wins; without a match it is the `default`, or else the only one there is.
    ///
    /// # Errors
    /// Any [`FitError`] but those of hashes, which [`Image::verify`] finds.
    pub fn select(&self, compatibles: &[&str]) -> Result<Config<'a>, FitError> {
        let configurations = self.section("configurations")?;
        Config::read(self, self.choose(configurations, compatibles)?)
    }

    /// Name every configuration.
    ///
    /// # Errors
    /// [`FitError::NotAFit`] when there are none.
    pub fn configurations(&self) -> Result<Vec<String>, FitError> {
        let all = self.section("configurations")?.children();
        Ok(all.map(|config| config.name().to_string()).collect())
    }

    /// Read the images of the configuration with this name.
    ///
    /// # Errors
    /// [`FitError::NoSuchConfiguration`], and any that [`Fit::select`] has.
    pub fn configuration(&self, name: &str) -> Result<Config<'a>, FitError> {
        let mut all = self.section("configurations")?.children();
        let config = all.find(|config| config.name() == name);
        Config::read(self, config.ok_or_else(|| FitError::NoSuchConfiguration { name: name.to_string() })?)
    }

    /// The name of the configuration that is taken when no board is named.
    ///
    /// # Errors
    /// As [`Fit::select`].
    pub fn default_configuration(&self) -> Result<String, FitError> {
        self.choose(self.section("configurations")?, &[]).map(|config| config.name().to_string())
    }

    /// Read the device tree of each configuration and the overlays behind it, with the configuration's name; one
    /// without any is left out.
    ///
    /// # Errors
    /// Any [`FitError`] but those of hashes, which [`Image::verify`] finds.
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

    fn choose<'t>(
        &self,
        configurations: Node<'t, 'a>,
        compatibles: &[&str],
    ) -> Result<Node<'t, 'a>, FitError> {
        let suits = |node: &Node<'t, 'a>, wanted: &str| {
            node.prop("compatible").is_some_and(|prop| prop.strings().any(|have| have == wanted))
        };
        for wanted in compatibles {
            if let Some(node) = configurations.children().find(|node| suits(node, wanted)) {
                return Ok(node);
            }
        }
        if let Some(prop) = configurations.prop("default") {
            let name = prop.as_str().ok_or_else(|| FitError::malformed(configurations, "default"))?;
            return configurations
                .children()
                .find(|node| node.name() == name)
                .ok_or_else(|| FitError::NoSuchConfiguration { name: name.to_string() });
        }
        let mut all = configurations.children();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(FitError::NoDefault { count: configurations.children().count() }),
        }
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
