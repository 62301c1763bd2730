//! Ids of runs that were given none.

use super::manifest::now;

/// A run id that sorts by time: `2026-01-06T00-27-16-820Z-ca34f41d`.
pub fn new_run_id() -> String {
    let time = now().replace([':', '.'], "-");
    // Without randomness the time alone has to do.
    let random = getrandom::u32().unwrap_or_default();
    format!("{time}-{random:08x}")
}
