//! What servers stand on: a network and a file system of its own for each, where those can be had.

use std::path::{Path, PathBuf};

use crate::images::Images;
use crate::network::Network;

/// So many machines.
pub struct Machines {
    /// Their networks, or why there are none.
    pub network: Result<Network, String>,
    /// Their file systems, or why there are none.
    pub images: Result<Images, String>,
}

impl Machines {
    /// With file systems of so many bytes, below a directory, which goes with them.
    pub fn new(directory: &Path, machines: usize, image_bytes: u64) -> Self {
        Machines {
            network: Network::new(machines),
            images: Images::new(directory, machines, image_bytes),
        }
    }

    /// Where the file system of one is mounted, if it has its own.
    pub fn place(&self, machine: usize) -> Option<PathBuf> {
        self.images.as_ref().ok().map(|images| images.place(machine))
    }

    /// The address of one.
    pub fn host(&self, machine: usize) -> String {
        self.network
            .as_ref()
            .map_or_else(|_| "127.0.0.1".to_owned(), |network| network.address(machine))
    }

    /// What starts a program at one.
    pub fn inside(&self, machine: usize) -> Vec<String> {
        self.network.as_ref().map_or_else(|_| Vec::new(), |network| network.inside(machine))
    }
}
