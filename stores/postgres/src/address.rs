//! The address of a store: where its servers are, and how they are spoken to.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{OpenError, passfile, tls};

/// How long one host may take to accept a connection and a password by default.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// After how long a connection that nothing passes is looked at: what stands between may have
/// forgotten it, and the next write would be unknown.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// The schema by default.
const SCHEMA: &str = "tandem";

/// The options that are handed on as they are.
const HANDED_ON: [&str; 16] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "tcp_user_timeout",
    "user",
];

/// One server.
pub(crate) struct Server {
    pub config: Config,
    /// Its name and port, for people.
    pub shown: String,
    /// How long it may take to accept a connection and a password.
    pub within: Duration,
}

/// The servers of a store, and what they have in common.
pub(crate) struct Address {
    pub servers: Vec<Server>,
    pub schema: String,
    pub tls: MakeRustlsConnect,
}

impl Address {
    /// Reads a URL; `variable` tells variables of the environment.
    pub fn read(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, OpenError> {
        let parts = Parts::of(url)?;
        let config: Config = parts.plain.parse().map_err(|error: tokio_postgres::Error| {
            let rule = std::error::Error::source(&error).map(ToString::to_string);
            wrong(rule.unwrap_or_else(|| "the address is no URL of postgresql".into()))
        })?;
        let (ssl_mode, roots) = encryption(parts.ssl_mode.as_deref(), parts.roots)?;
        let tls = tls::connector(roots.as_deref()).map_err(|source| OpenError::File {
            what: "file of root certificates",
            path: roots.unwrap_or_default().display().to_string(),
            source,
        })?;
        let passwords = if config.get_password().is_some() {
            Passwords::None
        } else if let Some(password) = variable("PGPASSWORD") {
            Passwords::One(password)
        } else if let Some(path) = parts.passfile.or_else(|| variable("PGPASSFILE")) {
            let text = fs::read_to_string(&path).map_err(|error| OpenError::File {
                what: "password file",
                path,
                source: error.into(),
            })?;
            Passwords::Lines(text)
        } else {
            Passwords::None
        };
        let servers = servers(&config, ssl_mode, &passwords)?;
        Ok(Address { servers, schema: schema(parts.schema)?, tls })
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

/// What this crate takes out of a URL, and the URL without it.
#[derive(Default)]
struct Parts {
    plain: String,
    ssl_mode: Option<String>,
    roots: Option<String>,
    passfile: Option<String>,
    schema: Option<String>,
}

impl Parts {
    fn of(url: &str) -> Result<Self, OpenError> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_url {
            return Err(wrong("the address must begin with postgres://"));
        }
        // Else the rest of the password would be taken for a host, and shown as one.
        if url.matches('@').count() > 1 {
            return Err(wrong("the address may have one @: in a password it is written %40"));
        }
        let (before, query) = url.split_once('?').unwrap_or((url, ""));
        if query.contains('@') {
            return Err(wrong("a ? in a password is written %3F"));
        }
        let mut parts = Parts::default();
        let mut handed_on = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(wrong("an option of the address must have a ="));
            };
            let decoded = || {
                let text = percent_decode_str(value).decode_utf8();
                text.map(|text| text.into_owned())
                    .map_err(|_| wrong(format!("the option is no text: {name}")))
            };
            match name {
                "sslmode" => parts.ssl_mode = Some(decoded()?),
                "sslrootcert" => parts.roots = Some(decoded()?),
                "passfile" => parts.passfile = Some(decoded()?),
                "schema" => parts.schema = Some(decoded()?),
                "target_session_attrs" if value == "read-write" => {}
                "target_session_attrs" => {
                    return Err(wrong("target_session_attrs can be read-write only"));
                }
                name if HANDED_ON.contains(&name) => handed_on.push(pair),
                name => {
                    return Err(wrong(format!(
                        "the address has an option that is not known: {name}"
                    )));
                }
            }
        }
        parts.plain = match handed_on.is_empty() {
            true => before.to_owned(),
            false => format!("{before}?{}", handed_on.join("&")),
        };
        Ok(parts)
    }
}

/// How connections are encrypted, and by which certificates the server is checked.
fn encryption(
    mode: Option<&str>,
    roots: Option<String>,
) -> Result<(SslMode, Option<PathBuf>), OpenError> {
    let ssl_mode = match mode {
        None | Some("prefer") => SslMode::Prefer,
        Some("disable") => SslMode::Disable,
        Some("require" | "verify-full") => SslMode::Require,
        Some(_) => {
            return Err(wrong("sslmode must be disable, prefer, require or verify-full"));
        }
    };
    match (mode == Some("verify-full"), roots) {
        (true, Some(roots)) => Ok((ssl_mode, Some(roots.into()))),
        (false, None) => Ok((ssl_mode, None)),
        (true, None) => Err(wrong("sslmode=verify-full needs sslrootcert, a file of certificates")),
        (false, Some(_)) => {
            Err(wrong("sslrootcert needs sslmode=verify-full, or nothing is checked by it"))
        }
    }
}

/// A name as it is written without quotes, though it may be a word of SQL.
fn schema(name: Option<String>) -> Result<String, OpenError> {
    let name = name.unwrap_or_else(|| SCHEMA.into());
    let is_plain = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with("pg_");
    match is_plain {
        true => Ok(name),
        false => Err(wrong(format!("schema must be of small letters, digits and _: {name:?}"))),
    }
}

/// Where passwords come from that are not in the address.
enum Passwords {
    None,
    One(String),
    Lines(String),
}

