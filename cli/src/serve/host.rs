//! Whom a request takes this server for. A web page elsewhere can have its own name lead to a loopback
//! address, and would then count as of one origin with what is served there.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;

use crate::plain::plain;

/// The longest name that a message repeats.
const NAME_CHARS_MAX: usize = 100;

/// Refuses a request that does not name a loopback address.
///
/// # Errors
/// Why, in one sentence.
pub fn check<B>(request: &Request<B>) -> Result<(), String> {
    let mut names = request.headers().get_all(HOST).iter();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err("a request must name one host".to_owned());
    };
    let name = name.to_str().map_err(|_| "the name of the host is not text".to_owned())?;
    // A request for a proxy names the host a second time, and that one counts.
    let authority = request.uri().authority().map(|authority| authority.as_str());
    for name in std::iter::once(name).chain(authority) {
        if !is_loopback(name) {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            let name = plain(&name);
            return Err(format!(
                "only requests for localhost or a loopback address are answered, not for {name}"
            ));
        }
    }
    Ok(())
}

/// Whether a name, which may have a port, can be no other machine's. The port may be another one: it
/// may be forwarded.
fn is_loopback(name: &str) -> bool {
    let (host, port) = match name.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match name.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (name, None),
        },
    };
    let is_port = |port: &str| port.bytes().all(|it| it.is_ascii_digit());
    let is_name = host.eq_ignore_ascii_case("localhost");
    port.is_none_or(is_port)
        && (is_name || host.parse().is_ok_and(|address: IpAddr| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_alone_are_taken() {
        for name in ["localhost", "LOCALHOST:8263", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80"]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "localhost:80@example.com",
            "localhost:",
            "10.0.0.1",
            "[::1",
            "[::1]x",
            "[::2]",
            "::1",
            "0.0.0.0:80",
            "2130706433",
        ] {
            let is_empty_port = name == "localhost:";
            assert_eq!(is_loopback(name), is_empty_port, "{name}");
        }
    }
}
