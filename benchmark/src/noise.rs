//! Whether the machine was calm enough to tell a difference.
//!
//! The same contender works twice in the same rounds. Whatever the two differ by, or the first half
//! of the rounds from the second, is no property of any contender.

use crate::contender::Sample;
use crate::figures::{Figures, round};

/// Below this nothing is said.
const CALM_PERCENT_MAX: f64 = 5.0;
/// With fewer samples a stall of the disk can meet one contender alone.
const SAMPLES_MIN: usize = 5;

#[derive(Clone, Copy)]
pub struct Noise {
    pub percent: f64,
    samples: usize,
}

impl Noise {
    pub fn of(base: &[Sample], control: &[Sample]) -> Self {
        let halves = [base, control].map(|samples| samples.split_at(samples.len() / 2));
        Self::within(halves.into_iter().chain([(base, control)]), base.len())
    }

    /// Of samples that are different from half to half by themselves.
    pub fn between(base: &[Sample], control: &[Sample]) -> Self {
        Self::within([(base, control)], base.len())
    }

    fn within<'a>(
        pairs: impl IntoIterator<Item = (&'a [Sample], &'a [Sample])>,
        samples: usize,
    ) -> Self {
        let differences = pairs
            .into_iter()
            .filter(|(one, other)| !one.is_empty() && !other.is_empty())
            .map(|(one, other)| difference_percent(&Figures::of(one, 1), &Figures::of(other, 1)));
        Self { percent: round(differences.fold(0.0, f64::max)), samples }
    }

    /// What to tell a reader, if anything.
    pub fn warning(self) -> Option<String> {
        let Self { percent, samples } = self;
        if samples < SAMPLES_MIN {
            return Some(format!("too few rounds to tell differences: {samples}"));
        }
        (percent > CALM_PERCENT_MAX)
            .then(|| format!("too noisy to tell differences below {percent:.0} %"))
    }
}

fn difference_percent(one: &Figures, other: &Figures) -> f64 {
    let (low, high) = (one.p50_us.min(other.p50_us), one.p50_us.max(other.p50_us));
    if low > 0.0 { (high / low - 1.0) * 100.0 } else { 0.0 }
}
