//! Several steps side by side, each started before any is waited for.

use std::future::poll_fn;
use std::task::Poll;

use futures::future::LocalBoxFuture;

use crate::error::{Code, Operation};

/// What one step failed with.
pub type StepError = (Operation, Code);

/// One of several steps that run side by side. Boxed, so that the code that waits for several of
/// them exists once in the component.
pub type Lane<'a> = LocalBoxFuture<'a, Result<(), StepError>>;

/// Starts every lane before it waits for any, and waits for all of them. (`join_all` takes 3 KB of
/// the component.)
pub async fn settle(mut lanes: Vec<Lane<'_>>) -> Vec<Result<(), StepError>> {
    let mut results: Vec<Option<Result<(), StepError>>> = vec![None; lanes.len()];
    poll_fn(|context| {
        let mut is_settled = true;
        for (lane, result) in lanes.iter_mut().zip(&mut results) {
            if result.is_some() {
                continue;
            }
            match lane.as_mut().poll(context) {
                Poll::Ready(outcome) => *result = Some(outcome),
                Poll::Pending => is_settled = false,
            }
        }
        if is_settled { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}