/// One configuration for each server: they are tried by this crate, which bounds how long one may
/// take, and tells a replica from a server that is away.
fn servers(
    all: &Config,
    ssl_mode: SslMode,
    passwords: &Passwords,
) -> Result<Vec<Server>, OpenError> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err(wrong("the address names no host"));
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(wrong("the address must have as many host as hostaddr"));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(wrong("the address must have one port, or one for each host"));
    }
    let server = |n: usize| {
        let mut config = common(all, ssl_mode);
        let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        config.port(port);
        if let Some(address) = addresses.get(n) {
            config.hostaddr(*address);
        }
        let name = match hosts.get(n) {
            Some(Host::Tcp(host)) => {
                config.host(host);
                host.clone()
            }
            #[cfg(unix)]
            Some(Host::Unix(path)) => {
                config.host_path(path);
                path.display().to_string()
            }
            None => addresses.get(n).map(ToString::to_string).unwrap_or_default(),
        };
        let user = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        let password = match passwords {
            Passwords::None => None,
            Passwords::One(password) => Some(password.clone()),
            Passwords::Lines(text) => passfile::password(text, &name, port, database, user),
        };
        if let Some(password) = password {
            config.password(password);
        }
        let within = all.get_connect_timeout().copied().unwrap_or(CONNECT_WITHIN);
        Server { config, shown: format!("{name}:{port}"), within }
    };
    Ok((0..count).map(server).collect())
}

/// What all servers have of an address.
fn common(all: &Config, ssl_mode: SslMode) -> Config {
    let mut config = Config::new();
    config
        .ssl_mode(ssl_mode)
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .application_name(all.get_application_name().unwrap_or("tandem"))
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle().min(KEEPALIVE_IDLE));
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(password) = all.get_password() {
        config.password(password);
    }
    if let Some(database) = all.get_dbname() {
        config.dbname(database);
    }
    if let Some(options) = all.get_options() {
        config.options(options);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        config.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config
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
        let address = read(
            "postgres://me:pw@h1:1,h2,[::1]:3/db?schema=a_1&connect_timeout=7&options=-c%20x%3D1",
        )
        .unwrap();
        assert_eq!(address.shown(), "h1:1, h2:5432, ::1:3");
        assert_eq!(address.schema, "a_1");
        for server in &address.servers {
            assert_eq!(server.config.get_user(), Some("me"));
            assert_eq!(server.config.get_password(), Some("pw".as_bytes()));
            assert_eq!(server.config.get_dbname(), Some("db"));
            assert_eq!(server.config.get_options(), Some("-c x=1"));
            assert_eq!(server.config.get_hosts().len(), 1);
            assert_eq!(server.config.get_ports().len(), 1);
            assert_eq!(server.within, Duration::from_secs(7));
        }
    }

    #[test]
    fn a_unix_socket_is_a_host() {
        let address = read("postgresql://%2Frun%2Fpg:7/db?user=me").unwrap();
        assert_eq!(address.shown(), "/run/pg:7");
        assert_eq!(address.schema, "tandem");
    }

    #[test]
    fn a_wrong_address_names_the_rule_and_no_password() {
        for (url, part) in [
            ("", "must begin with postgres://"),
            ("host=h user=hunter2", "must begin with postgres://"),
            ("postgres://", "names no host"),
            ("postgres:///db", "names no host"),
            ("postgres://u:hun@ter2@h/db", "written %40"),
            ("postgres://u:hunter2?x=1@h/db", "written %3F"),
            ("postgres://h:x/db", "port"),
            ("postgres://h:70000/db", "port"),
            ("postgres://h/db?colour=red", "not known: colour"),
            ("postgres://h/db?sslmode", "must have a ="),
            ("postgres://h/db?sslmode=verify-ca", "sslmode must be"),
            ("postgres://h/db?sslmode=verify-full", "needs sslrootcert"),
            ("postgres://h/db?sslrootcert=/x", "needs sslmode=verify-full"),
            ("postgres://h/db?target_session_attrs=any", "read-write only"),
            ("postgres://h/db?schema=A", "small letters"),
            ("postgres://h/db?schema=", "small letters"),
            ("postgres://h/db?schema=pg_x", "small letters"),
            ("postgres://h1,h2/db?hostaddr=127.0.0.1", "as many"),
        ] {
            let rule = rule(url);
            assert!(rule.contains(part), "{url}: {rule}");
            assert!(!rule.contains("hunter2") && !rule.contains("ter2"), "{rule}");
        }
    }

    #[test]
    fn a_password_is_looked_for_in_one_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "h:*:db:me:filed\n").unwrap();
        let url = format!("postgres://me@h/db?passfile={}", file.path().display());
        let password = |url: &str, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            let address = Address::read(url, variable).unwrap();
            let password = address.servers[0].config.get_password();
            password.map(|password| String::from_utf8(password.to_vec()).unwrap())
        };
        let set = [("PGPASSWORD", "set")];
        assert_eq!(password("postgres://me:given@h/db", &set).as_deref(), Some("given"));
        assert_eq!(password(&url, &set).as_deref(), Some("set"));
        assert_eq!(password(&url, &[]).as_deref(), Some("filed"));
        assert_eq!(password("postgres://me@h/db", &[]), None);
        let path = file.path().display().to_string();
        let named = [("PGPASSFILE", path.as_str())];
        assert_eq!(password("postgres://me@h/db", &named).as_deref(), Some("filed"));
        assert_eq!(password("postgres://me@other/db", &named), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for (option, what) in [
            ("passfile", "password file"),
            ("sslmode=verify-full&sslrootcert", "root certificates"),
        ] {
            let url = format!("postgres://h/db?{option}=/nowhere/at/all");
            let error = read(&url).err().unwrap();
            assert!(matches!(error, OpenError::File { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(what) && text.ends_with("/nowhere/at/all"), "{text}");
        }
    }
}
