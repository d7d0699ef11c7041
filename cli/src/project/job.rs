//! The options of a command and its configuration, ready for the pipeline.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::efi::{self, EfiMap};
use ringfence::facts::{BootFacts, EfiFacts, Firmware, Position};
use ringfence::fdt::{FdtError, Tree};
use ringfence::ledger;
use ringfence::merge::{Loader, merge};
use ringfence::pipeline::Context;
use ringfence::policy::{Allow, Key, Policy, Requirement};
use ringfence::predict::Predictor;
use ringfence::profile::{KernelProfile, PageSize};
use ringfence::span::Span;
use ringfence::survey::MemoryMap;

use crate::args::Boot;
use crate::bundle::payload::Bundle;
use crate::failure::Failure;
use crate::input::{self, Input, Layers, Options, capture};
use crate::project::config::{Config, Lookup};
use crate::project::kernel_config::KernelConfig;
use crate::project::{kernel, policy_file};

mod bases;
mod loader;

use loader::{LoaderTree, grown};

/// Everything that the checks need in addition to the tree.
#[derive(Clone, Debug)]
pub struct Job {
    policy: Option<Policy>,
    /// Never empty.
    profiles: Vec<KernelProfile>,
    facts: BootFacts,
    bundle: Option<Bundle>,
    cmdline: Option<String>,
    cma_default: Option<u64>,
    kernel_config: Option<Arc<KernelConfig>>,
    /// What the command line leaves open is asked of the configuration.
    asked: bool,
    includes: Vec<PathBuf>,
    stdin: Option<PathBuf>,
    layers: Arc<Layers>,
    loader: Option<Arc<LoaderTree>>,
    /// The tree with the loader's merged into it, where that changes it.
    merged: Option<Vec<u8>>,
    permit_all: bool,
    lookup: Arc<Lookup>,
}

impl Job {
    /// Reads what the command line names.
    ///
    /// # Errors
    /// When the policy or the configuration cannot be read, or the kernel is not known.
    pub fn from_args(args: &Boot) -> Result<Self, Failure> {
        let mut facts = BootFacts { ram: args.ram.clone(), ..BootFacts::default() };
        facts.dma_limit = args.dma_limit;
        // With a bundle the answer is the stage's, which places everything itself.
        facts.predictor = args.bundle.is_none().then_some(Predictor::MODEL);
        facts.efi = args.efi_map.as_deref().map(efi_map).transpose()?;
        for (item, place) in &args.boot_map {
            place.enter(*item, Path::new(""), &mut facts)?;
        }
        let kernel_config = KernelConfig::from_args(args)?.map(Arc::new);
        let own = kernel_config.as_deref().and_then(KernelConfig::version).map(str::to_owned);
        let asked_for = if args.kernel.is_empty() { own.into_iter().collect() } else { args.kernel.clone() };
        let named = asked_for.iter().map(|name| {
            let unknown = |why| match args.kernel_config.as_deref().filter(|_| args.kernel.is_empty()) {
                Some(config) => Failure::of(config, format!("of an unknown kernel, `{name}`")).with_help(why),
                None => Failure::new(format!("unknown kernel `{name}`")).with_help(why),
            };
            let profile = kernel::parse(name).map_err(unknown)?;
            let page = args.page.map(PageSize::from);
            if name.contains(':') && page.is_some_and(|page| page != profile.page) {
                return Err(Failure::new(format!("--page contradicts the page size of --kernel {name}")));
            }
            Ok(args.page.map_or(profile, |page| profile.with_page(page.into())))
        });
        let mut profiles = named.collect::<Result<Vec<_>, _>>()?;
        let asked = profiles.is_empty() && args.page.is_none() && args.bundle.is_none();
        if profiles.is_empty() {
            let profile = KernelProfile::default();
            profiles.push(args.page.map_or(profile, |page| profile.with_page(page.into())));
        }
        let lookup = Lookup::new(args.config.as_deref(), args.no_config)?;
        let includes = |path: &Path| Ok(includes(&args.include, lookup.find(path)?.as_deref()));
        let layers = Layers::read(args.base.as_deref(), &args.overlay, includes)?;
        let mut job = Self {
            policy: args.policy.as_deref().map(policy_file::load).transpose()?,
            profiles,
            facts,
            bundle: args.bundle.as_ref().map(Bundle::read).transpose()?,
            cmdline: args.cmdline.clone(),
            cma_default: args.cma_default,
            kernel_config,
            asked,
            includes: args.include.clone(),
            stdin: args.stdin_filename.clone(),
            layers: Arc::new(layers.merged(args.loader_dtb.is_some())),
            loader: args.loader_dtb.as_deref().map(LoaderTree::read).transpose()?.map(Arc::new),
            merged: None,
            permit_all: false,
            lookup: Arc::new(lookup),
        };
        job.build();
        Ok(job)
    }

