//! Servers of PostgreSQL, started for tests: each in a directory of its own, on a free port of
//! loopback, and stopped however the test ends.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Only a hang takes so long.
pub const HANG: Duration = Duration::from_secs(180);

/// Ends the test if the servers cannot be had: with an error where all tests must run, else in words.
#[macro_export]
macro_rules! servers {
    () => {
        match $crate::postgres::Installed::get() {
            Ok(installed) => installed,
            Err(reason) => return $crate::postgres::not_run(reason),
        }
    };
}

/// Says why a test is not run.
pub fn not_run(reason: &str) {
    assert!(env::var_os("CI").is_none(), "no server can be started: {reason}");
    // Not by the macro, whose output a test that passes does not show.
    let _ = writeln!(io::stderr(), "not run, no server can be started: {reason}");
}

/// Waits for something that others do, and for ever as good as never.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < HANG, "it does not come about: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The programs of PostgreSQL, and a directory of a server that nobody has started.
pub struct Installed {
    bin: PathBuf,
    /// Whom servers run as, if that is not whoever runs the tests.
    user: Option<(u32, u32)>,
    template: PathBuf,
    /// Removes it when the tests are over, which is when its standard input ends.
    _watch: Option<Child>,
}

impl Installed {
    /// Found and made once.
    pub fn get() -> Result<&'static Installed, &'static str> {
        static INSTALLED: OnceLock<Result<Installed, String>> = OnceLock::new();
        INSTALLED.get_or_init(Installed::new).as_ref().map_err(String::as_str)
    }

    fn new() -> Result<Self, String> {
        let bin = bin()
            .ok_or("there is no PostgreSQL 15 or newer: install Debian's package `postgresql`")?;
        let user = user()?;
        let mut installed = Installed { bin, user, template: PathBuf::new(), _watch: None };
        let directory = installed.directory();
        installed._watch = Some(watch(&directory, &[]));
        installed.template = directory.join("data");
        let made = installed
            .command("initdb")
            .arg("-D")
            .arg(&installed.template)
            .args([
                "-U",
                "admin",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .output()
            .map_err(|error| format!("initdb does not start: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb fails: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let access = "local all all trust\n\
            host all admin 127.0.0.1/32 trust\n\
            host replication admin 127.0.0.1/32 trust\n\
            host all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(installed.template.join("pg_hba.conf"), access)
            .map_err(|error| error.to_string())?;
        Ok(installed)
    }

    /// A program of PostgreSQL, as the user that servers run as.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.stdin(Stdio::null()).current_dir("/").env_remove("PGPASSWORD");
        self.as_user(&mut command);
        command
    }

    /// Where the programs are.
    pub fn programs(&self) -> &Path {
        &self.bin
    }

    pub fn as_user(&self, command: &mut Command) {
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
    }

    /// An empty directory that servers can use.
    pub fn directory(&self) -> PathBuf {
        let directory = tempfile::tempdir().unwrap().keep();
        self.own(&directory);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        directory
    }

    /// Gives a file or directory to the user that servers run as.
    pub fn own(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// A server with settings of its own.
    pub fn start(&self, settings: &[&str]) -> Server<'_> {
        self.start_in(self.directory(), settings)
    }

    /// A server in a directory of a file system of its own.
    pub fn start_in(&self, directory: PathBuf, settings: &[&str]) -> Server<'_> {
        let mut server = Server::new(self, directory, settings);
        server.fill();
        server.start();
        server
    }

    /// The server of all tests that need nothing special; each has a schema of its own in it.
    pub fn shared(&'static self) -> &'static Server<'static> {
        static SHARED: OnceLock<Server<'static>> = OnceLock::new();
        SHARED.get_or_init(|| self.start_in(self.directory(), &["max_connections=200"]))
    }
}

/// The directory of the newest installation that is new enough.
fn bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let bin = entry.path().join("bin");
        (version >= 15 && bin.join("initdb").exists()).then_some((version, bin))
    });
    let newest = versions.max().map(|(_, bin)| bin);
    newest.or_else(|| {
        let path = env::var_os("PATH")?;
        let bin = env::split_paths(&path).find(|bin| bin.join("initdb").exists())?;
        let version = Command::new(bin.join("initdb")).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let major: u32 = version.split(' ').nth(2)?.split('.').next()?.parse().ok()?;
        (major >= 15).then_some(bin)
    })
}

