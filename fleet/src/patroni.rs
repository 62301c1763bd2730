//! Three servers whose primary is chosen by Patroni, with etcd to agree by.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tandem_postgres::PostgresDocuments;
use tandem_tests::postgres::{Installed, Server, free_port, wait_until};

use crate::postgres;
use crate::servers::{NODES, Servers};
use crate::undo::Undo;

/// Ends the daemons, then the servers that they leave behind, and removes the directory.
const REMOVE: &str = r#"
    for file in "$1"/*.pid; do
        pid=$(cat "$file")
        case $(cat "/proc/$pid/comm") in patroni|etcd) kill -KILL "$pid";; esac
    done
    for file in "$1"/node-*/data/postmaster.pid; do
        pid=$(head -n 1 "$file")
        if [ "$(cat "/proc/$pid/comm")" = postgres ]; then
            kill -QUIT "$pid"
            while [ -e "/proc/$pid" ]; do sleep 0.1; done
        fi
    done
    rm -rf "$1""#;

/// The servers, and who watches them.
pub struct Patroni<'a> {
    installed: &'a Installed,
    directory: PathBuf,
    servers: Vec<Server<'a>>,
    daemons: Vec<Child>,
    _undo: Undo,
}

impl<'a> Patroni<'a> {
    /// Three servers, of which one is the primary and has a standby that confirms.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn new(installed: &'a Installed) -> Result<Self, String> {
        for program in ["patroni", "etcd"] {
            let version = Command::new(program).arg("--version").output();
            version.map_err(|error| format!("{program} cannot be run: {error}"))?;
        }
        let directory = installed.directory();
        let undo = Undo::new(REMOVE, &[directory.display().to_string()]);
        let undo = undo.map_err(|error| format!("sh cannot be run: {error}"))?;
        let mut cluster =
            Patroni { installed, directory, servers: Vec::new(), daemons: Vec::new(), _undo: undo };
        let etcd = cluster.start_etcd()?;
        for node in 0..NODES {
            let place = cluster.directory.join(format!("node-{node}"));
            fs::create_dir(&place)
                .map_err(|error| format!("{} cannot be made: {error}", place.display()))?;
            installed.own(&place);
            let server = Server::new(installed, place, &[]);
            cluster.configure(node, &server, etcd)?;
            cluster.servers.push(server);
            cluster.watch(node)?;
        }
        cluster.settle();
        Ok(cluster)
    }

    /// Starts a daemon that this cluster ends.
    fn start(&mut self, name: &str, mut command: Command) -> Result<(), String> {
        let told = |what: &str, error| format!("{name}: {what}: {error}");
        let log = File::create(self.directory.join(format!("{name}.log")))
            .map_err(|error| told("its log cannot be made", error))?;
        let more = log.try_clone().map_err(|error| told("its log cannot be opened", error))?;
        command.stdin(Stdio::null()).stdout(log).stderr(more).current_dir("/");
        let child = command.spawn().map_err(|error| told("it cannot be run", error))?;
        fs::write(self.directory.join(format!("{name}.pid")), child.id().to_string())
            .map_err(|error| told("its number cannot be written", error))?;
        self.daemons.push(child);
        Ok(())
    }

    /// Answers the port of its clients.
    fn start_etcd(&mut self) -> Result<u16, String> {
        let (clients, peers) = (free_port(), free_port());
        let [clients_url, peers_url] =
            [clients, peers].map(|port| format!("http://127.0.0.1:{port}"));
        let mut etcd = Command::new("etcd");
        etcd.args(["--name", "etcd", "--data-dir"]).arg(self.directory.join("etcd"));
        etcd.args(["--listen-client-urls", &clients_url, "--advertise-client-urls", &clients_url]);
        etcd.args(["--listen-peer-urls", &peers_url, "--initial-advertise-peer-urls", &peers_url]);
        etcd.args(["--initial-cluster", &format!("etcd={peers_url}")]);
        self.start("etcd", etcd)?;
        Ok(clients)
    }

    /// Writes what Patroni is to do with a server.
    fn configure(&self, node: usize, server: &Server<'_>, etcd: u16) -> Result<(), String> {
        let path = self.configuration(node);
        let text = configuration(node, server, self.installed.programs(), etcd);
        fs::write(&path, text)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    fn configuration(&self, node: usize) -> PathBuf {
        self.directory.join(format!("node-{node}.yml"))
    }

    /// Has Patroni watch a server.
    fn watch(&mut self, node: usize) -> Result<(), String> {
        let mut patroni = Command::new("patroni");
        patroni.arg(self.configuration(node));
        self.installed.as_user(&mut patroni);
        self.start(&format!("node-{node}"), patroni)
    }

    /// The one that takes writes.
    fn primary(&self) -> Option<usize> {
        self.servers.iter().position(|server| says(server, "select pg_is_in_recovery()") == "f")
    }

    /// Waits until there is a primary with two standbys, of which one confirms.
    pub fn settle(&self) {
        let count = "select count(*) filter (where sync_state = 'sync') || ' of ' || count(*)
            from pg_stat_replication where state = 'streaming'";
        wait_until("Patroni has a primary and two standbys", || {
            self.primary().is_some_and(|primary| says(&self.servers[primary], count) == "1 of 2")
        });
    }

    /// Kills the primary with its Patroni, and answers which it was.
    ///
    /// # Errors
    /// There is none.
    pub fn kill_primary(&mut self) -> Result<usize, String> {
        let primary = self.primary().ok_or("no server takes writes")?;
        // The daemons are etcd's and, in the order of their servers, Patroni's.
        if let Some(daemon) = self.daemons.get_mut(primary + 1) {
            drop(daemon.kill());
            drop(daemon.wait());
        }
        self.servers[primary].kill();
        Ok(primary)
    }
}

impl Servers for Patroni<'_> {
    type Store = PostgresDocuments;

    fn url(&self) -> String {
        postgres::url(&self.servers)
    }

    fn migrate(&self) -> Result<(), String> {
        postgres::migrate(self.url())
    }

    fn store(&self) -> Result<PostgresDocuments, String> {
        postgres::store(&self.servers[self.primary().ok_or("no server takes writes")?])
    }
}

impl Drop for Patroni<'_> {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            // It may have ended.
            drop(daemon.kill());
            drop(daemon.wait());
        }
    }
}

/// What a server answers, if it does.
fn says(server: &Server<'_>, sql: &str) -> String {
    let output = server.psql(sql).stderr(Stdio::null()).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_default()
}

/// What Patroni is to do with a server: fail over as soon as it may, and never acknowledge without a
/// standby.
fn configuration(node: usize, server: &Server<'_>, programs: &Path, etcd: u16) -> String {
    let (port, api, directory) = (server.port, free_port(), server.directory.display());
    format!(
        "scope: tandem
name: n{node}
restapi: {{listen: '127.0.0.1:{api}', connect_address: '127.0.0.1:{api}'}}
etcd3: {{hosts: ['127.0.0.1:{etcd}']}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql: {{use_pg_rewind: false}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}]
postgresql:
  listen: '127.0.0.1:{port}'
  connect_address: '127.0.0.1:{port}'
  data_dir: '{directory}/data'
  bin_dir: '{programs}'
  pgpass: '{directory}/passwords'
  remove_data_directory_on_diverged_timelines: true
  authentication: {{superuser: {{username: admin}}, replication: {{username: admin}}}}
  pg_hba:
  - local all all trust
  - host all admin 127.0.0.1/32 trust
  - host replication admin 127.0.0.1/32 trust
  parameters:
    max_connections: 200
    unix_socket_directories: '{directory}'
",
        programs = programs.display(),
    )
}