    /// Returns how the input at `path` is to be read.
    ///
    /// # Errors
    /// When the configuration for it is not sound.
    pub fn options(&self, path: &Path) -> Result<Options, Failure> {
        let config = self.config_for(path)?;
        let includes = includes(&self.includes, config.as_deref());
        let layers = bases::over(&self.layers, config, &self.includes, &self.lookup);
        let board = self.loader.as_deref().map(LoaderTree::board).transpose()?;
        Ok(Options { includes, bare: false, layers, stdin: self.stdin.clone(), board })
    }

    /// Returns the configuration that holds for the input at `path`.
    ///
    /// # Errors
    /// When it is not sound.
    pub fn config_for(&self, path: &Path) -> Result<Option<Arc<Config>>, Failure> {
        self.lookup.find(self.stdin.as_deref().filter(|_| input::is_stdin(path)).unwrap_or(path))
    }

    /// Returns the inputs as reports call them: stdin by the name that it was given.
    #[must_use]
    pub fn named(&self, inputs: &[PathBuf]) -> Vec<PathBuf> {
        let stdin = |path: &&PathBuf| input::is_stdin(path);
        inputs
            .iter()
            .map(|path| self.stdin.as_ref().filter(|_| stdin(&path)).unwrap_or(path).clone())
            .collect()
    }

    /// Returns the same job for the base alone.
    #[must_use]
    pub fn without_layers(&self) -> Self {
        Self { layers: Arc::default(), ..self.clone() }
    }

    /// Completes the job for one tree by what its configuration says of its board. What the command line says
    /// comes first.
    ///
    /// # Errors
    /// When the configuration, or a policy that it names, is not sound, or the stage would refuse the bundle.
    pub fn for_tree(&self, input: &Input) -> Result<Self, Failure> {
        let mut job = self.clone();
        // An unreadable tree is reported when it is judged.
        let Ok(tree) = Tree::parse(&input.dtb) else { return Ok(job) };
        let loader = self.loader.as_deref().map(LoaderTree::parse).transpose()?;
        // Where the loader's tree is; what the stage boots is the one of the bundle.
        let loader_at = job.facts.dtb.and_then(Position::source);
        if let Some(bundle) = &self.bundle {
            let opened = bundle.open(loader.as_ref().unwrap_or(&tree), &mut job.facts)?;
            job.policy = opened.policy;
            job.profiles = vec![opened.profile];
            job.build();
            if loader.is_some() {
                job.facts.dtb = opened.tree.map(Position::Movable);
            }
        }
        let names_kernels = self.configure(&mut job, &tree, input)?;
        if self.asked && !names_kernels {
            job.take_kernel_of_policy();
        }
        if let Some(loader) = &loader {
            let loader = Loader { tree: loader, dtb: loader_at, bundle: job.facts.bundle };
            let merged = merge(&tree, &loader, job.policy.as_ref(), &job.facts);
            let merged = merged.map_err(|why| Failure::new(format!("{}: {why}", input.name)))?;
            job.facts.loader = Some(merged.facts);
            job.merged = merged.dtb;
            let len = job.merged.as_ref().map_or(0, Vec::len) as u64;
            // Whatever it grew by counts, where room for it is looked for.
            job.facts.dtb = job.facts.dtb.map(|dtb| grown(dtb, len));
        }
        Ok(job)
    }

    /// Completes `job` by the configuration of the input, and tells whether that names kernels.
    fn configure(&self, job: &mut Self, tree: &Tree<'_>, input: &Input) -> Result<bool, Failure> {
        let Some(config) = self.lookup.find(&input.path)? else { return Ok(false) };
        let names: Vec<&str> = tree.board_names().collect();
        let board = config.board(&input.path, &names);
        let own_kernels = board.map(|board| &board.kernels).filter(|kernels| !kernels.is_empty());
        let kernels = own_kernels.unwrap_or(&config.kernels);
        if self.asked && !kernels.is_empty() {
            job.profiles.clone_from(kernels);
            job.build();
        }
        if let Some(board) = board {
            if job.facts.ram.is_empty() {
                job.facts.ram.clone_from(&board.ram);
            }
            job.place_rest(&board.boot);
            if job.policy.is_none() {
                job.policy.clone_from(&board.policy);
            }
            if let Some(want) = board.cma.iter().find(|(when, _)| when.holds(job.ram(tree))) {
                job.policy.get_or_insert_default().cma = Some(want.1);
            }
        }
        if self.permit_all {
            job.permit_all();
        }
        Ok(!kernels.is_empty())
    }

    /// Judges for the kernel that the policy names.
    fn take_kernel_of_policy(&mut self) {
        let named = self.policy.as_ref().and_then(|policy| policy.kernel.as_deref());
        if let Some(profile) = named.and_then(|version| kernel::parse(version).ok()) {
            self.profiles = vec![profile];
            self.build();
        }
    }

    /// Enters what the command line says of how the kernels are built.
    fn build(&mut self) {
        if let Some(config) = self.kernel_config.clone() {
            self.adapt(|profile| config.apply(profile));
        }
        if let Some(size) = self.cma_default {
            self.adapt(|profile| profile.build.default_cma = size);
        }
    }

    /// Changes what is known of every kernel.
    pub fn adapt(&mut self, change: impl Fn(&mut KernelProfile)) {
        self.profiles.iter_mut().for_each(change);
    }

