//! The subset of the chain that every test run covers: each form, each board and both levels at least once.
//! All of it is `cargo xtask matrix`.

use super::{Case, refused};
use crate::boards::{self, virt, zcu102};
use crate::chain::{BootConfig, Loader, PayloadForm, USUAL};
use crate::machine::{Level, Ram};
use crate::setup::Series;
use crate::test_bed::TestBed;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Returns one boot for each thing that may be different.
pub(super) fn cases() -> Vec<Case> {
    let boots = configs().into_iter();
    let boots =
        boots.map(|config| Case::new(format!("chain-{config}"), move |bed, name| config.boot(bed, name)));
    boots.chain([Case::new("chain-zcu102-4G-refused", ram_over_devices)]).collect()
}

/// With 4 GiB QEMU calls the ZCU102's device registers RAM: what Linux would then hand out are registers.
fn ram_over_devices(bed: &TestBed, name: &str) -> Result<String> {
    let mut board = BootConfig { board: &zcu102::BOARD, ..USUAL }.ready(bed, name)?;
    board.ram = Ram::GIB_4;
    let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains("RF208"), "refused for another reason: {halt}");
    Ok(format!("refused: {halt}"))
}

/// Returns them.
pub(super) fn configs() -> Vec<BootConfig> {
    let forms = PayloadForm::ALL.into_iter().enumerate().map(|(n, form)| {
        // Both levels and both kernels get their share.
        let level = if n % 2 == 0 { Level::El2 } else { Level::El1 };
        let series = if n % 3 == 1 { Series::V6_1 } else { Series::V6_12 };
        let config = BootConfig { form, level, series, ..USUAL };
        if config.makes_sense() { config } else { BootConfig { form, ..USUAL } }
    });
    let others = boards::ALL.iter().copied().filter(|&board| board != &virt::ONE_GIB);
    let others = others.map(|board| BootConfig { board, ..USUAL });
    let uboot = BootConfig { loader: Loader::UBoot, form: PayloadForm::BundleAppended, ..USUAL };
    forms.chain(others).chain([uboot]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subset_covers_every_form_and_board() {
        let configs = configs();
        assert!(configs.iter().all(BootConfig::makes_sense));
        assert!(PayloadForm::ALL.iter().all(|form| configs.iter().any(|config| config.form == *form)));
        assert!(boards::ALL.iter().all(|board| configs.iter().any(|config| config.board == *board)));
    }
}
