//! What the names of the component's files tell: WASI has neither modes nor purposes.
//!
//! Temporary files are named `.<target>.<32 hex digits>.tandem-tmp`, and what is set aside
//! `<name>.corrupt-<random>`.

use crate::disk::{Mode, Purpose};

const TEMP_SUFFIX: &str = ".tandem-tmp";
const TEMP_RANDOM_DIGITS: usize = 32;
const ASIDE: &str = ".corrupt-";

/// What a file of this path is created for.
pub fn purpose_of(path: &str) -> Purpose {
    if is_temporary(name_of(path)) { Purpose::Temporary } else { Purpose::Named }
}

/// Whose mode a file has after it was renamed: a complete temporary file that of what it replaces,
/// and a copy of a corrupt file that of the original.
pub fn mode_of<'a>(from: &str, to: &'a str) -> Mode<'a> {
    if !is_temporary(name_of(from)) {
        return Mode::Own;
    }
    Mode::Of(original_of(to))
}

/// The path of the file that was set aside under this one; otherwise this one.
pub fn original_of(path: &str) -> &str {
    path.rsplit_once(ASIDE).map_or(path, |(original, _)| original)
}

/// Whether a name is that of a temporary file.
pub fn is_temporary(name: &str) -> bool {
    temporary_target(name).is_some()
}

/// The target in the name of a temporary file; the target's own leading dot is not kept there.
pub fn temporary_target(name: &str) -> Option<&str> {
    let stem = name.strip_prefix('.')?.strip_suffix(TEMP_SUFFIX)?;
    let (target, random) = stem.rsplit_once('.')?;
    let is_random =
        random.len() == TEMP_RANDOM_DIGITS && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random.then_some(target)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMP: &str = ".takeover/.x.lock.0123456789abcdef0123456789abcdef.tandem-tmp";

    #[test]
    fn a_name_tells_purpose_and_mode() {
        assert_eq!(purpose_of(TEMP), Purpose::Temporary);
        assert_eq!(purpose_of("x.lock"), Purpose::Named);
        assert_eq!(mode_of(TEMP, "x.lock"), Mode::Of("x.lock"));
        assert_eq!(mode_of(TEMP, "runs.json.corrupt-0f"), Mode::Of("runs.json"));
        assert_eq!(mode_of("runs.json", "runs.json.corrupt-0f"), Mode::Own);
    }
}
