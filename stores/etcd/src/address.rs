//! The address of a store: where its servers are, and how they are spoken to.

use std::fs;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::OpenError;
use crate::tls::{self, Connector, Files};

/// The port that a server has by default.
const PORT: u16 = 2379;

/// How long one server may take to accept a connection by default.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// What stands before the keys by default.
const PREFIX: &str = "tandem/";

/// How many bytes the prefix may have.
const PREFIX_BYTES_MAX: usize = 1024;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its name or address, without brackets.
    pub host: String,
    pub port: u16,
    /// Both, for people and for HTTP.
    pub shown: String,
}

/// A user, and the password.
#[derive(Clone)]
pub(crate) struct User {
    pub name: String,
    pub password: String,
}

/// The servers of a store, and what they have in common.
pub(crate) struct Address {
    pub servers: Vec<Server>,
    pub user: Option<User>,
    pub prefix: String,
    /// How long one server may take to accept a connection.
    pub connect_within: Duration,
    /// None if nothing is encrypted.
    pub tls: Option<Connector>,
}

impl Address {
    /// Reads a URL; `variable` tells variables of the environment.
    pub fn read(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, OpenError> {
        let Some(rest) = url.strip_prefix("etcd://") else {
            return Err(wrong("the address must begin with etcd://"));
        };
        // Else the rest of the password would be taken for a host, and shown as one.
        if rest.matches('@').count() > 1 {
            return Err(wrong("the address may have one @: in a password it is written %40"));
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        if query.contains('@') {
            return Err(wrong("a ? in a password is written %3F"));
        }
        let given = Given::of(query)?;
        let (user, hosts) = match before.split_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, before),
        };
        if user.is_some_and(|user| user.contains('/')) {
            return Err(wrong("a / in a user or password is written %2F"));
        }
        let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
        let servers = hosts.split(',').map(server).collect::<Result<Vec<_>, _>>()?;
        let user = user.map(|user| account(user, &given, variable)).transpose()?;
        if user.is_none() && given.passwordfile.is_some() {
            return Err(wrong("passwordfile needs a user in the address"));
        }
        Ok(Address {
            servers,
            user,
            connect_within: given.connect_within()?,
            tls: given.tls()?,
            prefix: prefix(given.prefix)?,
        })
    }

    /// The servers, for people.
    pub fn shown(&self) -> String {
        let shown: Vec<&str> = self.servers.iter().map(|server| server.shown.as_str()).collect();
        shown.join(", ")
    }
}

fn wrong(rule: impl Into<String>) -> OpenError {
    OpenError::Options { rule: rule.into() }
}

/// What behind the `?` is given.
#[derive(Default)]
struct Given {
    cacert: Option<String>,
    cert: Option<String>,
    connect_timeout: Option<String>,
    key: Option<String>,
    passwordfile: Option<String>,
    prefix: Option<String>,
    tls: Option<String>,
}

impl Given {
    fn of(query: &str) -> Result<Self, OpenError> {
        let mut given = Given::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(wrong("an option of the address must have a ="));
            };
            let field = match name {
                "cacert" => &mut given.cacert,
                "cert" => &mut given.cert,
                "connect_timeout" => &mut given.connect_timeout,
                "key" => &mut given.key,
                "passwordfile" => &mut given.passwordfile,
                "prefix" => &mut given.prefix,
                "tls" => &mut given.tls,
                name => {
                    return Err(wrong(format!(
                        "the address has an option that is not known: {name}"
                    )));
                }
            };
            let text = decoded(value, || format!("the option is no text: {name}"))?;
            if field.replace(text).is_some() {
                return Err(wrong(format!("the address has an option twice: {name}")));
            }
        }
        Ok(given)
    }

    fn connect_within(&self) -> Result<Duration, OpenError> {
        let Some(text) = &self.connect_timeout else { return Ok(CONNECT_WITHIN) };
        match text.parse() {
            Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
            _ => Err(wrong(format!("connect_timeout must be 1 to 3600 seconds: {text}"))),
        }
    }

    fn tls(&self) -> Result<Option<Connector>, OpenError> {
        let is_checked = match self.tls.as_deref() {
            None | Some("off") => false,
            Some("verify-full") => true,
            Some(_) => return Err(wrong("tls must be off or verify-full")),
        };
        match (is_checked, &self.cacert, &self.cert, &self.key) {
            (false, None, None, None) => Ok(None),
            (false, ..) => Err(wrong("cacert, cert and key need tls=verify-full")),
            (true, None, ..) => Err(wrong("tls=verify-full needs cacert, a file of certificates")),
            (true, Some(roots), Some(certificate), Some(key)) => {
                tls::connector(&Files { roots, own: Some((certificate, key)) }).map(Some)
            }
            (true, Some(roots), None, None) => {
                tls::connector(&Files { roots, own: None }).map(Some)
            }
            (true, ..) => Err(wrong("cert and key need each other")),
        }
    }
}

