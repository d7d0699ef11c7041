//! A progress line on stderr, for walks that take a while, and on terminals only.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Fewer inputs than this are done before anybody wonders.
const WORTHWHILE: usize = 32;

/// Least time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);

/// Columns of the bar.
const WIDTH: usize = 30;

/// Counts inputs that are done. The line is taken away when it is dropped.
pub struct Progress {
    total: usize,
    state: Option<Mutex<State>>,
}

struct State {
    done: usize,
    drawn: Option<Instant>,
}

impl Progress {
    /// Start to count up to `total`. Nothing is ever shown off a terminal, or for a handful of inputs.
    #[must_use]
    pub fn new(total: usize) -> Self {
        let visible = total >= WORTHWHILE && std::io::stderr().is_terminal();
        let state = visible.then(|| Mutex::new(State { done: 0, drawn: None }));
        Self { total, state }
    }

    /// Count one more.
    pub fn step(&self) {
        let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok()) else { return };
        state.done += 1;
        if state.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            state.drawn = Some(Instant::now());
            // Who cannot see the line misses nothing.
            let _ = write!(std::io::stderr(), "\r{}", line(state.done, self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(state) = &self.state
            && state.lock().is_ok_and(|state| state.drawn.is_some())
        {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: usize, total: usize) -> String {
    let full = WIDTH * done / total.max(1);
    format!("[{}{}] {done}/{total}", "=".repeat(full), " ".repeat(WIDTH.saturating_sub(full)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_up() {
        assert_eq!(line(0, 60), format!("[{}] 0/60", " ".repeat(30)));
        assert_eq!(line(30, 60), format!("[{}{}] 30/60", "=".repeat(15), " ".repeat(15)));
        assert_eq!(line(60, 60), format!("[{}] 60/60", "=".repeat(30)));
    }
}
