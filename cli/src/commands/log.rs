//! `ringfence log`: the stage's structured log, and what the sentinel reported, decoded.

use std::path::Path;

use defmt_decoder::{DecodeError, Frame, Locations, Table};
use object::Object;
use ringfence_sentinel::report::{Event, Out};
use ringfence_sentinel::ring::Reader;

use super::Outcome;
use crate::args::Log;
use crate::failure::Failure;
use crate::input::ring::Ring;
use crate::terminal::style::{DIM, level_style};
use crate::{input, terminal};

pub(super) fn run(args: &Log) -> Result<Outcome, Failure> {
    let dump = input::read_any(&args.file)?;
    let sentinel = Reader::find(&dump);
    match (Ring::find(&dump), &args.elf) {
        (Some(ring), Some(path)) => {
            let elf = input::read_any(path)?;
            same_build(&ring, &elf, path)?;
            print(&ring, &elf, path)?;
        }
        (Some(ring), None) if sentinel.is_none() => return Err(needs_elf(&ring)),
        (Some(ring), None) => terminal::err(&format!("{DIM}({}){DIM:#}\n", needs_elf(&ring))),
        (None, _) if sentinel.is_none() => {
            return Err(Failure::of(&args.file, "contains no log ring of ringfence")
                .with_help("dump the memory that the stage prints on its console, or all RAM"));
        }
        (None, _) => {}
    }
    if let Some(ring) = sentinel {
        terminal::out(&accesses(&ring))?;
    }
    Ok(Outcome::Clean)
}

/// The failure of a log whose ELF is not given: it names the build that is needed.
fn needs_elf(ring: &Ring) -> Failure {
    let id = hex(&ring.build_id);
    Failure::new(format!("the stage's log needs the ELF file of build {id}: give it with --elf"))
}

/// Returns what the sentinel reported, one line each.
fn accesses(ring: &Reader<'_>) -> String {
    let line = |event: Event| {
        let mut line = Line(format!("{:.6} ", ring.microseconds(&event) as f64 / 1e6));
        event.write(event.hole.and_then(|hole| ring.name(hole)), &mut line);
        line.0 + "\n"
    };
    let lines: String = ring.events().map(line).collect();
    if lines.is_empty() { "sentinel: nothing reported\n".into() } else { lines }
}

/// A line that the sentinel's own words are written to.
struct Line(String);

impl Out for Line {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte.into());
    }
}

/// Refuses any other ELF: it would decode to plausible nonsense, without an error.
fn same_build(ring: &Ring, elf: &[u8], path: &Path) -> Result<(), Failure> {
    let file =
        object::File::parse(elf).map_err(|error| Failure::of(path, format!("no ELF file: {error}")))?;
    let id = file.build_id().map_err(|error| Failure::of(path, error))?;
    let Some(id) = id else {
        return Err(Failure::of(path, "this ELF has no build id, so it cannot be matched with the log")
            .with_help("link the stage with --build-id=sha1, as its build does"));
    };
    if id != ring.build_id {
        let found = format!("the log is of build {}, this ELF is {}", hex(&ring.build_id), hex(id));
        return Err(
            Failure::of(path, found).with_help("decode with the ELF file of the stage that was booted")
        );
    }
    Ok(())
}

fn print(ring: &Ring, elf: &[u8], path: &Path) -> Result<(), Failure> {
    let table = Table::parse(elf)
        .map_err(|error| Failure::of(path, error))?
        .ok_or_else(|| Failure::of(path, "no structured log in this ELF (section .defmt is missing)"))?;
    let locations = table.get_locations(elf).unwrap_or_default();
    let mut decoder = table.new_stream_decoder();
    decoder.received(&ring.frames);
    loop {
        match decoder.decode() {
            Ok(frame) => terminal::out(&line(&frame, &locations))?,
            Err(DecodeError::UnexpectedEof) => return Ok(()),
            Err(DecodeError::Malformed) if table.encoding().can_recover() => {
                terminal::err(&format!("{DIM}(a damaged frame is skipped){DIM:#}\n"));
            }
            Err(DecodeError::Malformed) => return Err(Failure::new("the log is damaged from here on")),
        }
    }
}

fn line(frame: &Frame<'_>, locations: &Locations) -> String {
    let time = frame.display_timestamp().map(|time| format!("{time} ")).unwrap_or_default();
    let level = frame.level().map_or("-", |level| level.as_str());
    let style = level_style(level);
    let place = locations.get(&frame.index()).map_or(String::new(), |place| {
        let file = place.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        format!(" {DIM}({file}:{}){DIM:#}", place.line)
    });
    format!("{time}{style}{level:5}{style:#} {}{place}\n", frame.display_message())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
