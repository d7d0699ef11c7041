//! `ringfence plan`.

use ringfence::fdt::Blob;
use ringfence::kernel_image::Header;
use ringfence::pipeline::{self, Context};
use ringfence::prove::Refusal;
use ringfence::span::Size;
use serde::Serialize;

use super::{Outcome, tree};
use crate::args::{Plan, PlanFormat};
use crate::draw::headroom::RoomJson;
use crate::failure::Failure;
use crate::memmap::chart::Chart;
use crate::memmap::headroom::{self, Room};
use crate::memmap::placement::{self, NoPlaces, Places, Wanted};
use crate::project::job::Job;
use crate::terminal::style::{DIM, ERROR};
use crate::terminal::text::{self, printable};
use crate::{bundle, draw, input, terminal};

pub(super) fn run(args: &Plan) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let wanted = wanted(args)?;
    let (job, dtb) = tree::read(&job, &args.input)?;
    let dtb = Blob::check(&dtb).map_err(|error| Failure::of(&args.input, error))?.bytes().to_vec();
    let places = match placement::find(&dtb, job.context(), &wanted) {
        Ok(places) => places,
        Err(why) => return refused(args, why),
    };
    let facts = placement::settled(job.context().facts, &wanted, &places);
    let context = Context { facts: &facts, ..job.context() };
    let surveyed = pipeline::survey(&dtb, context).map_err(|error| Failure::of(&args.input, error))?;
    let chart = Chart::of(surveyed.analysis());
    let rooms = headroom::rooms(&chart);
    let ours: Vec<Room<'_>> = ["kernel", "initrd", "dtb"]
        .iter()
        .filter_map(|kind| rooms.iter().find(|room| room.claim.entry.kind == *kind).cloned())
        .collect();
    terminal::out(&match args.format {
        PlanFormat::Human => human(&chart, &ours, &places),
        PlanFormat::Json => json(&args.input.display().to_string(), &ours, &places),
        PlanFormat::Uboot => lines(&places),
    })?;
    Ok(Outcome::Clean)
}

fn wanted(args: &Plan) -> Result<Wanted, Failure> {
    let (text_offset, kernel) = match (&args.kernel_image, args.kernel_size) {
        (Some(path), _) => {
            let image = bundle::read_kernel(path)?;
            let header = Header::parse(&image).map_err(|error| Failure::of(path, error))?;
            (header.text_offset(), header.footprint(image.len() as u64))
        }
        (None, size) => (0, size.unwrap_or_default()),
    };
    let initrd = match &args.initrd {
        Some(path) => Some(input::length(path)?),
        None => args.initrd_size,
    };
    Ok(Wanted { text_offset, kernel, initrd, spare: args.spare })
}

fn refused(args: &Plan, why: NoPlaces) -> Result<Outcome, Failure> {
    let failure = |text: String| Failure::of(&args.input, text);
    let (text, help) = match why {
        NoPlaces::Fdt(error) => return Err(failure(error.to_string())),
        NoPlaces::Size(what) => {
            return Err(failure(format!("the {what} with --spare is empty or larger than any memory")));
        }
        NoPlaces::RamUnknown => {
            let error = failure("/memory states no RAM: the boot loader fills it in".to_string());
            return Err(error.with_help("give the RAM with --ram BASE:SIZE"));
        }
        NoPlaces::Refused(refusal @ Refusal::PlacementFailure(_)) => (
            refusal.to_string(),
            format!(
                "this includes --spare {}; `ringfence map --free` shows the free memory",
                Size(args.spare)
            ),
        ),
        NoPlaces::Refused(refusal) => {
            (refusal.to_string(), "the tree has errors: run `ringfence check`".to_string())
        }
        NoPlaces::Crowded => (
            "no space is left for a region that the kernel places".to_string(),
            "widen its alloc-ranges or reduce its size".to_string(),
        ),
        NoPlaces::TooFarApart(places) => (
            format!("kernel {} and initrd are more than 32 GiB apart", places.kernel),
            "give RAM banks that are closer with --ram".to_string(),
        ),
    };
    let path = args.input.display();
    terminal::err(&format!(
        "{ERROR}error{ERROR:#}: {path}: no addresses: {}\nhelp: {help}\n",
        printable(&text)
    ));
    Ok(Outcome::Findings)
}

fn human(chart: &Chart, ours: &[Room<'_>], places: &Places) -> String {
    let lines: String = lines(places).lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "{}\n{DIM}U-Boot:{DIM:#}\n{lines}",
        draw::headroom::human(&Chart { off: Vec::new(), ..chart.clone() }, ours)
    )
}

/// Returns the environment variables that U-Boot's distribution boot reads (doc/develop/bootstd,
/// `include/config_distro_bootcmd.h`).
fn lines(places: &Places) -> String {
    let mut out = format!("kernel_addr_r={:#x}\n", places.kernel.base());
    if let Some(initrd) = places.initrd {
        out += &format!("ramdisk_addr_r={:#x}\n", initrd.base());
    }
    out + &format!("fdt_addr_r={:#x}\n", places.dtb.base())
}

#[derive(Serialize)]
struct Document<'p> {
    schema: u32,
    path: &'p str,
    places: Vec<RoomJson<'p>>,
    uboot: Environment,
}

#[derive(Serialize)]
struct Environment {
    kernel_addr_r: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ramdisk_addr_r: Option<String>,
    fdt_addr_r: String,
}

fn json(path: &str, ours: &[Room<'_>], places: &Places) -> String {
    let hex = |base: u64| format!("{base:#x}");
    let document = Document {
        schema: 1,
        path,
        places: ours.iter().map(RoomJson::of).collect(),
        uboot: Environment {
            kernel_addr_r: hex(places.kernel.base()),
            ramdisk_addr_r: places.initrd.map(|initrd| hex(initrd.base())),
            fdt_addr_r: hex(places.dtb.base()),
        },
    };
    text::json(&document)
}
