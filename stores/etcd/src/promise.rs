//! What an acknowledgement survives, out of the members of the cluster.

use std::time::Duration;

use tandem_documents::{Promise, Survives};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::failure::{Failure, Fate, Reason};
use crate::shared::Shared;
use crate::wire::Member;

/// How old a promise may be that is told.
const AGE_MAX: Duration = Duration::from_secs(1);

/// So many voters are a majority without any one of them.
const VOTERS: usize = 3;

/// What was said last.
pub(crate) type Known = Mutex<Option<Said>>;

pub(crate) struct Said {
    asked: Instant,
    answered: Instant,
    answer: Result<Promise, Failure>,
}

impl Said {
    /// The answer, for one who asks since then: a promise that is young enough, or a failure that the
    /// one who asks has waited for.
    fn to(&self, since: Instant) -> Option<Result<Promise, Failure>> {
        match &self.answer {
            Ok(promise) => (self.asked.elapsed() < AGE_MAX).then(|| Ok(promise.clone())),
            Err(failure) => (self.answered > since).then(|| Err(failure.again())),
        }
    }
}

/// What the cluster said a moment ago, or says now. Those who ask meanwhile wait for one answer.
pub(crate) async fn ask(shared: &Shared, known: &Known) -> Result<Promise, Failure> {
    let since = Instant::now();
    let mut known = known.lock().await;
    if let Some(answer) = known.as_ref().and_then(|said| said.to(since)) {
        return answer;
    }
    let asked = Instant::now();
    let answer = match shared.members().await {
        Ok(members) => Ok(promise(&members)),
        Err(failure) if failure.reason == Reason::Denied && failure.fate == Fate::Refused => {
            let because = "each member syncs its log, and the user may not ask how many vote";
            Ok(Promise::new(Survives::PowerLoss, because))
        }
        Err(failure) => Err(failure),
    };
    let told = answer.as_ref().map(Promise::clone).map_err(Failure::again);
    *known = Some(Said { asked, answered: Instant::now(), answer });
    told
}

/// What is acknowledged is in the synced log of a majority of those who vote. A learner copies, and
/// is not waited for. Of two voters both have it, and without one of them nothing is read or written:
/// no more is promised than one alone holds.
fn promise(members: &[Member]) -> Promise {
    let names = |is_learner: bool| {
        let names = members.iter().filter(|member| member.is_learner == is_learner);
        let mut names: Vec<&str> = names
            .map(|member| if member.name.is_empty() { "one not started" } else { &member.name })
            .collect();
        names.sort_unstable();
        names
    };
    let (voters, learners) = (names(false), names(true));
    let survives = if voters.len() >= VOTERS { Survives::Machine } else { Survives::PowerLoss };
    let mut because = format!("a majority syncs its log, of the voters {}", voters.join(", "));
    if voters.len() == 1 {
        because = format!("the only voter syncs its log: {}", voters.join(", "));
    }
    if !learners.is_empty() {
        because += &format!("; learners do not count: {}", learners.join(", "));
    }
    Promise::new(survives, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(members: &[(&str, bool)]) -> (Survives, String) {
        let members = members.iter();
        let members = members
            .map(|(name, is_learner)| Member { name: (*name).to_owned(), is_learner: *is_learner });
        let promise = promise(&members.collect::<Vec<_>>());
        (promise.survives, promise.because)
    }

    #[test]
    fn who_waits_while_one_asks_in_vain_does_not_ask_in_vain_too() {
        let before = Instant::now();
        let answer = Err(Failure::unknown("nobody answers"));
        let said = Said { asked: before, answered: before + AGE_MAX, answer };
        assert_eq!(said.to(before).unwrap().unwrap_err().message, "nobody answers");
        assert!(said.to(before + AGE_MAX).is_none());
    }

    #[test]
    fn three_voters_outlive_a_machine_and_learners_do_not_count() {
        use Survives::*;
        let (n1, n2, n3) = (("n1", false), ("n2", false), ("n3", false));
        let learner = ("l", true);
        for (members, survives) in [
            (vec![n1], PowerLoss),
            (vec![n1, n2], PowerLoss),
            (vec![n1, learner, learner], PowerLoss),
            (vec![n1, n2, learner], PowerLoss),
            (vec![n1, n2, n3], Machine),
            (vec![n1, n2, n3, n1, n2], Machine),
            (vec![n1, n2, n3, learner], Machine),
            (vec![], PowerLoss),
        ] {
            assert_eq!(told(&members).0, survives, "{members:?}");
        }
    }

    #[test]
    fn a_promise_names_the_members() {
        assert_eq!(told(&[("n1", false)]).1, "the only voter syncs its log: n1");
        let because = told(&[("n3", false), ("n1", false), ("", false), ("l", true)]).1;
        assert_eq!(
            because,
            "a majority syncs its log, of the voters n1, n3, one not started; learners do not count: l"
        );
    }
}
