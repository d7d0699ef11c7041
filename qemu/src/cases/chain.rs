//! The subset of the chain that every test run covers: each form, each board and both levels at least once. All
//! of it is `cargo xtask matrix`.

use super::{Case, refused};
use crate::bench::Bench;
use crate::chain::{Form, Link, Loader, Model, USUAL};
use crate::machine::{Level, Ram};
use crate::setup::Series;
use anyhow::{Result, ensure};
use std::time::Duration;

/// One boot for each thing that may be different.
pub(super) fn cases() -> Vec<Case> {
    let boots = links().into_iter();
    let boots =
        boots.map(|link| Case::new(format!("chain-{link}"), move |bench, name| link.boot(bench, name)));
    boots.chain([Case::new("chain-zcu102-4G-refused", ram_over_devices)]).collect()
}

/// With 4 GiB QEMU calls the ZCU102's device registers RAM: what Linux would then hand out are registers.
fn ram_over_devices(bench: &Bench, name: &str) -> Result<String> {
    let mut board = Link { model: Model::Zcu102, ..USUAL }.board(bench, name)?;
    board.ram = Ram::GIB_4;
    let transcript = bench.boot(name, &board, Duration::from_secs(60))?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains("RF208"), "refused for another reason: {halt}");
    Ok(format!("refused: {halt}"))
}

fn links() -> Vec<Link> {
    let forms = Form::ALL.into_iter().enumerate().map(|(n, form)| {
        // Both levels and both kernels get their share.
        let level = if n % 2 == 0 { Level::El2 } else { Level::El1 };
        let series = if n % 3 == 1 { Series::V6_1 } else { Series::V6_12 };
        let link = Link { form, level, series, ..USUAL };
        if link.makes_sense() { link } else { Link { form, ..USUAL } }
    });
    let models =
        Model::ALL.into_iter().filter(|&model| model != Model::Virt).map(|model| Link { model, ..USUAL });
    let uboot = Link { loader: Loader::UBoot, form: Form::BundleAppended, ..USUAL };
    forms.chain(models).chain([uboot]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subset_covers_every_form_and_board() {
        let links = links();
        assert!(links.iter().all(Link::makes_sense));
        assert!(Form::ALL.iter().all(|form| links.iter().any(|link| link.form == *form)));
        assert!(Model::ALL.iter().all(|model| links.iter().any(|link| link.model == *model)));
    }
}