/// A server refuses to run as root: then it is the user of Debian's package.
fn user() -> Result<Option<(u32, u32)>, String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let id = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if id != Some("0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    for name in ["postgres", "nobody"] {
        let found = users.lines().find(|line| line.split(':').next() == Some(name));
        let mut ids = found.into_iter().flat_map(|line| line.split(':').skip(2)).map(str::parse);
        if let (Some(Ok(user)), Some(Ok(group))) = (ids.next(), ids.next()) {
            return Ok(Some((user, group)));
        }
    }
    Err("the tests run as root, and there is no user `postgres` or `nobody` for a server".into())
}

/// Runs a program that ends, at the latest, when whoever started it does; then the directory goes.
pub(crate) fn watch(remove: &Path, program: &[&str]) -> Child {
    let script = r#"
        remove=$1; shift
        if [ $# -gt 0 ]; then "$@" </dev/null & program=$!; fi
        cat >/dev/null
        if [ -n "$program" ]; then kill -CONT $program; kill -QUIT $program; wait $program; fi 2>/dev/null
        if [ -n "$remove" ]; then rm -rf "$remove"; fi"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(remove).args(program);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // An interrupt of the terminal is for the tests, whose end this waits for.
    command.process_group(0).spawn().unwrap()
}

/// A port that nobody listens at, from below those that the system gives to clients: one of them may
/// get the port of a server that is down.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..12_000 {
        let next =
            std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (next % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("nobody can listen at any port of 127.0.0.1");
}

/// Whether a process has ended, be it that nobody has asked for its outcome yet.
fn is_gone(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    matches!(state, None | Some("Z" | "X"))
}

/// One server.
pub struct Server<'a> {
    pub installed: &'a Installed,
    pub directory: PathBuf,
    /// Where it listens.
    pub host: String,
    pub port: u16,
    /// What starts a program where the server is, if that is not here.
    pub inside: Vec<String>,
    settings: Vec<String>,
    watch: Mutex<Option<Child>>,
    /// Removes its directory.
    remove: Child,
}

impl<'a> Server<'a> {
    pub fn new(installed: &'a Installed, directory: PathBuf, settings: &[&str]) -> Self {
        let port = free_port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let remove = watch(&directory, &[]);
        Server {
            installed,
            directory,
            host: "127.0.0.1".to_owned(),
            port,
            inside: Vec::new(),
            settings,
            watch: Mutex::new(None),
            remove,
        }
    }

    /// Gives it the data of a server that nobody has started.
    pub fn fill(&self) {
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(&self.installed.template).arg(self.data());
        assert!(copy.status().unwrap().success());
    }

    /// Gives it the data of another server, as a standby of that one by a name.
    pub fn fill_from(&self, primary: &Server<'_>, name: &str) {
        let mut backup = self.installed.command("pg_basebackup");
        backup.args(["-d", &primary.source(name), "-R", "-X", "stream", "-c", "fast"]);
        backup.arg("--no-sync").arg("-D").arg(self.data());
        assert!(backup.status().unwrap().success());
    }

