//! How far a command is, on standard error: drawn on a terminal only, and only for what takes more than a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::study::{Progress, observe};

/// What takes less is not told.
const SOON: Duration = Duration::from_secs(1);

static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Tells how far simulations are, from now on.
pub(super) fn show() {
    observe(|progress| {
        let mut bar = BAR.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Begins(count) => {
                let style = ProgressStyle::with_template("{bar:30} {pos} of {len} simulations, {eta} left");
                let new = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
                *bar = Some(style.map_or(new.clone(), |style| new.with_style(style)));
            }
            Progress::Done => {
                let Some(bar) = bar.as_ref() else { return };
                bar.inc(1);
                if bar.is_hidden() && bar.elapsed() > SOON {
                    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
                }
            }
            Progress::Ends => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    });
}