    /// Tells whether the command line gives the size of the default pool.
    #[must_use]
    pub const fn gives_default_cma(&self) -> bool {
        self.cma_default.is_some()
    }

    /// Takes these firmware files as what other processors load.
    pub fn set_firmware(&mut self, firmware: Vec<Firmware>) {
        self.facts.firmware = firmware;
    }

    /// Takes these banks as RAM.
    pub fn set_ram(&mut self, ram: Vec<Span>) {
        self.facts.ram = ram;
    }

    /// Sets the EFI memory map.
    pub fn set_efi_map(&mut self, map: EfiMap) {
        self.facts.efi = Some(EfiFacts { map, ..EfiFacts::default() });
    }

    /// Takes the places of what the command line has not placed.
    fn place_rest(&mut self, boot: &BootFacts) {
        let facts = &mut self.facts;
        facts.kernel = facts.kernel.or(boot.kernel);
        facts.initrd = facts.initrd.or(boot.initrd);
        facts.dtb = facts.dtb.or(boot.dtb);
        facts.stage = facts.stage.or(boot.stage);
        facts.bundle = facts.bundle.or(boot.bundle);
    }

    /// Returns the bytes of RAM, if known.
    fn ram(&self, tree: &Tree<'_>) -> Option<u64> {
        let ram = match self.facts.ram.is_empty() {
            true => MemoryMap::survey(tree, &self.facts).ram.spans().to_vec(),
            false => self.facts.ram.clone(),
        };
        let sum = ledger::union(ram).iter().map(|span| span.len()).sum();
        (sum > 0).then_some(sum)
    }

    /// Tells whether the command line gives bootargs in place of the tree's.
    #[must_use]
    pub const fn gives_bootargs(&self) -> bool {
        self.cmdline.is_some()
    }

    /// Tells whether the policy names nodes by their labels, which only a tree with `/__symbols__` knows.
    #[must_use]
    pub fn names_labels(&self) -> bool {
        let policy = self.policy.iter().flat_map(|policy| &policy.requirements);
        policy
            .into_iter()
            .filter_map(Requirement::carveout)
            .any(|carveout| matches!(carveout.key, Key::Label(_)))
    }

    /// Permits every repair, whatever the policy says.
    pub fn permit_all(&mut self) {
        self.permit_all = true;
        let allow = &mut self.policy.get_or_insert_with(Policy::default).allow;
        for switch in Allow::SWITCHES {
            *(switch.field)(allow) = true;
        }
    }

    /// Returns what the pipeline wants to know, for the first kernel.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        self.context_of(self.first())
    }

    /// Returns what the pipeline wants to know to repair a tree: for the kernel that asks the most alignment
    /// of pools, since what is aligned for it is aligned for all.
    #[must_use]
    pub fn repair_context(&self) -> Context<'_> {
        let strictest = self.profiles.iter().rev().max_by_key(|profile| profile.cma_align());
        self.context_of(strictest.unwrap_or(self.first()))
    }

    #[expect(clippy::indexing_slicing, reason = "the list is never empty")]
    fn first(&self) -> &KernelProfile {
        &self.profiles[0]
    }

    /// Returns the kernels to judge for, at least one.
    #[must_use]
    pub fn profiles(&self) -> &[KernelProfile] {
        &self.profiles
    }

    /// Returns what the pipeline wants to know, for one of [`Job::profiles`].
    #[must_use]
    pub const fn context_of<'j>(&'j self, profile: &'j KernelProfile) -> Context<'j> {
        Context { policy: self.policy.as_ref(), profile, facts: &self.facts }
    }

    /// Returns the tree that the kernel will see: as it is, or with the loader's tree merged into it, or with
    /// the bootargs that the user gave. In an EFI boot these are load options, and what they replace is a
    /// fact of that boot.
    ///
    /// # Errors
    /// When `dtb` is not a device tree.
    pub fn effective(&mut self, dtb: Vec<u8>) -> Result<Vec<u8>, FdtError> {
        let dtb = self.merged.clone().unwrap_or(dtb);
        let Some(cmdline) = &self.cmdline else { return Ok(dtb) };
        let tree = Tree::parse(&dtb)?;
        let (dtb, replaced) = efi::take_load_options(&tree, cmdline.as_bytes())?;
        if let Some(efi) = &mut self.facts.efi {
            efi.replaced = replaced;
        }
        Ok(dtb)
    }
}

/// Returns the directories for what a file includes: those that the command line names, then those of its
/// configuration.
fn includes(named: &[PathBuf], config: Option<&Config>) -> Vec<PathBuf> {
    let further = config.iter().flat_map(|config| &config.includes);
    named.iter().chain(further).cloned().collect()
}

/// Reads a file with an EFI memory map in one of the forms that are printed.
fn efi_map(path: &Path) -> Result<EfiFacts, Failure> {
    let (map, _) = efi::parse(&capture::read(path)?).map_err(|why| Failure::of(path, why))?;
    Ok(EfiFacts { map, ..EfiFacts::default() })
}

#[cfg(test)]
mod tests;
