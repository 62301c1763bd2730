//! Which names can be those of runs: other directories are not Tandem's, and stay.

use tandem_host::Tandem;

use super::found_run::FoundRun;
use crate::ids::check;

/// Parts those whose names are ids from those whose names are none.
pub async fn part(tandem: &Tandem, runs: Vec<FoundRun>) -> (Vec<FoundRun>, Vec<FoundRun>) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for run in runs {
        let list = if check(tandem, &run.run).await.is_ok() { &mut own } else { &mut others };
        list.push(run);
    }
    (own, others)
}
