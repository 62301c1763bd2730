//! Leaves out of a component what only debuggers read, 3 % of its size, and what the encoder has
//! no option for.

/// The length of the header: magic number, version, layer.
const HEADER_BYTES: usize = 8;

/// The component without the names of its intermediate items, or nothing if it is malformed.
pub fn without_names(component: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = component.split_at_checked(HEADER_BYTES)?;
    let mut stripped = header.to_vec();
    while let Some((id, content)) = rest.split_first() {
        let (bytes, content) = unsigned(content)?;
        let (content, after) = content.split_at_checked(bytes)?;
        if !(*id == 0 && name(content)? == b"component-name") {
            stripped.extend_from_slice(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    Some(stripped)
}

/// The name at the start of a custom section.
fn name(content: &[u8]) -> Option<&[u8]> {
    let (bytes, content) = unsigned(content)?;
    content.get(..bytes)
}

/// A number in LEB128, and what follows it.
fn unsigned(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