fn decoded(text: &str, rule: impl FnOnce() -> String) -> Result<String, OpenError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| wrong(rule()))
}

fn server(host: &str) -> Result<Server, OpenError> {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, port) = match bracketed {
        Some((name, "")) => (name, None),
        Some((name, port)) => (name, Some(port.strip_prefix(':').unwrap_or("no port"))),
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_right = match bracketed {
        Some(_) => name.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.chars().all(is_name),
    };
    if !is_right {
        return Err(wrong("a host of the address is no name and no address"));
    }
    let port = match port {
        None => PORT,
        Some(text) => match text.parse() {
            Ok(port @ 1..) if !text.starts_with('+') => port,
            _ => return Err(wrong("a port of the address is no number of 1 to 65535")),
        },
    };
    let shown = match bracketed {
        Some(_) => format!("[{name}]:{port}"),
        None => format!("{name}:{port}"),
    };
    Ok(Server { host: name.to_owned(), port, shown })
}

/// The user and password: that of the address, else of the environment, else of the file.
fn account(
    user: &str,
    given: &Given,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<User, OpenError> {
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (user, None),
    };
    let name = decoded(name, || "the user of the address is no text".into())?;
    if name.is_empty() {
        return Err(wrong("the address has an empty user"));
    }
    let password = if let Some(password) = password {
        decoded(password, || "the password of the address is no text".into())?
    } else if let Some(password) = variable("ETCDCTL_PASSWORD") {
        password
    } else if let Some(path) = &given.passwordfile {
        let text = fs::read_to_string(path).map_err(|error| OpenError::File {
            what: "password file",
            path: path.clone(),
            source: error.into(),
        })?;
        text.lines().next().unwrap_or_default().to_owned()
    } else {
        return Err(wrong(
            "the user has no password: neither in the address, nor in ETCDCTL_PASSWORD, nor by passwordfile",
        ));
    };
    Ok(User { name, password })
}

