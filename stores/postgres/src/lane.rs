//! Group commit: while one statement of small writes is under way, others wait, and go together.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use tandem_documents::{Expect, Level, Trouble, Version};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::batch::{self, Batched};
use crate::failure::Failure;
use crate::shared::Shared;
use crate::writes::{self, Given, Kind};

/// A write, and who waits for it.
pub(crate) struct Waiting {
    pub key: String,
    pub body: Option<Arc<[u8]>>,
    pub expect: Expect,
    pub level: Level,
    pub answer: oneshot::Sender<Result<Option<Version>, Trouble>>,
    /// When it is to be sent at last.
    pub deadline: Instant,
}

impl Batched for Waiting {
    fn key(&self) -> &str {
        &self.key
    }

    fn bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.len())
    }
}

impl Waiting {
    fn given(&self) -> Given<'_> {
        Given { key: &self.key, body: self.body.as_deref(), expect: self.expect, modified: None }
    }

    /// Whoever has stopped waiting needs no answer.
    fn answer(self, outcome: Result<Option<Version>, Failure>) {
        drop(self.answer.send(outcome.map_err(Failure::trouble)));
    }
}

/// Where small writes wait, by kind and level: one statement of each is under way at a time.
pub(crate) struct Lanes(Vec<(Kind, Level, mpsc::UnboundedSender<Waiting>)>);

impl Lanes {
    /// Begins to serve them.
    pub fn new(shared: &Rc<Shared>) -> Self {
        let of = |kind, level| {
            let (sender, waiting) = mpsc::unbounded_channel();
            spawn_local(serve(shared.clone(), kind, level, waiting));
            (kind, level, sender)
        };
        Lanes(vec![
            of(Kind::Insert, Level::Durable),
            of(Kind::Insert, Level::Visible),
            of(Kind::Update, Level::Durable),
            of(Kind::Update, Level::Visible),
        ])
    }

    /// Takes a write: into its lane, or a large one on its own way.
    pub fn write(&self, shared: &Rc<Shared>, waiting: Waiting) {
        let (kind, level) = (Kind::of(waiting.expect), waiting.level);
        if waiting.bytes() > batch::ALONE_BYTES {
            spawn_local(alone(shared.clone(), kind, waiting));
        } else if let Some((_, _, lane)) = self.0.iter().find(|(k, l, _)| (*k, *l) == (kind, level))
            && let Err(mpsc::error::SendError(waiting)) = lane.send(waiting)
        {
            waiting.answer(Err(Failure::unsent("the store is closed")));
        }
    }
}

async fn serve(
    shared: Rc<Shared>,
    kind: Kind,
    level: Level,
    mut lane: mpsc::UnboundedReceiver<Waiting>,
) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match lane.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
        }
        while let Ok(next) = lane.try_recv() {
            waiting.push_back(next);
        }
        let batch = batch::take(&mut waiting);
        write(&shared, kind, level, batch).await;
    }
}

/// Makes one write and answers it.
async fn alone(shared: Rc<Shared>, kind: Kind, waiting: Waiting) {
    let (deadline, level) = (waiting.deadline, waiting.level);
    let given = [waiting.given()];
    let outcome = writes::write(&shared, deadline, kind, level, &given).await;
    let version = outcome.map(|made| made.get(&waiting.key).copied());
    waiting.answer(version);
}

/// Makes the writes of a batch and answers each.
async fn write(shared: &Rc<Shared>, kind: Kind, level: Level, batch: Vec<Waiting>) {
    let now = Instant::now();
    let (batch, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|write| write.deadline > now);
    for write in late {
        write.answer(Err(Failure::unsent("the server was busy with writes before it")));
    }
    let Some(deadline) = batch.iter().map(|write| write.deadline).max() else { return };
    let given: Vec<Given<'_>> = batch.iter().map(Waiting::given).collect();
    let outcome = writes::write(shared, deadline, kind, level, &given).await;
    match outcome {
        Ok(made) => {
            for write in batch {
                let version = made.get(&write.key).copied();
                write.answer(Ok(version));
            }
        }
        // On their own ways, so that one that waits for somebody does not keep others waiting.
        Err(failure) if failure.is_of_one && batch.len() > 1 => {
            for waiting in batch {
                spawn_local(alone(shared.clone(), kind, waiting));
            }
        }
        Err(failure) => {
            for write in batch {
                write.answer(Err(failure.clone()));
            }
        }
    }
}
