//! What makes two disks one to Tandem.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::sim::tree::Tree;
use tandem_host::testing::temporary_target;

/// A number for all that recovery or a reader looks at: names, without what is random in them, and
/// the bytes of files that are neither temporary, nor in temporary directories, nor set aside.
pub(super) fn fingerprint(tree: &Tree) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, ino) in tree.walk() {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let is_in_scratch = dir.split('/').any(|step| temporary_target(step).is_some());
        if is_in_scratch {
            // In a directory that was renamed to be removed. What it holds is never read.
            for step in path.split('/') {
                (temporary_target(step).unwrap_or(step), '/').hash(&mut hasher);
            }
            continue;
        }
        dir.hash(&mut hasher);
        if let Some(target) = temporary_target(name) {
            (target, ".tandem-tmp").hash(&mut hasher);
        } else if let Some((of, _)) = name.split_once(".corrupt-") {
            (of, ".corrupt-").hash(&mut hasher);
        } else {
            name.hash(&mut hasher);
            let data = tree.file(ino).ok().map(|(data, _)| data);
            if name.ends_with(".lock") {
                // Its token and time are as random as its holder.
                let form = |data: &Arc<Vec<u8>>| {
                    (data.len(), data.iter().filter(|byte| **byte == 0).count())
                };
                data.map(form).hash(&mut hasher);
            } else {
                data.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::tree::{Inode, ROOT};

    const TEMP: &str = ".a.0123456789abcdef0123456789abcdef.tandem-tmp";

    fn print(name: &str, content: &[u8]) -> u64 {
        let mut tree = Tree::new();
        tree.insert(1, Inode::File { data: Arc::new(content.to_vec()), modified_ns: 0 });
        tree.bind(ROOT, &name.into(), Some(1));
        fingerprint(&tree)
    }

    #[test]
    fn disks_that_differ_inside_temporary_files_are_one() {
        let other = TEMP.replace("01234", "56789");
        assert_eq!(print(TEMP, b"one"), print(&other, b"another"));
        assert_ne!(print("a", b"one"), print("a", b"another"));
        assert_ne!(print("a", b"one"), print("b", b"one"));
    }
}
