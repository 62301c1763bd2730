//! Small machines: little address space, few descriptors, few tasks, small files, full and read-only
//! disks, no `/proc`. What is enough runs; what is not is told in one sentence, before anything is
//! begun.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::Value;

use crate::support::{self, before_start, run, tandem, text};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

fn exec(root: &Path, command: &[&str]) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).arg("--").args(command);
    exec
}

/// It has the standard descriptors alone, whatever the tests were started with.
fn limited(command: &mut Command, resource: Resource, limit: u64) -> &mut Command {
    before_start(command, move || {
        for descriptor in 3..64 {
            // SAFETY: plain values. What is not open is an error that changes nothing.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        let _ = setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    })
}

/// The one line that tells why nothing was begun.
#[track_caller]
fn refusal(command: &str, done: &Output, code: i32) -> String {
    let stderr = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with(&format!("tandem {command}: ")), "{stderr}");
    stderr
}

#[track_caller]
fn assert_exit(done: &Output, code: i32) {
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(code), ""));
}

/// Runs in the root, which are told by what is in their directories.
fn runs(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join(".runs/task/cli"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The commands that keep something, and the exit code of each that cannot.
fn each_command(root: &Path) -> [(&'static str, Command, i32); 3] {
    let mut feed = tandem(&["feed", "--root"]);
    feed.arg(root);
    let mut history = tandem(&["history", "--task", "task", "--root"]);
    history.arg(root);
    [("exec", exec(root, &["true"]), 125), ("feed", feed, 1), ("history", history, 1)]
}

#[test]
fn a_gibibyte_of_address_space_is_enough() {
    for limit in [MIB * 1024, MIB * 2048, KIB * 4_000_000] {
        let root = tempfile::tempdir().unwrap();
        let done =
            run(limited(&mut exec(root.path(), &["sh", "-c", "exit 3"]), Resource::As, limit));
        assert_exit(&done, 3);
        assert_eq!(manifest(root.path())["status"], "failed");
        for (_, mut command, _) in each_command(root.path()).into_iter().skip(1) {
            assert_exit(&run(limited(&mut command, Resource::As, limit)), 0);
        }
    }
}

#[test]
fn a_limit_of_data_is_enough_or_told() {
    assert_enough_or_told(Resource::Data, (1..=24).map(|step| step * 8 * MIB), "ulimit -d");
}

/// With less the system cannot load a program that is built without optimisation.
#[test]
fn too_little_address_space_is_told_as_that() {
    assert_enough_or_told(Resource::As, (6..=24).map(|step| step * 16 * MIB), "ulimit -v");
}

/// Each ends well, or with a sentence that names the limit, and some of each kind are among them.
fn assert_enough_or_told(resource: Resource, limits: impl Iterator<Item = u64>, name: &str) {
    let (enough, told) = enough_and_told(resource, limits, name);
    assert!(enough > 0 && told > 0, "{enough} {told}");
}

/// How many of each kind there are.
fn enough_and_told(
    resource: Resource,
    limits: impl Iterator<Item = u64>,
    name: &str,
) -> (u32, u32) {
    let (mut enough, mut told) = (0, 0);
    for limit in limits {
        let root = tempfile::tempdir().unwrap();
        for (command, mut process, code) in each_command(root.path()) {
            let done = run(limited(&mut process, resource, limit));
            if done.status.success() {
                enough += 1;
                continue;
            }
            let why = refusal(command, &done, code);
            assert!(why.contains(name), "{limit}: {why}");
            told += 1;
        }
    }
    (enough, told)
}

/// What is built without optimisation needs more.
#[test]
fn a_small_stack_is_enough_or_told() {
    let limits = [64, 128, 192, 256].map(|limit| limit * KIB);
    let (enough, _) = enough_and_told(Resource::Stack, limits.into_iter(), "ulimit -s");
    assert!(enough >= 3, "{enough}");
}

#[test]
fn twenty_four_descriptors_are_enough() {
    for limit in [24, 32] {
        let root = tempfile::tempdir().unwrap();
        let done =
            run(limited(&mut exec(root.path(), &["sh", "-c", "exit 3"]), Resource::Nofile, limit));
        assert_exit(&done, 3);
        assert_eq!(manifest(root.path())["status"], "failed");
    }
}

/// The loader of the program needs some itself.
#[test]
fn too_few_descriptors_are_told_before_anything_is_begun() {
    let mut told = 0;
    for limit in 5..24 {
        let root = tempfile::tempdir().unwrap();
        for (command, mut process, code) in each_command(root.path()) {
            let done = run(limited(&mut process, Resource::Nofile, limit));
            if done.status.success() {
                continue;
            }
            let why = refusal(command, &done, code);
            let limit = format!("the limit of open files (ulimit -n) is {limit}");
            assert!(why.contains("Too many open files") && why.contains(&limit), "{why}");
            told += 1;
            if command == "exec" {
                assert!(runs(root.path()).is_empty());
            }
        }
    }
    assert!(told > 0);
}

/// As a user that has nothing else, who may have so many tasks.
fn with_tasks(command: &mut Command, user: u32, tasks: u64) -> &mut Command {
    before_start(command, move || {
        let limit = Rlimit { current: Some(tasks), maximum: Some(tasks) };
        let _ = setrlimit(Resource::Nproc, limit);
        // SAFETY: system calls alone.
        unsafe {
            libc::setgroups(0, std::ptr::null());
            libc::setgid(user);
            libc::setuid(user);
        }
    })
}

/// A directory for any user, and the program in it.
fn for_all() -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;

    assert!(rustix::process::geteuid().is_root(), "another user is needed, so run this as root");
    let root = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (built, program) = (env!("CARGO_BIN_EXE_tandem"), root.path().join("tandem"));
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    (root, program)
}

#[test]
fn however_few_tasks_there_are_the_end_is_good_or_told() {
    let (root, program) = for_all();
    let mut enough = 0;
    for tasks in 1..=20 {
        for (command, process, code) in each_command(root.path()) {
            let mut process_of_user = Command::new(&program);
            process_of_user.args(process.get_args());
            let done = run(with_tasks(&mut process_of_user, 61_700, tasks));
            if done.status.success() {
                assert_eq!(text(&done.stderr), "");
                enough += 1;
                continue;
            }
            let why = refusal(command, &done, code);
            let limit = format!("the limit of tasks of this user (ulimit -u) is {tasks}");
            assert!(why.contains(&limit), "{tasks}: {why}");
        }
    }
    // Twelve are always enough.
    assert!(enough >= 3 * 9, "{enough}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_executable_memory_the_reason_is_told() {
    const PR_SET_MDWE: libc::c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;

    let root = tempfile::tempdir().unwrap();
    for (command, mut process, code) in each_command(root.path()) {
        before_start(&mut process, || {
            // SAFETY: a system call alone. What it does not know it refuses.
            let refused = unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) };
            assert_eq!(refused, 0, "this needs Linux 6.3");
        });
        let why = refusal(command, &run(&mut process), code);
        assert!(why.contains("MemoryDenyWriteExecute"), "{why}");
    }
}

/// A shell in which a file system was mounted that goes with it. Needs unshare of util-linux, and root
/// or user namespaces.
#[cfg(target_os = "linux")]
fn mounted(script: &str, program: &Command) -> Command {
    let mut shell = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        shell.arg("--map-root-user");
    }
    shell.args(["-m", "sh", "-c", script, "sh"]);
    shell.arg(program.get_program()).args(program.get_args());
    shell
}

