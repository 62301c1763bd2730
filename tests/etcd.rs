//! Clusters of etcd, started for tests: each node in a directory of its own, on free ports of
//! loopback, and stopped however the test ends.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::postgres::{free_port, wait_until, watch};

/// How long a node may take to tell something: one that stands still, or is cut off, tells nothing.
const TOLD: Duration = Duration::from_secs(10);

/// Ends the test if no cluster can be had: with an error where all tests must run, else in words.
#[macro_export]
macro_rules! clusters {
    () => {
        match $crate::etcd::Installed::get() {
            Ok(installed) => installed,
            Err(reason) => return $crate::postgres::not_run(reason),
        }
    };
}

/// The programs of etcd.
pub struct Installed {
    server: PathBuf,
    client: PathBuf,
}

impl Installed {
    /// Found once.
    pub fn get() -> Result<&'static Installed, &'static str> {
        static INSTALLED: OnceLock<Option<Installed>> = OnceLock::new();
        let found = INSTALLED.get_or_init(|| {
            let path = env::var_os("PATH")?;
            let find = |name: &str| {
                let mut found = env::split_paths(&path).map(|directory| directory.join(name));
                found.find(|program| program.exists())
            };
            Some(Installed { server: find("etcd")?, client: find("etcdctl")? })
        });
        found.as_ref().ok_or(
            "there is no etcd with etcdctl: install Debian's packages `etcd-server`, `etcd-client`",
        )
    }

    /// A cluster of so many nodes, each with these settings, that has a leader.
    pub fn start(&'static self, nodes: usize, settings: &[&str]) -> Cluster {
        self.start_with(nodes, settings, "http")
    }

    /// A cluster whose clients use this scheme.
    pub fn start_with(
        &'static self,
        nodes: usize,
        settings: &[&str],
        scheme: &'static str,
    ) -> Cluster {
        self.start_at((0..nodes).map(|_| Place::default()), settings, scheme)
    }

    /// A cluster with a node at each of these places.
    pub fn start_at(
        &'static self,
        places: impl IntoIterator<Item = Place>,
        settings: &[&str],
        scheme: &'static str,
    ) -> Cluster {
        let new = |(n, place): (usize, Place)| Node {
            name: format!("n{}", n + 1),
            port: free_port(),
            peer_port: free_port(),
            told_port: free_port(),
            watch: Mutex::new(None),
            remove: watch(&place.directory, &[]),
            place,
        };
        let nodes: Vec<Node> = places.into_iter().enumerate().map(new).collect();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let cluster = Cluster { installed: self, nodes, settings, scheme };
        for node in 0..cluster.nodes.len() {
            cluster.start_only(node);
        }
        cluster.wait();
        cluster
    }

    /// The one node of all tests that need nothing special; each has a prefix of its own in it.
    pub fn shared(&'static self) -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| self.start(1, &[]))
    }
}

/// Where a node is: on loopback, in a directory that goes with it.
pub struct Place {
    pub directory: PathBuf,
    pub host: String,
    /// What starts a program there.
    pub inside: Vec<String>,
}

impl Default for Place {
    fn default() -> Self {
        Place { directory: directory(), host: "127.0.0.1".into(), inside: Vec::new() }
    }
}

/// A directory that is nobody's yet.
pub fn directory() -> PathBuf {
    tempfile::tempdir().unwrap().keep()
}

/// Nodes that know each other.
pub struct Cluster {
    installed: &'static Installed,
    pub nodes: Vec<Node>,
    settings: Vec<String>,
    scheme: &'static str,
}

/// One server.
pub struct Node {
    name: String,
    pub port: u16,
    peer_port: u16,
    /// Where it tells how it is.
    told_port: u16,
    pub place: Place,
    watch: Mutex<Option<Child>>,
    /// Removes its directory.
    remove: Child,
}

impl Cluster {
    /// The address of a store with this prefix.
    pub fn url(&self, prefix: &str) -> String {
        let hosts: Vec<String> =
            self.nodes.iter().map(|node| format!("{}:{}", node.place.host, node.port)).collect();
        format!("etcd://{}?prefix={prefix}/", hosts.join(","))
    }

    /// Starts a node; it goes on from what it has.
    pub fn start(&self, node: usize) {
        self.start_only(node);
        self.wait();
    }

