//! A file of passwords, line by line: `HOST:PORT:DATABASE:USER:PASSWORD`.

/// The password of the first line that matches all four.
pub(crate) fn password(
    text: &str,
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Option<String> {
    let port = port.to_string();
    let wanted = [host, &port, database, user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (password, given) = fields.split_last()?;
        let is_match = given.len() == wanted.len()
            && given.iter().zip(wanted).all(|(given, wanted)| given == "*" || given == wanted);
        is_match.then(|| password.clone())
    })
}

/// The five fields of a line; the last one has what is left, with its colons.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == ':' && fields.len() < 5 {
            fields.push(String::new());
            continue;
        }
        let c = if c == '\\' { chars.next() } else { Some(c) };
        if let (Some(field), Some(c)) = (fields.last_mut(), c) {
            field.push(c);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# of the team\nother:5432:db:me:no\nh\\:1:5432:*:me:of\\:h1\n*:*:*:me:a:b\\\\\n";

    #[test]
    fn the_first_line_that_matches_counts() {
        assert_eq!(password(TEXT, "h:1", 5432, "any", "me").unwrap(), "of:h1");
        assert_eq!(password(TEXT, "h2", 1, "db", "me").unwrap(), "a:b\\");
        assert_eq!(password(TEXT, "other", 5432, "db", "me").unwrap(), "no");
    }

    #[test]
    fn what_matches_no_line_has_no_password() {
        assert_eq!(password(TEXT, "h2", 1, "db", "you"), None);
        assert_eq!(password("", "h", 1, "db", "me"), None);
        assert_eq!(password("h:1:db:me", "h", 1, "db", "me"), None);
    }
}
