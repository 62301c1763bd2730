//! Three servers, of which one of two standbys confirms each durable write, and what may happen to
//! them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;

use tandem_tests::postgres::{Installed, Server, wait_until};

use crate::images::Images;
use crate::network::Network;
use crate::servers::Servers;

/// How many servers there are.
const NODES: usize = 3;

/// The write-ahead log stays small, as the images are, and long enough for a standby that begins. A
/// standby that comes back asks for it soon.
const SETTINGS: [&str; 5] = [
    "max_connections=200",
    "max_wal_size=128MB",
    "min_wal_size=32MB",
    "wal_keep_size=32MB",
    "wal_retrieve_retry_interval=200ms",
];

/// The servers, and what they stand on.
pub struct Cluster<'a> {
    servers: Vec<Server<'a>>,
    primary: usize,
    /// Their networks, or why there are none.
    pub network: Result<Network, String>,
    /// Their file systems, or why there are none.
    images: Result<Images, String>,
}

impl<'a> Cluster<'a> {
    /// Three new servers, each in a network and a file system of its own where those can be had.
    ///
    /// # Errors
    /// The disk fails.
    pub fn new(installed: &'a Installed) -> Result<Self, String> {
        let network = Network::new(NODES);
        let directory = installed.directory();
        let images = Images::new(&directory, NODES);
        let servers = (0..NODES).map(|node| {
            let place = match &images {
                Ok(images) => images.place(node),
                Err(_) => installed.directory(),
            };
            open(installed, &place)?;
            let mut server = Server::new(installed, place, &SETTINGS);
            if let Ok(network) = &network {
                server.host = network.address(node);
                server.inside = network.inside(node);
            }
            Ok(server)
        });
        let servers = servers.collect::<Result<_, String>>()?;
        let mut cluster = Cluster { servers, primary: 0, network, images };
        cluster.servers[0].fill();
        let access = cluster.servers[0].data().join("pg_hba.conf");
        let hosts = Network::ADDRESSES;
        let lines = format!("host all admin {hosts} trust\nhost replication admin {hosts} trust\n");
        let file = OpenOptions::new().append(true).open(&access);
        file.and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|error| format!("{} cannot be written: {error}", access.display()))?;
        cluster.servers[0].start();
        cluster.names_others(0);
        for node in 1..NODES {
            cluster.follow(node);
        }
        cluster.settle()?;
        Ok(cluster)
    }

    /// Which of them is the primary.
    pub fn primary(&self) -> usize {
        self.primary
    }

    /// The server with a number.
    pub fn server(&mut self, node: usize) -> &mut Server<'a> {
        &mut self.servers[node]
    }

    /// The others.
    pub fn standbys(&self) -> [usize; 2] {
        [(self.primary + 1) % NODES, (self.primary + 2) % NODES]
    }

    /// How many transactions its primary has committed, as far as its sessions have told.
    ///
    /// # Errors
    /// It says no number.
    pub fn commits(&self) -> Result<u64, String> {
        let count = "select xact_commit from pg_stat_database where datname = 'postgres'";
        let said = self.servers[self.primary].sql(count);
        said.parse().map_err(|_| format!("this is no number of transactions: {said}"))
    }

    /// Has the two others confirm what this one writes.
    fn names_others(&self, node: usize) {
        let names = (1..NODES).map(|step| name((node + step) % NODES));
        let names = names.collect::<Vec<_>>().join(",");
        let server = &self.servers[node];
        server.sql(&format!("alter system set synchronous_standby_names = 'ANY 1 ({names})'"));
        server.sql("select pg_reload_conf()");
    }

    /// Makes a new standby of a server that has no data.
    fn follow(&mut self, node: usize) {
        self.servers[node].fill_from(&self.servers[self.primary], &name(node));
        self.servers[node].start();
    }

    /// Waits until both standbys confirm, and has what is there on the disks.
    ///
    /// # Errors
    /// `sync` fails.
    pub fn settle(&self) -> Result<(), String> {
        let count = "select count(*) from pg_stat_replication where sync_state = 'quorum'";
        let primary = &self.servers[self.primary];
        wait_until("both standbys confirm", || primary.sql(count) == "2");
        // What servers are made of is not synced by what makes them.
        self.images.iter().try_for_each(|images| (0..NODES).try_for_each(|node| images.sync(node)))
    }

    /// Makes the standby that has more the primary, confirmed by the other one.
    pub fn promote(&mut self) {
        let received = "select pg_last_wal_receive_lsn() - '0/0'";
        let standbys = self.standbys();
        let [one, two] = standbys.map(|node| {
            // It has all that it can get, and its number of bytes is one.
            self.servers[node].sql(received).parse::<u64>().unwrap_or_default()
        });
        let (next, other) =
            if one >= two { (standbys[0], standbys[1]) } else { (standbys[1], standbys[0]) };
        // The other one no more confirms what the old primary writes, before there is a new one.
        let source = self.servers[next].source(&name(other));
        let follower = &self.servers[other];
        follower.sql(&format!("alter system set primary_conninfo = '{source}'"));
        follower.sql("select pg_reload_conf()");
        self.names_others(next);
        self.servers[next].promote();
        self.primary = next;
    }

    /// Makes a server a new standby, whatever it was.
    ///
    /// # Errors
    /// Its data cannot be removed.
    pub fn renew(&mut self, node: usize) -> Result<(), String> {
        self.servers[node].kill();
        let data = self.servers[node].data();
        fs::remove_dir_all(&data)
            .map_err(|error| format!("{} cannot be removed: {error}", data.display()))?;
        self.follow(node);
        self.settle()
    }

    /// Cuts the power of all: each comes back with what was on its disk at one moment. Something
    /// else is done as soon as they stand still.
    ///
    /// # Errors
    /// There are no images.
    pub fn cut_power(&mut self, meanwhile: impl FnOnce()) -> Result<(), String> {
        let images = self.images.as_mut().map_err(|reason| reason.clone())?;
        self.servers.iter().for_each(Server::freeze);
        meanwhile();
        (0..NODES).try_for_each(|node| images.copy(node))?;
        self.servers.iter().for_each(Server::kill);
        (0..NODES).try_for_each(|node| images.come_back(node))?;
        thread::scope(|scope| {
            for server in &mut self.servers {
                scope.spawn(|| server.start());
            }
        });
        self.settle()
    }

    /// Why the power cannot be cut.
    pub fn without_images(&self) -> Option<&str> {
        self.images.as_ref().err().map(String::as_str)
    }

    /// Why no node can be cut off.
    pub fn without_network(&self) -> Option<&str> {
        self.network.as_ref().err().map(String::as_str)
    }
}

impl Servers for Cluster<'_> {
    fn url(&self) -> String {
        let hosts = self.servers.iter().map(|server| format!("{}:{}", server.host, server.port));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://admin@{hosts}/postgres?connect_timeout=2")
    }

    fn primary_url(&self) -> Result<String, String> {
        Ok(self.servers[self.primary].url("tandem"))
    }
}

/// The name by which a node confirms.
fn name(node: usize) -> String {
    format!("n{node}")
}

/// Lets servers use a directory.
fn open(installed: &Installed, directory: &Path) -> Result<(), String> {
    installed.own(directory);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(directory, mode)
        .map_err(|error| format!("{} cannot be opened: {error}", directory.display()))
}
