//! How a disk is driven: its calls are completed, time passes, and all of it ends.

use super::crash::{Limits, Scratch, each_state};
use super::disk::SimDisk;
use super::world::{Fault, Step};
use tandem_host::testing::Call;

/// A call that waits to be completed.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Names it.
    pub id: u64,
    /// The process that made it: see [`SimDisk::of_process`].
    pub process: usize,
    /// What it is to do.
    pub call: Call,
}

impl SimDisk {
    /// From here on a call waits until it is [completed](SimDisk::complete). Before that, calls are
    /// answered at once.
    pub fn hold(&self) {
        self.world().is_held = true;
    }

    /// From here on calls are answered at once again. Those that wait go on waiting.
    pub fn release(&self) {
        self.world().is_held = false;
    }

    /// The same disk for another process, so that calls can be told apart. Process 0 made the disk.
    pub fn of_process(&self, process: usize) -> Self {
        self.owned_by(process)
    }

    /// The calls that wait, in the order in which they were made. A call that was given up, because
    /// its process ended, is performed or is not, by chance.
    pub fn waiting(&self) -> Vec<Waiting> {
        let world = self.world();
        let waiting = world.waiting().map(|held| Waiting {
            id: held.call.id,
            process: held.owner,
            call: held.call.clone(),
        });
        waiting.collect()
    }

    /// Performs a call that waits, and wakes who made it. A fault that does not
    /// [fit](Fault::fits) such a call makes it fail all the same. Tells whether the fault happened:
    /// a call that fails by itself has no effect after which it could fail, and no call has a
    /// fault if none waits under this id.
    pub fn complete(&self, id: u64, fault: Option<Fault>) -> bool {
        let mut world = self.world();
        let is_waiting = world.waiting().any(|held| held.call.id == id);
        is_waiting && world.complete(id, fault)
    }

    /// Moves the clock to the next timer, and wakes who waits for it. False if nobody does. Without
    /// this, time passes with each completed call only.
    pub fn advance(&self) -> bool {
        self.world().advance()
    }

    /// Notes from here on every call that is completed, for [`SimDisk::log`].
    pub fn keep_log(&self) {
        self.world().log.get_or_insert_default();
    }

    /// The calls that were completed since the log is kept.
    pub fn log(&self) -> Vec<Step> {
        self.world().log.clone().unwrap_or_default()
    }

    /// Every path with the content of its file; a directory has none. Sorted inside each directory.
    pub fn files(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let world = self.world();
        let content = |ino| world.live.file(ino).ok().map(|(data, _)| data.to_vec());
        world.live.walk().into_iter().map(|(path, ino)| (path, content(ino))).collect()
    }

    /// The disk after its processes died and the system did not: what a reader sees now. It has the
    /// same model, and the seed given.
    pub fn after_kill(&self, seed: u64) -> SimDisk {
        let world = self.world();
        SimDisk::from_tree(world.live.clone(), world.model, seed)
    }

    /// Calls `visit` with every disk that a power loss now may leave by this disk's model, or with a
    /// choice of them if there are more than `limits`. Tells whether it were all. Each of them is a
    /// disk of its own, on which everything is durable, with the seed given.
    ///
    /// `scratch` tells which files nobody reads after a crash; `|_| None` if each of them counts.
    pub fn each_power_loss(
        &self,
        limits: Limits,
        scratch: Scratch,
        seed: u64,
        mut visit: impl FnMut(SimDisk),
    ) -> bool {
        // The visitor may look at this disk.
        let (persistent, model) = {
            let world = self.world();
            (world.persistent.clone(), world.model)
        };
        let mut random = fastrand::Rng::with_seed(seed);
        each_state(&persistent, &model, limits, scratch, &mut random, &mut |tree| {
            visit(SimDisk::from_tree(tree, model, seed));
        })
    }
}