#[cfg(target_os = "linux")]
#[test]
fn without_proc_all_is_as_with_it() {
    let root = tempfile::tempdir().unwrap();
    let exec = exec(root.path(), &["sh", "-c", "echo out; exit 3"]);
    let done = run(&mut mounted(r#"mount -t tmpfs none /proc && exec "$@""#, &exec));
    assert_exit(&done, 3);
    assert_eq!(text(&done.stdout), "out\n");
    assert_eq!(manifest(root.path())["exit_code"], Value::Null);
    assert_eq!(manifest(root.path())["commands"][0]["exit_code"], 3);
}

#[cfg(target_os = "linux")]
#[test]
fn without_proc_a_group_of_the_commands_own_is_ended() {
    use rustix::process::{Pid, test_kill_process};

    let root = tempfile::tempdir().unwrap();
    let mut exec = tandem(&["exec", "--group", "--root"]);
    exec.arg(root.path()).args(["--", "sh", "-c", "sleep 1000 & echo $!; exit 3"]);
    let done = run(&mut mounted(r#"mount -t tmpfs none /proc && exec "$@""#, &exec));
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    let begin = "tandem exec: warning: the command left processes behind: group (";
    assert!(text(&done.stderr).starts_with(begin), "{}", text(&done.stderr));
    let left = Pid::from_raw(text(&done.stdout).trim().parse().unwrap()).unwrap();
    assert!(test_kill_process(left).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_directory_is_told_as_that() {
    let root = tempfile::tempdir().unwrap();
    let script = format!(r#"mount -t tmpfs -o ro none {} && exec "$@""#, root.path().display());
    let done = run(&mut mounted(&script, &exec(root.path(), &["true"])));
    let why = refusal("exec", &done, 125);
    assert!(
        why.contains("cannot create the directory .runs: read-only: mkdir: Read-only"),
        "{why}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_refused_for_a_full_disk_leaves_no_run() {
    // Neither room for a byte, nor for a file.
    for options in ["size=64k", "size=64k,nr_inodes=5"] {
        let root = tempfile::tempdir().unwrap();
        let shown = root.path().display();
        let status = format!(r#""{}" status --root {shown}"#, env!("CARGO_BIN_EXE_tandem"));
        let script = format!(
            r#"mount -t tmpfs -o {options} none {shown} && mkdir -p {shown}/.runs/task &&
            {{ cat /dev/zero > {shown}/full 2> /dev/null
            "$@"; echo $?; {status}; }}"#
        );
        let done = run(&mut mounted(&script, &exec(root.path(), &["true"])));
        let (stdout, stderr) = (text(&done.stdout), text(&done.stderr));
        assert!(stderr.contains("No space left on device (os error 28)"), "{stderr}");
        assert!(stdout.starts_with("125\n") && !stdout.contains("empty"), "{stdout}");
        assert!(!stdout.contains("task"), "{stdout}");
    }
}

/// As in a container that is read-only but for volumes.
#[cfg(target_os = "linux")]
#[test]
fn where_all_but_the_state_is_read_only_a_run_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let shown = root.path().display();
    fs::create_dir(root.path().join(".runs")).unwrap();
    fs::create_dir(root.path().join("out")).unwrap();
    let script = format!(
        r#"cd {shown} && mount --bind .runs .runs && mount --bind out out &&
        mount -o remount,bind,ro "$(stat -c %m .)" && mount -o remount,bind,ro / && exec "$@""#
    );
    // What it writes elsewhere is refused.
    let command = ["sh", "-c", "(: > \"$0\") 2>/dev/null || exit 3", &format!("{shown}/file")];
    assert_exit(&run(&mut mounted(&script, &exec(root.path(), &command))), 3);
    assert_eq!(manifest(root.path())["status"], "failed");
    assert_eq!(support::history(root.path(), "task")["runs"].as_array().unwrap().len(), 1);
}

/// As in a container that is started as some number.
#[cfg(target_os = "linux")]
#[test]
fn a_user_without_a_name_or_home_has_runs() {
    let program = exec(Path::new("."), &["sh", "-c", "! id -un 2>/dev/null && exit 3"]);
    let (root, tandem) = if rustix::process::geteuid().is_root() {
        for_all()
    } else {
        (tempfile::tempdir().unwrap(), env!("CARGO_BIN_EXE_tandem").into())
    };
    let mut nameless = if rustix::process::geteuid().is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=12345", "--regid=12345", "--clear-groups"]);
        setpriv
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-user=12345", "--map-group=12345"]);
        unshare
    };
    nameless.arg(tandem).args(program.get_args()).env_remove("HOME").current_dir(root.path());
    assert_exit(&run(&mut nameless), 3);
    assert_eq!(manifest(root.path())["status"], "failed");
    assert_eq!(support::history(root.path(), "task")["runs"].as_array().unwrap().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_for_a_while_is_a_warning_and_has_the_last_state() {
    let (root, told) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (shown, told) = (root.path().display(), told.path().join("stderr"));
    // The command makes room again when it has seen the warning. What a file that is replaced gives back
    // would be room enough for the next one, so it is taken again.
    let command = format!(
        r#"echo more; until grep -q warning {told}; do
        cat /dev/zero >> {shown}/full 2> /dev/null; sleep 0.01; done; rm {shown}/full; exit 3"#,
        told = told.display()
    );
    let script = format!(
        r#"mount -t tmpfs -o size=256k none {shown} && {{ "$@" 2> {told}; echo $?
        cd {shown} && cat .runs/task/cli/run/manifest.json && ls out/task && ls -A .runs/task/cli/run; }}"#,
        told = told.display()
    );
    let mut exec =
        tandem(&["exec", "--task", "task", "--run", "run", "--interval", "20", "--root"]);
    exec.arg(root.path()).args(["--heartbeat", "20", "--", "sh", "-c", &command]);
    let done = run(&mut mounted(&script, &exec));
    let (stdout, told) = (text(&done.stdout), fs::read_to_string(&told).unwrap());
    assert!(told.starts_with("tandem exec: warning: ") && told.contains("No space left"), "{told}");
    assert!(stdout.starts_with("more\n3\n{"), "{stdout}");
    assert!(stdout.contains(r#""status_detail": "exit code 3""#), "{stdout}");
    assert!(stdout.ends_with("}\nruns.json\n.heartbeat\nmanifest.json\n"), "{stdout}");
}

#[test]
fn a_directory_that_a_run_had_before_stays_when_it_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join(".runs/task/cli/run");
    fs::create_dir_all(&directory).unwrap();
    let done = run(limited(&mut exec(root.path(), &["true"]), Resource::Fsize, 0));
    assert_eq!(done.status.code(), Some(125));
    assert!(directory.exists());
}

#[test]
fn files_of_eight_kibibytes_are_enough_and_none_are_told() {
    let root = tempfile::tempdir().unwrap();
    let done =
        run(limited(&mut exec(root.path(), &["sh", "-c", "exit 3"]), Resource::Fsize, 8 * KIB));
    assert_exit(&done, 3);
    assert_eq!(manifest(root.path())["status"], "failed");
    let root = tempfile::tempdir().unwrap();
    let done = run(limited(&mut exec(root.path(), &["true"]), Resource::Fsize, 0));
    let why = refusal("exec", &done, 125);
    let said = "write: File too large (os error 27), the limit of bytes in a file (ulimit -f) is 0";
    assert!(why.contains(said), "{why}");
    assert!(runs(root.path()).is_empty());
}

#[test]
fn a_link_out_of_the_root_is_told_with_the_way_out() {
    for link in [".runs", ".runs/task"] {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = root.path().join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(elsewhere.path(), &link).unwrap();
        let why = refusal("exec", &run(&mut exec(root.path(), &["true"])), 125);
        assert!(
            why.contains("open: a link is absolute or leads out of the root")
                && why.contains("--root"),
            "{why}"
        );
        let task = root.path().join(".runs/task");
        for command in ["status", "prune"] {
            let done = run(tandem(&[command, "--json", "--root"]).arg(root.path()));
            // A task that leads out hides no other: it is a row of one, and has no run for the other.
            let why = match (link == task, command) {
                (true, "prune") => continue,
                (true, _) => text(&done.stdout),
                (false, _) => text(&done.stderr),
            };
            assert_eq!(done.status.success(), link == task);
            let told = "open: a link is absolute or leads out of the root, move the root";
            assert!(why.contains(told), "{command}: {why}");
        }
    }
    // The command has run by then.
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), root.path().join("out")).unwrap();
    let done = run(&mut exec(root.path(), &["sh", "-c", "exit 3"]));
    let stderr = text(&done.stderr);
    assert_eq!(done.status.code(), Some(3));
    assert!(stderr.starts_with("tandem exec: warning: summary is written, history is not: "));
    assert!(
        stderr.contains("a link is absolute or leads out of the root") && stderr.contains("--root"),
        "{stderr}"
    );
}

#[test]
fn a_link_to_nothing_in_the_place_of_all_runs_is_told() {
    let root = tempfile::tempdir().unwrap();
    symlink("nowhere", root.path().join(".runs")).unwrap();
    let done = run(tandem(&["status", "--root"]).arg(root.path()));
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains(".runs is a link to no directory"), "{done:?}");
}

#[test]
fn what_a_look_at_runs_lacks_is_told_with_its_limit() {
    let root = tempfile::tempdir().unwrap();
    assert_exit(&run(&mut exec(root.path(), &["true"])), 0);
    // Enough for the program, and for no directory more.
    for limit in 4..=12 {
        let mut status = tandem(&["status", "--json", "--root"]);
        let done = run(limited(status.arg(root.path()), Resource::Nofile, limit));
        let told = text(&done.stdout) + &text(&done.stderr);
        let is_whole = told.contains(r#""state":"done""#);
        let limit = format!("the limit of open files (ulimit -n) is {limit}");
        assert!(is_whole || told.contains(&limit), "{told}");
    }
}

#[test]
fn a_link_that_stays_below_the_root_is_followed() {
    let root = tempfile::tempdir().unwrap();
    for (link, target) in [(".runs", "kept/runs"), ("out", "kept/out")] {
        fs::create_dir_all(root.path().join(target)).unwrap();
        symlink(target, root.path().join(link)).unwrap();
    }
    assert_exit(&run(&mut exec(root.path(), &["true"])), 0);
    assert!(root.path().join("kept/out/task/runs.json").exists());
}

#[test]
fn a_failed_call_of_the_system_is_named_with_its_path_and_the_system_s_words() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(".runs/task/cli/run/manifest.json")).unwrap();
    let done = run(&mut exec(root.path(), &["true"]));
    let stderr = text(&done.stderr);
    assert_eq!(done.status.code(), Some(125));
    assert!(stderr.contains(".runs/task/cli/run/manifest.json"), "{stderr}");
    assert!(stderr.contains("rename: Is a directory (os error 21)"), "{stderr}");
}
