//! Three servers, of which one of two standbys confirms each durable write, and what may happen to
//! them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;

use futures::executor::block_on;
use tandem_postgres::{Options, PostgresDocuments};
use tandem_tests::postgres::{Installed, Server, wait_until};

use crate::machines::Machines;
use crate::network::Network;
use crate::servers::{NODES, Nodes, Servers};

/// How large the file system of a server is, in bytes.
const IMAGE_BYTES: u64 = 384 << 20;

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
pub struct Postgres<'a> {
    servers: Vec<Server<'a>>,
    primary: usize,
    machines: Machines,
}

impl<'a> Postgres<'a> {
    /// Three new servers, each in a network and a file system of its own where those can be had.
    ///
    /// # Errors
    /// The disk fails.
    pub fn new(installed: &'a Installed) -> Result<Self, String> {
        let machines = Machines::new(&installed.directory(), NODES, IMAGE_BYTES);
        let servers = (0..NODES).map(|node| {
            let place = machines.place(node).unwrap_or_else(|| installed.directory());
            open(installed, &place)?;
            let mut server = Server::new(installed, place, &SETTINGS);
            server.host = machines.host(node);
            server.inside = machines.inside(node);
            Ok(server)
        });
        let servers = servers.collect::<Result<_, String>>()?;
        let mut cluster = Postgres { servers, primary: 0, machines };
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
}

/// The address of the store in servers.
pub fn url(servers: &[Server<'_>]) -> String {
    let hosts = servers.iter().map(|server| format!("{}:{}", server.host, server.port));
    let hosts = hosts.collect::<Vec<_>>().join(",");
    format!("postgres://admin@{hosts}/postgres?connect_timeout=2")
}

/// Makes the store at an address.
///
/// # Errors
/// It cannot be made.
pub fn migrate(url: String) -> Result<(), String> {
    let migrated = block_on(PostgresDocuments::migrate(Options::new(url)));
    migrated.map(drop).map_err(|error| format!("the store cannot be made: {error}"))
}

/// The store in the server that takes writes.
///
/// # Errors
/// It cannot be opened.
pub fn store(primary: &Server<'_>) -> Result<PostgresDocuments, String> {
    let store = block_on(PostgresDocuments::open(Options::new(primary.url("tandem"))));
    store.map_err(|error| format!("the store cannot be opened: {error}"))
}

impl Servers for Postgres<'_> {
    type Store = PostgresDocuments;

    fn url(&self) -> String {
        url(&self.servers)
    }

    fn migrate(&self) -> Result<(), String> {
        migrate(self.url())
    }

    fn store(&self) -> Result<PostgresDocuments, String> {
        store(&self.servers[self.primary])
    }
}

impl Nodes for Postgres<'_> {
    fn primary(&mut self) -> usize {
        self.primary
    }

    fn machines(&mut self) -> &mut Machines {
        &mut self.machines
    }

    fn kill(&mut self, node: usize) {
        self.servers[node].kill();
    }

    fn freeze(&mut self, node: usize) {
        self.servers[node].freeze();
    }

    fn thaw(&mut self, node: usize) {
        self.servers[node].thaw();
    }

    fn start(&mut self, nodes: &[usize]) {
        thread::scope(|scope| {
            let servers = self.servers.iter_mut().enumerate();
            for (_, server) in servers.filter(|(node, _)| nodes.contains(node)) {
                scope.spawn(|| server.start());
            }
        });
    }

    /// The standby that has more is promoted, and the other one confirms.
    fn promote(&mut self) {
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

    /// It is made anew.
    fn renew(&mut self, node: usize) -> Result<(), String> {
        self.servers[node].kill();
        let data = self.servers[node].data();
        fs::remove_dir_all(&data)
            .map_err(|error| format!("{} cannot be removed: {error}", data.display()))?;
        self.follow(node);
        self.settle()
    }

    fn wait(&self) {
        let count = "select count(*) from pg_stat_replication where sync_state = 'quorum'";
        let primary = &self.servers[self.primary];
        wait_until("both standbys confirm", || primary.sql(count) == "2");
    }

    /// As far as the sessions of the primary have told.
    fn transactions(&self) -> Result<u64, String> {
        let count = "select xact_commit from pg_stat_database where datname = 'postgres'";
        let said = self.servers[self.primary].sql(count);
        said.parse().map_err(|_| format!("this is no number of transactions: {said}"))
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