fn prefix(given: Option<String>) -> Result<String, OpenError> {
    let prefix = given.unwrap_or_else(|| PREFIX.into());
    if prefix.len() < 2 || !prefix.ends_with('/') || prefix.contains('\0') {
        return Err(wrong(format!("prefix must be a text that ends with /: {prefix:?}")));
    }
    if prefix.len() > PREFIX_BYTES_MAX {
        return Err(wrong(format!(
            "prefix may have at most {PREFIX_BYTES_MAX} bytes, and has {}",
            prefix.len()
        )));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, OpenError> {
        Address::read(url, |_| None)
    }

    fn rule(url: &str) -> String {
        match read(url) {
            Err(error @ OpenError::Options { .. }) => error.to_string(),
            Err(error) => panic!("{url}: {error}"),
            Ok(address) => panic!("{url}: {}", address.shown()),
        }
    }

    #[test]
    fn several_hosts_are_servers_of_their_own() {
        let address =
            read("etcd://me:p%40w@h1:1,h-2.x,[::1]:3,[::2]/?prefix=a%2F&connect_timeout=7")
                .unwrap();
        assert_eq!(address.shown(), "h1:1, h-2.x:2379, [::1]:3, [::2]:2379");
        assert_eq!(address.servers[2].host, "::1");
        assert_eq!(address.prefix, "a/");
        assert_eq!(address.connect_within, Duration::from_secs(7));
        let user = address.user.unwrap();
        assert_eq!((user.name.as_str(), user.password.as_str()), ("me", "p@w"));
        assert!(address.tls.is_none());
    }

    #[test]
    fn what_is_not_given_is_as_by_default() {
        let address = read("etcd://h").unwrap();
        assert_eq!((address.shown().as_str(), address.prefix.as_str()), ("h:2379", "tandem/"));
        assert!(address.user.is_none());
        assert_eq!(address.connect_within, CONNECT_WITHIN);
        assert!(read("etcd://h?tls=off").unwrap().tls.is_none());
    }

    #[test]
    fn a_wrong_address_names_the_rule_and_no_password() {
        for (url, part) in [
            ("", "must begin with etcd://"),
            ("http://h:2379", "must begin with etcd://"),
            ("etcd://", "no name"),
            ("etcd://h,,g", "no name"),
            ("etcd://h/path", "no name"),
            ("etcd://::1", "no name"),
            ("etcd://[h]", "no name"),
            ("etcd://u:hun@ter2@h", "written %40"),
            ("etcd://u:hunter2?x=1@h", "written %3F"),
            ("etcd://u:hunter2/x@h", "written %2F"),
            ("etcd://:hunter2@h", "empty user"),
            ("etcd://me@h", "no password"),
            ("etcd://h:x", "port"),
            ("etcd://h:0", "port"),
            ("etcd://h:+1", "port"),
            ("etcd://h:70000", "port"),
            ("etcd://[::1]2379", "port"),
            ("etcd://h?colour=red", "not known: colour"),
            ("etcd://h?tls", "must have a ="),
            ("etcd://h?tls=off&tls=off", "twice: tls"),
            ("etcd://h?tls=require", "tls must be"),
            ("etcd://h?tls=verify-full", "needs cacert"),
            ("etcd://h?cacert=/x", "need tls=verify-full"),
            ("etcd://h?cert=/x", "need tls=verify-full"),
            ("etcd://h?tls=verify-full&cacert=/x&cert=/y", "need each other"),
            ("etcd://h?prefix=", "ends with /"),
            ("etcd://h?prefix=a", "ends with /"),
            ("etcd://h?prefix=/", "ends with /"),
            ("etcd://h?prefix=%ff", "no text: prefix"),
            ("etcd://h?passwordfile=/x", "needs a user"),
            ("etcd://h?connect_timeout=0", "1 to 3600"),
        ] {
            let rule = rule(url);
            assert!(rule.contains(part), "{url}: {rule}");
            assert!(!rule.contains("hunter2") && !rule.contains("ter2"), "{rule}");
        }
        assert!(rule(&format!("etcd://h?prefix={}/", "a".repeat(1024))).contains("1025"));
    }

    #[test]
    fn a_password_is_looked_for_in_one_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "filed\nmore\n").unwrap();
        let url = format!("etcd://me@h?passwordfile={}", file.path().display());
        let password = |url: &str, variable: Option<&str>| {
            let address = Address::read(url, |name| {
                variable.filter(|_| name == "ETCDCTL_PASSWORD").map(str::to_owned)
            });
            address.unwrap().user.unwrap().password
        };
        let given = url.replace("me@", "me:given@");
        assert_eq!(password(&given, Some("set")), "given");
        assert_eq!(password(&url, Some("set")), "set");
        assert_eq!(password(&url, None), "filed");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for (url, what) in [
            ("etcd://me@h?passwordfile=/nowhere/at/all", "password file"),
            ("etcd://h?tls=verify-full&cacert=/nowhere/at/all", "root certificates"),
        ] {
            let error = read(url).err().unwrap();
            assert!(matches!(error, OpenError::File { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(what) && text.ends_with("/nowhere/at/all"), "{text}");
        }
    }
}
