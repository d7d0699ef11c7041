//! A progress bar on stderr, for walks that take a while, and on terminals only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer inputs than this are done before a bar is of use.
const WORTHWHILE: usize = 32;

/// Counts inputs that are done. The bar is removed when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts to count up to `total`. Nothing is ever drawn off a terminal, or for a few inputs.
    #[must_use]
    pub fn new(total: usize) -> Self {
        // Hides itself where stderr is not a terminal.
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr_with_hz(10));
        if total < WORTHWHILE {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("== "));
        super::interrupt::on_interrupt({
            let bar = bar.clone();
            move || bar.finish_and_clear()
        });
        Self(bar)
    }

    /// Counts one more.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
