//! What samples come to.

use std::time::Duration;

use crate::contender::Sample;

#[derive(Clone, Copy)]
pub struct Figures {
    /// How many samples there are.
    pub rounds: usize,
    pub p50_us: f64,
    pub p99_us: f64,
    pub pairs_per_s: f64,
    /// For one pair.
    pub cpu_us: f64,
}

impl Figures {
    /// The samples of at least one round, each with this many pairs.
    pub fn of(samples: &[Sample], pairs: usize) -> Self {
        let mut times: Vec<_> = samples.iter().map(|sample| sample.time).collect();
        times.sort();
        let total: Duration = times.iter().sum();
        let mut cpu: Vec<_> = samples.iter().map(|sample| sample.cpu).collect();
        cpu.sort();
        Self {
            rounds: samples.len(),
            p50_us: percentile_us(&times, 50),
            p99_us: percentile_us(&times, 99),
            pairs_per_s: round((samples.len() * pairs) as f64 / total.as_secs_f64()),
            cpu_us: round(percentile_us(&cpu, 50) / pairs as f64),
        }
    }

    /// Of the medians.
    pub fn ratio(&self, to: &Figures) -> f64 {
        (self.p50_us / to.p50_us * 1000.0).round() / 1000.0
    }
}

/// Of sorted times.
pub fn percentile_us(times: &[Duration], percent: usize) -> f64 {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    round(times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6)
}

/// Below a tenth there is only noise.
pub fn round(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}
