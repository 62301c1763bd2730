//! The names of the component's temporary files: `.<target>.<32 hex digits>.tandem-tmp`.

const TEMP_SUFFIX: &str = ".tandem-tmp";
const TEMP_RANDOM_DIGITS: usize = 32;

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
