//! What hosts, the judge and the events must know of servers, whatever they are.

use tandem_documents::Documents;

use crate::machines::Machines;

/// How many servers a cluster has.
pub const NODES: usize = 3;

/// Servers of a store.
pub trait Servers {
    /// The store in them.
    type Store: Documents;

    /// The address of all of them.
    fn url(&self) -> String;

    /// Makes the store.
    ///
    /// # Errors
    /// It cannot be made.
    fn migrate(&self) -> Result<(), String>;

    /// The store, for who compares it with the ledger.
    ///
    /// # Errors
    /// It cannot be opened.
    fn store(&self) -> Result<Self::Store, String>;
}

/// Three servers, of which one is the primary and the others have what it acknowledges, and what may
/// happen to them.
pub trait Nodes: Servers {
    /// Which of them is the primary now. All of them run.
    fn primary(&mut self) -> usize;

    /// What they stand on.
    fn machines(&mut self) -> &mut Machines;

    /// Kills a server.
    fn kill(&mut self, node: usize);

    /// Has a server stand still.
    fn freeze(&mut self, node: usize);

    /// Has it go on.
    fn thaw(&mut self, node: usize);

    /// Starts servers that were killed, all at the same time, with what they have.
    fn start(&mut self, nodes: &[usize]);

    /// Has another one than the primary become the primary.
    fn promote(&mut self);

    /// Has a server that was the primary begin anew, and follow the one that took its place.
    ///
    /// # Errors
    /// The disk fails.
    fn renew(&mut self, node: usize) -> Result<(), String>;

    /// Waits until all have what is acknowledged.
    fn wait(&self);

    /// How many transactions were carried out.
    ///
    /// # Errors
    /// No server tells a number.
    fn transactions(&self) -> Result<u64, String>;

    /// The others.
    fn standbys(&mut self) -> [usize; 2] {
        let primary = self.primary();
        [(primary + 1) % NODES, (primary + 2) % NODES]
    }

    /// Waits until all have what is acknowledged, and has what is there on the disks: what servers are
    /// made of is not synced by what makes them.
    ///
    /// # Errors
    /// `sync` fails.
    fn settle(&mut self) -> Result<(), String> {
        self.wait();
        let Ok(images) = &self.machines().images else { return Ok(()) };
        (0..NODES).try_for_each(|node| images.sync(node))
    }

    /// Cuts the power of all: each comes back with what was on its disk at one moment. Something
    /// else is done as soon as they stand still.
    ///
    /// # Errors
    /// There are no images.
    fn cut_power(&mut self, meanwhile: impl FnOnce()) -> Result<(), String> {
        (0..NODES).for_each(|node| self.freeze(node));
        meanwhile();
        let images = self.machines().images.as_mut().map_err(|reason| reason.clone())?;
        (0..NODES).try_for_each(|node| images.copy(node))?;
        (0..NODES).for_each(|node| self.kill(node));
        let images = self.machines().images.as_mut().map_err(|reason| reason.clone())?;
        (0..NODES).try_for_each(|node| images.come_back(node))?;
        self.start(&[0, 1, 2]);
        self.settle()
    }
}