    /// Where a standby finds it, by a name.
    pub fn source(&self, name: &str) -> String {
        format!("host={} port={} user=admin application_name={name}", self.host, self.port)
    }

    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        let (data, port) = (self.data().display().to_string(), self.port.to_string());
        let binary = self.installed.bin.join("postgres").display().to_string();
        let sockets = self.directory.display().to_string();
        let log = format!("{sockets}/log");
        let (user, group) = self.installed.user.unzip();
        let (user, group) = (user.map(|id| id.to_string()), group.map(|id| id.to_string()));
        let mut program: Vec<&str> = self.inside.iter().map(String::as_str).collect();
        if let (Some(user), Some(group)) = (&user, &group) {
            program.extend(["setpriv", "--reuid", user, "--regid", group, "--clear-groups"]);
        }
        // A shell, for the log alone.
        program.extend(["sh", "-c", r#"log=$1; shift; exec "$@" >>"$log" 2>&1"#, "sh", &log]);
        program.extend([&binary, "-D", &data, "-p", &port, "-k", &sockets]);
        let listen = format!("listen_addresses={}", self.host);
        program.extend(["-c", &listen, "-c", "shared_buffers=16MB"]);
        program.extend(self.settings.iter().flat_map(|setting| ["-c", setting]));
        *self.watch.lock().unwrap() = Some(watch(Path::new(""), &program));
        wait_until("a server answers", || {
            let mut ready = self.installed.command("pg_isready");
            ready.args(["-q", "-h", &self.host, "-p", &port]);
            ready.status().unwrap().success()
        });
    }

    /// The address of the store, as the superuser, in a schema.
    pub fn url(&self, schema: &str) -> String {
        format!("postgres://admin@{}:{}/postgres?schema={schema}", self.host, self.port)
    }

    /// What a statement answers, as text.
    pub fn sql(&self, sql: &str) -> String {
        let output = self.psql(sql).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn psql(&self, sql: &str) -> Command {
        let mut psql = self.installed.command("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "admin",
            "-d",
            "postgres",
        ]);
        psql.arg("-h").arg(&self.directory).args(["-p", &self.port.to_string(), "-c", sql]);
        psql
    }

    /// The server's processes, itself first.
    fn processes(&self) -> Vec<String> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let Some(first) = file.lines().next().map(str::to_owned) else { return Vec::new() };
        // Of a server that was killed the file is still there, and its number may be somebody else's.
        let name = fs::read_to_string(format!("/proc/{first}/comm")).unwrap_or_default();
        if name.trim_end() != "postgres" {
            return Vec::new();
        }
        let mut processes = vec![first.clone()];
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // Behind the name, which may have spaces: the state, then the parent.
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            if parent == Some(&first) {
                processes.push(entry.file_name().into_string().unwrap());
            }
        }
        processes
    }

    fn signal(&self, signal: &str) {
        let processes = self.processes();
        if processes.is_empty() {
            return;
        }
        let mut kill = Command::new("kill");
        kill.arg(signal).args(&processes).stderr(Stdio::null());
        drop(kill.status());
    }

    /// Kills all its processes at once.
    pub fn kill(&self) {
        // Frozen first, so that none outlives the others and notices.
        self.signal("-STOP");
        let processes = self.processes();
        self.signal("-KILL");
        self.end();
        // A new server does not start as long as one of them is there.
        wait_until("all its processes are gone", || {
            processes.iter().all(|process| is_gone(process))
        });
    }

    /// Kills a session of the store.
    pub fn kill_session(&self) {
        let session = "select min(pid) from pg_stat_activity where application_name = 'tandem'";
        let mut kill = Command::new("kill");
        assert!(kill.arg("-KILL").arg(self.sql(session)).status().unwrap().success());
        let answers = || self.psql("select 1").output().unwrap().status.success();
        wait_until("the server notices", || !answers());
        wait_until("the server has recovered", answers);
    }

    /// Has it stand still.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Stops it as its owner would.
    pub fn stop(&self) {
        let mut stop = self.installed.command("pg_ctl");
        stop.args(["stop", "-s", "-m", "fast", "-w", "-D"]).arg(self.data());
        assert!(stop.status().unwrap().success());
        self.end();
    }

    fn end(&self) {
        if let Some(mut watch) = self.watch.lock().unwrap().take() {
            drop(watch.stdin.take());
            watch.wait().unwrap();
        }
    }

    /// Makes the standby a primary.
    pub fn promote(&self) {
        let mut promote = self.installed.command("pg_ctl");
        promote.args(["promote", "-s", "-w", "-D"]).arg(self.data());
        assert!(promote.status().unwrap().success());
    }

    /// A standby of this server, by a name.
    pub fn standby(&self, name: &str) -> Server<'a> {
        let mut standby = Server::new(self.installed, self.installed.directory(), &[]);
        standby.fill_from(self, name);
        standby.settings.clone_from(&self.settings);
        standby.start();
        standby
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        self.thaw();
        self.end();
        drop(self.remove.stdin.take());
        drop(self.remove.wait());
    }
}
