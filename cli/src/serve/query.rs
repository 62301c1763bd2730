//! What is asked for behind the question mark of an address.

/// The value of a name, if it is given once.
///
/// # Errors
/// Why it cannot be told, in one sentence.
pub fn value(query: Option<&str>, name: &str) -> Result<Option<String>, String> {
    let mut found = None;
    for part in query.unwrap_or_default().split('&') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        if key == name && found.replace(value).is_some() {
            return Err(format!("it is given twice: {name}"));
        }
    }
    let decode = |value| decoded(value).ok_or_else(|| format!("it is not encoded as text: {name}"));
    found.map(decode).transpose()
}

/// Text of which bytes are written as `%` and two digits.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_once() {
        let query = Some("task=a%20%C3%A9%2525+&run=&empty");
        assert_eq!(value(query, "task").unwrap().as_deref(), Some("a é%25+"));
        assert_eq!(value(query, "run").unwrap().as_deref(), Some(""));
        assert_eq!(value(query, "tas"), Ok(None));
        assert_eq!(value(None, "task"), Ok(None));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%C3", "a=1&a=2", "a=%+1"] {
            assert!(value(Some(query), "a").is_err(), "{query}");
        }
    }
}
