//! Which version of a crate is linked.

const LOCK: &str = include_str!("../../Cargo.lock");

/// The newest one that the workspace's lock file names.
pub fn locked(name: &str) -> Option<String> {
    let line = format!("name = \"{name}\"");
    let mut versions = LOCK
        .rsplit("[[package]]")
        .filter(|package| package.lines().any(|of| of == line))
        .filter_map(|package| package.lines().find_map(|line| line.strip_prefix("version = ")));
    Some(versions.next()?.trim_matches('"').to_owned())
}
