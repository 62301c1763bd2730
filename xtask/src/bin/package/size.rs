//! How large a component may be as it is released.
//!
//! It is checked when a release is made, and in no build: another compiler may make it larger.

/// Of the file, with its metadata.
const COMPONENT_BYTES_MAX: usize = 400 * 1024;

/// Refuse a component that is too large.
pub fn check(name: &str, bytes: usize) -> Result<(), String> {
    if bytes <= COMPONENT_BYTES_MAX {
        return Ok(());
    }
    Err(format!("{name} has {bytes} bytes, above the limit of {COMPONENT_BYTES_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_the_limit_passes_and_one_byte_more_does_not() {
        assert_eq!(check("tandem.wasm", 409_600), Ok(()));
        let error = check("tandem.wasm", 409_601).unwrap_err();
        assert_eq!(error, "tandem.wasm has 409601 bytes, above the limit of 409600");
    }
}
