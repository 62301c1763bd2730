//! A file system of its own for each node, in a file, of which a copy is what a power cut leaves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::command::must;
use crate::undo::Undo;

/// How often a copy is begun anew because something was still being written.
const COPIES: usize = 100;

/// Unmounts what is mounted, as soon as whoever uses it has ended, and removes the directory.
const REMOVE: &str = r#"
    all=$1; shift
    for place in "$@"; do
        tries=0
        while mountpoint -q "$place" && [ $tries -lt 100 ]; do
            umount "$place" || sleep 0.1
            tries=$((tries + 1))
        done
        if mountpoint -q "$place"; then umount -l "$place"; fi
    done
    rm -rf "$all""#;

/// The file systems.
pub struct Images {
    directory: PathBuf,
    /// How many copies each has had.
    turns: Vec<u32>,
    _undo: Undo,
}

impl Images {
    /// For so many nodes, each of so many bytes, below a directory, which goes with them. Of a file,
    /// what was never written takes no space.
    ///
    /// # Errors
    /// They cannot be had here, which needs root.
    pub fn new(directory: &Path, nodes: usize, bytes: u64) -> Result<Self, String> {
        let images =
            |undo| Images { directory: directory.into(), turns: vec![0; nodes], _undo: undo };
        let places = (0..nodes).map(|node| place(directory, node).display().to_string());
        let arguments: Vec<_> =
            [directory.display().to_string()].into_iter().chain(places).collect();
        let undo = Undo::new(REMOVE, &arguments);
        let images = images(undo.map_err(|error| format!("sh cannot be run: {error}"))?);
        for node in 0..nodes {
            let image = images.image(node);
            File::create(&image)
                .and_then(|file| file.set_len(bytes))
                .and_then(|()| fs::create_dir(images.place(node)))
                .map_err(|error| format!("an image cannot be made: {error}"))?;
            // The system would go on making it while it is mounted.
            let whole = "lazy_itable_init=0,lazy_journal_init=0";
            must(&["mkfs.ext4", "-q", "-F", "-E", whole, &image])?;
            images.mount(node)?;
        }
        Ok(images)
    }

    /// Where the file system of a node is mounted.
    pub fn place(&self, node: usize) -> PathBuf {
        place(&self.directory, node)
    }

    fn image(&self, node: usize) -> String {
        format!("{}/{node}-{}.ext4", self.directory.display(), self.turns[node])
    }

    fn mount(&self, node: usize) -> Result<(), String> {
        let place = self.place(node).display().to_string();
        must(&["mount", "-o", "loop", &self.image(node), &place])
    }

    /// Writes all that a node has to its image, as it is when nobody cuts the power.
    ///
    /// # Errors
    /// `sync` fails.
    pub fn sync(&self, node: usize) -> Result<(), String> {
        must(&["sync", "--file-system", &self.place(node).display().to_string()])
    }

    /// Copies what the image of a node has now, without what is in the system's memory only. Whoever
    /// writes must stand still.
    ///
    /// # Errors
    /// There is no space, or somebody writes on and on.
    pub fn copy(&mut self, node: usize) -> Result<(), String> {
        let image = self.image(node);
        self.turns[node] += 1;
        let copy = self.image(node);
        for _ in 0..COPIES {
            must(&["cp", "--sparse=always", &image, &copy])?;
            // If each block is now as it was when it was copied, all of them were so at one moment.
            // Else the system has written something meanwhile.
            if must(&["cmp", "--silent", &image, &copy]).is_ok() {
                return Ok(());
            }
        }
        Err(format!("the image is written all the time: {image}"))
    }

    /// Mounts the copy in the place of what it is a copy of. Whoever used that must have ended.
    ///
    /// # Errors
    /// The file system is in use, or the copy is none.
    pub fn come_back(&self, node: usize) -> Result<(), String> {
        must(&["umount", &self.place(node).display().to_string()])?;
        self.mount(node)?;
        let before = format!("{}/{node}-{}.ext4", self.directory.display(), self.turns[node] - 1);
        fs::remove_file(&before).map_err(|error| format!("{before} cannot be removed: {error}"))
    }
}

fn place(directory: &Path, node: usize) -> PathBuf {
    directory.join(format!("node-{node}"))
}
