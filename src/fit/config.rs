//! One configuration of a bundle: which images boot together.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::image::Image;
use super::{Fit, FitError, POLICY_COMPATIBLE};
use crate::fdt::Node;

/// Most loadables that are read; each costs a walk over the images.
const MAX_LOADABLES: usize = 64;
/// Most device trees of one configuration, the base included; each costs a walk over the images.
const MAX_TREES: usize = 64;

/// The images of a selected configuration. Their bytes are found, but not yet verified.
#[derive(Clone, Debug)]
pub struct Config<'a> {
    /// The configuration's node name.
    pub name: String,
    /// The kernel.
    pub kernel: Image<'a>,
    /// The initial ramdisk, if any: the first that is named.
    pub ramdisk: Option<Image<'a>>,
    /// The names of further ramdisks, which are not used: the boot protocol has one.
    pub further_ramdisks: Vec<String>,
    /// The device tree, if the bundle brings one.
    pub fdt: Option<Image<'a>>,
    /// Overlays to apply to the device tree, in this order. As in U-Boot, these are the names in `fdt` after
    /// the first.
    pub overlays: Vec<Image<'a>>,
    /// The policy blob, if any: a loadable with `compatible = "ringfence,policy"` or
    /// `type = "ringfence-policy"`, or with the name `policy`.
    pub policy: Option<Image<'a>>,
}

impl<'a> Config<'a> {
    pub(super) fn read(fit: &Fit<'a>, config: Node<'_, 'a>) -> Result<Self, FitError> {
        let first = |role| Self::first(fit, config, role);
        let mut trees = Self::trees(fit, config)?.into_iter();
        Ok(Self {
            name: config.name().to_string(),
            kernel: first("kernel")?
                .ok_or_else(|| FitError::NoKernel { config: config.name().to_string() })?,
            ramdisk: first("ramdisk")?,
            further_ramdisks: Self::further(config, "ramdisk"),
            fdt: trees.next(),
            overlays: trees.collect(),
            policy: Self::policy(fit, config)?,
        })
    }

    /// Returns all images of the configuration.
    pub fn images(&self) -> impl Iterator<Item = &Image<'a>> {
        [Some(&self.kernel), self.ramdisk.as_ref(), self.fdt.as_ref(), self.policy.as_ref()]
            .into_iter()
            .flatten()
            .chain(&self.overlays)
    }

    /// Reads the device tree that a configuration names, and the overlays after it.
    pub(super) fn trees(fit: &Fit<'a>, config: Node<'_, 'a>) -> Result<Vec<Image<'a>>, FitError> {
        let Some(prop) = config.prop("fdt") else { return Ok(Vec::new()) };
        let mut trees = Vec::new();
        for name in prop.strings() {
            if trees.len() == MAX_TREES {
                let node = config.path();
                return Err(FitError::TooMany { what: "device trees", node, limit: MAX_TREES });
            }
            trees.push(Image::read(fit, Self::image_node(fit, config, name)?)?);
        }
        if trees.is_empty() { Err(FitError::malformed(config, "fdt")) } else { Ok(trees) }
    }

    /// Returns the names after the first under `role`.
    fn further(config: Node<'_, 'a>, role: &str) -> Vec<String> {
        let names = config.prop(role).into_iter().flat_map(|prop| prop.strings());
        names.skip(1).take(MAX_LOADABLES).map(ToString::to_string).collect()
    }

    /// Reads the first image that the configuration names under `role`.
    pub(super) fn first(
        fit: &Fit<'a>,
        config: Node<'_, 'a>,
        role: &'static str,
    ) -> Result<Option<Image<'a>>, FitError> {
        let Some(prop) = config.prop(role) else { return Ok(None) };
        let name = prop.strings().next().ok_or_else(|| FitError::malformed(config, role))?;
        Image::read(fit, Self::image_node(fit, config, name)?).map(Some)
    }

    pub(super) fn policy(fit: &Fit<'a>, config: Node<'_, 'a>) -> Result<Option<Image<'a>>, FitError> {
        let Some(loadables) = config.prop("loadables") else { return Ok(None) };
        for (index, name) in loadables.strings().enumerate() {
            if index == MAX_LOADABLES {
                let node = config.path();
                return Err(FitError::TooMany { what: "loadables", node, limit: MAX_LOADABLES });
            }
            let node = Self::image_node(fit, config, name)?;
            let says = |key, value| node.prop(key).is_some_and(|prop| prop.strings().any(|s| s == value));
            let is_policy = says("compatible", POLICY_COMPATIBLE)
                || says("type", "ringfence-policy")
                || is_called_policy(name);
            if is_policy {
                return Image::read(fit, node).map(Some);
            }
        }
        Ok(None)
    }

    fn image_node<'t>(fit: &'t Fit<'a>, config: Node<'_, 'a>, name: &str) -> Result<Node<'t, 'a>, FitError> {
        fit.section("images")?
            .children()
            .find(|node| node.name() == name)
            .ok_or_else(|| FitError::no_such_image(config, name))
    }
}

/// Returns whether a name is `policy`, or a numbered form of it: `policy-1`, `policy@1`.
fn is_called_policy(name: &str) -> bool {
    name.strip_prefix("policy").is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '@']))
}
