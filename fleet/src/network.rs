//! A network of its own for each node, which can be cut.

use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::command::must;
use crate::undo::Undo;

/// Removes the bridge, its ends, and the namespaces behind it.
const REMOVE: &str = r#"ip link del "$1"; shift; for name in "$@"; do ip netns del "$name"; done"#;

/// A bridge on this machine, and a namespace behind it for each node.
pub struct Network {
    /// What the names begin with.
    name: String,
    /// The third number of its addresses.
    subnet: u32,
    _undo: Undo,
}

impl Network {
    /// Addresses of all of them: those that are kept for measuring networks.
    pub const ADDRESSES: &str = "198.18.0.0/16";

    /// For so many nodes.
    ///
    /// # Errors
    /// It cannot be had here: it needs root, and no firewall that drops what passes a bridge.
    pub fn new(nodes: usize) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (id, next) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // The name of a link has at most 15 bytes.
        let name = format!("tdm{id:x}x{next:x}");
        let subnet = id.wrapping_mul(7).wrapping_add(next) % 250;
        let names = (0..nodes).map(|node| format!("{name}n{node}"));
        let arguments: Vec<_> = [format!("{name}b")].into_iter().chain(names).collect();
        let undo = Undo::new(REMOVE, &arguments);
        let undo = undo.map_err(|error| format!("sh cannot be run: {error}"))?;
        let network = Network { name, subnet, _undo: undo };
        let bridge = &arguments[0];
        let ip = |words: &str| must(&words.split(' ').collect::<Vec<_>>());
        ip(&format!("ip link add {bridge} type bridge"))?;
        ip(&format!("ip addr add 198.18.{subnet}.1/24 dev {bridge}"))?;
        ip(&format!("ip link set {bridge} up"))?;
        for node in 0..nodes {
            let (namespace, link) = (network.namespace(node), network.link(node));
            let address = network.address(node);
            ip(&format!("ip netns add {namespace}"))?;
            ip(&format!("ip link add {link} type veth peer name eth0 netns {namespace}"))?;
            ip(&format!("ip link set {link} master {bridge} up"))?;
            ip(&format!("ip -n {namespace} addr add {address}/24 dev eth0"))?;
            ip(&format!("ip -n {namespace} link set eth0 up"))?;
            ip(&format!("ip -n {namespace} link set lo up"))?;
        }
        // A firewall may drop what passes a bridge.
        network.must_reach(0, &format!("198.18.{subnet}.1"))?;
        for node in 1..nodes {
            network.must_reach(node, &network.address(0))?;
        }
        Ok(network)
    }

    fn must_reach(&self, node: usize, address: &str) -> Result<(), String> {
        let inside = self.inside(node);
        let connect = format!("exec 3<>/dev/tcp/{address}/9");
        let mut command = Command::new(&inside[0]);
        command.args(&inside[1..]).args(["timeout", "5", "bash", "-c", &connect]);
        let output = command.env("LC_ALL", "C").output();
        let output = output.map_err(|error| format!("nsenter cannot be run: {error}"))?;
        // Nobody listens there, and that is an answer.
        let is_answered =
            output.status.success() || String::from_utf8_lossy(&output.stderr).contains("refused");
        is_answered.then_some(()).ok_or_else(|| format!("packets do not arrive at {address}"))
    }

    fn namespace(&self, node: usize) -> String {
        format!("{}n{node}", self.name)
    }

    fn link(&self, node: usize) -> String {
        format!("{}v{node}", self.name)
    }

    /// The address of a node.
    pub fn address(&self, node: usize) -> String {
        format!("198.18.{}.{}", self.subnet, node + 2)
    }

    /// What starts a program at a node. Not `ip netns exec`, whose program would see mounts of its
    /// own.
    pub fn inside(&self, node: usize) -> Vec<String> {
        ["nsenter".to_owned(), format!("--net=/run/netns/{}", self.namespace(node))].into()
    }

    /// Cuts a node off from everybody.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn cut(&self, node: usize) -> Result<(), String> {
        must(&["ip", "link", "set", &self.link(node), "down"])
    }

    /// Joins it again.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn join(&self, node: usize) -> Result<(), String> {
        must(&["ip", "link", "set", &self.link(node), "up"])
    }
}