    /// Starts a node, and does not wait for it.
    pub fn start_only(&self, node: usize) {
        let peer =
            |node: &Node| format!("{}=http://{}:{}", node.name, node.place.host, node.peer_port);
        let peers: Vec<String> = self.nodes.iter().map(peer).collect();
        let Node { name, port, peer_port, told_port, place, .. } = &self.nodes[node];
        let Place { directory, host, inside } = place;
        let (client, own) =
            (format!("{}://{host}:{port}", self.scheme), format!("http://{host}:{peer_port}"));
        let told = format!("http://{host}:{told_port}");
        let (server, data) = (self.installed.server.display().to_string(), directory.join("data"));
        let (data, at) = (data.display().to_string(), directory.display().to_string());
        let peers = peers.join(",");
        // A shell, for the log and the number of the process. What the environment has of etcd would be
        // settings.
        let script = r#"for name in $(env | grep -o '^ETCD[A-Z_]*'); do unset "$name"; done
            unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
            cd "$1"; shift; echo $$ >process; exec "$@" >>log 2>&1"#;
        let mut program: Vec<&str> = inside.iter().map(String::as_str).collect();
        program.extend(["sh", "-c", script, "sh", &at, &server]);
        program.extend(["--name", name, "--data-dir", &data]);
        program.extend(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        program.extend(["--listen-peer-urls", &own, "--initial-advertise-peer-urls", &own]);
        program.extend(["--listen-metrics-urls", &told]);
        program.extend(["--initial-cluster-state", "new", "--initial-cluster", &peers]);
        program.extend(self.settings.iter().map(String::as_str));
        *self.nodes[node].watch.lock().unwrap() = Some(watch(Path::new(""), &program));
    }

    /// Waits until all nodes that run are of a majority.
    pub fn wait(&self) {
        for node in self.nodes.iter().filter(|node| node.is_started()) {
            wait_until("a node has a leader", || {
                node.told("/health").is_some_and(|told| told.contains(r#""true""#))
            });
        }
    }

    /// Which node leads.
    pub fn leader(&self) -> usize {
        self.leader_but(None)
    }

    /// Which node leads, but for one that may not know that it leads no longer.
    pub fn leader_but(&self, other: Option<usize>) -> usize {
        let mut leader = None;
        wait_until("a node leads", || {
            let is_leader = |(n, node): (usize, &Node)| {
                let may_lead = node.is_started() && Some(n) != other;
                (may_lead && node.count("etcd_server_is_leader ") == 1).then_some(n)
            };
            leader = self.nodes.iter().enumerate().find_map(is_leader);
            leader.is_some()
        });
        leader.unwrap()
    }

    /// What etcd's own client says, of the first node.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let mut etcdctl = Command::new(&self.installed.client);
        let node = &self.nodes[0];
        let endpoint = format!("{}://{}:{}", self.scheme, node.place.host, node.port);
        for (name, _) in env::vars_os().filter(|(name, _)| is_etcds(name)) {
            etcdctl.env_remove(name);
        }
        etcdctl.args(["--endpoints", &endpoint]).args(arguments).env("ETCDCTL_API", "3");
        let output = etcdctl.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// How many requests of a kind, such as `Txn`, the nodes have begun with.
    pub fn requests(&self, kind: &str) -> u64 {
        self.sum(&["grpc_server_started_total", &format!("grpc_method=\"{kind}\"")]).unwrap()
    }

    /// How many requests of a kind the nodes have carried out; none if one of them does not tell.
    pub fn carried_out(&self, kind: &str) -> Option<u64> {
        let method = format!("grpc_method=\"{kind}\"");
        self.sum(&["grpc_server_handled_total", "grpc_code=\"OK\"", &method])
    }

    /// The sum of what all nodes tell in lines that begin with the first of these words and have the
    /// others in them.
    fn sum(&self, words: &[&str]) -> Option<u64> {
        let count = |node: &Node| {
            let told = node.told("/metrics")?;
            let is_it = |line: &&str| {
                line.starts_with(words[0]) && words.iter().all(|word| line.contains(word))
            };
            Some(told.lines().filter(is_it).filter_map(last_number).sum::<u64>())
        };
        self.nodes.iter().map(count).sum()
    }
}

/// Whether a variable of the environment is one of etcd's settings.
fn is_etcds(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"ETCD")
}

fn last_number(line: &str) -> Option<u64> {
    line.rsplit(' ').next()?.parse::<f64>().ok().map(|number| number as u64)
}

impl Node {
    fn is_started(&self) -> bool {
        self.watch.lock().unwrap().is_some()
    }

    /// A number that it tells of itself, by the beginning of its line.
    fn count(&self, name: &str) -> u64 {
        let told = self.told("/metrics").unwrap_or_default();
        told.lines().find(|line| line.starts_with(name)).and_then(last_number).unwrap_or(0)
    }

    /// What it tells of itself; none if it does not answer.
    fn told(&self, path: &str) -> Option<String> {
        let address = (self.place.host.as_str(), self.told_port).to_socket_addrs().ok()?.next()?;
        let mut stream = TcpStream::connect_timeout(&address, TOLD).ok()?;
        stream.set_read_timeout(Some(TOLD)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut told = String::new();
        stream.read_to_string(&mut told).ok()?;
        Some(told)
    }

    /// The number of its process, as text.
    fn process(&self) -> String {
        let text = fs::read_to_string(self.place.directory.join("process")).unwrap_or_default();
        text.trim().to_owned()
    }

    fn signal(&self, signal: &str) {
        // The number of one that was killed may be another's by now.
        if !self.is_started() {
            return;
        }
        let mut kill = Command::new("kill");
        drop(kill.arg(signal).arg(self.process()).stderr(Stdio::null()).status());
    }

    /// Kills it.
    pub fn kill(&self) {
        self.signal("-KILL");
        self.end();
    }

    /// Has it stand still.
    pub fn freeze(&self) {
        self.signal("-STOP");
        // The others run on until the thread that has got the signal is given a processor.
        let tasks = format!("/proc/{}/task", self.process());
        wait_until("all its threads stand still", || {
            let tasks = fs::read_dir(&tasks).into_iter().flatten().flatten();
            let mut stats =
                tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
            stats.all(|stat| {
                stat.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('T'))
            })
        });
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn end(&self) {
        if let Some(mut watch) = self.watch.lock().unwrap().take() {
            drop(watch.stdin.take());
            watch.wait().unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
        drop(self.remove.stdin.take());
        drop(self.remove.wait());
    }
}
