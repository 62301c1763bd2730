//! Three nodes of etcd, which choose their leader themselves. It is the primary here.

use std::time::Duration;

use futures::executor::block_on;
use tandem_etcd::{EtcdDocuments, Options};
use tandem_tests::etcd::{Cluster, Installed, Place, directory};

use crate::machines::Machines;
use crate::servers::{NODES, Nodes, Servers};

/// How large the file system of a node is, in bytes: it has several logs of 64 MiB, and what was
/// written in two minutes.
const IMAGE_BYTES: u64 = 1 << 30;

/// Old revisions go before the disk is full. Who leads is not given up where a processor is busy for a
/// second, or where one comes back that was cut off.
const SETTINGS: [&str; 7] = [
    "--auto-compaction-mode=periodic",
    "--auto-compaction-retention=1m",
    "--max-wals=2",
    "--max-snapshots=2",
    "--heartbeat-interval=300",
    "--election-timeout=3000",
    "--pre-vote=true",
];

/// How long the judge waits for the store.
const PATIENCE: Duration = Duration::from_secs(60);

/// The nodes, and what they stand on.
pub struct Etcd {
    cluster: Cluster,
    leader: usize,
    machines: Machines,
}

impl Etcd {
    /// Three new nodes, each in a network and a file system of its own where those can be had.
    ///
    /// # Errors
    /// The disk fails.
    pub fn new(installed: &'static Installed) -> Result<Self, String> {
        let machines = Machines::new(&directory(), NODES, IMAGE_BYTES);
        let places = (0..NODES).map(|node| Place {
            directory: machines.place(node).unwrap_or_else(directory),
            host: machines.host(node),
            inside: machines.inside(node),
        });
        let cluster = installed.start_at(places, &SETTINGS, "http");
        let leader = cluster.leader();
        let mut etcd = Etcd { cluster, leader, machines };
        etcd.settle()?;
        Ok(etcd)
    }
}

impl Servers for Etcd {
    type Store = EtcdDocuments;

    fn url(&self) -> String {
        self.cluster.url("tandem")
    }

    fn migrate(&self) -> Result<(), String> {
        Ok(())
    }

    fn store(&self) -> Result<EtcdDocuments, String> {
        let store = block_on(EtcdDocuments::open(Options::new(self.url()).patience(PATIENCE)));
        store.map_err(|error| format!("the store cannot be opened: {error}"))
    }
}

impl Nodes for Etcd {
    fn primary(&mut self) -> usize {
        self.leader = self.cluster.leader();
        self.leader
    }

    fn machines(&mut self) -> &mut Machines {
        &mut self.machines
    }

    fn kill(&mut self, node: usize) {
        self.cluster.nodes[node].kill();
    }

    fn freeze(&mut self, node: usize) {
        self.cluster.nodes[node].freeze();
    }

    fn thaw(&mut self, node: usize) {
        self.cluster.nodes[node].thaw();
    }

    fn start(&mut self, nodes: &[usize]) {
        nodes.iter().for_each(|node| self.cluster.start_only(*node));
        self.wait();
    }

    fn promote(&mut self) {
        self.leader = self.cluster.leader_but(Some(self.leader));
    }

    fn renew(&mut self, node: usize) -> Result<(), String> {
        self.kill(node);
        self.start(&[node]);
        self.settle()
    }

    fn wait(&self) {
        self.cluster.wait();
    }

    fn transactions(&self) -> Result<u64, String> {
        self.cluster.carried_out("Txn").ok_or_else(|| "a node tells no number".to_owned())
    }
}
