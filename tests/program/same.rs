//! Commands alone, under `exec`, under `exec --no-capture` and under `exec --group`: nothing differs but
//! what README tells.
//!
//! Documented differences: a signal that ends the command is 128 and its number, outputs are pipes
//! under `exec`, and with `--group` the command leads a group and leaves nothing behind. Here outputs
//! are pipes alone too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Seek;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{Guarded, before_start, with_default_signals};

/// An interpreter, and a program for it. Each runs in an empty directory, with [`INPUT`] as its input.
const COMMANDS: &[(&str, &str)] = &[
    // Exit codes and signals.
    ("sh", "true"),
    ("sh", "false"),
    ("sh", "exit 3"),
    ("sh", "exit 255"),
    ("sh", "echo out; echo error >&2; exit 5"),
    ("sh", "no-such-command"),
    ("sh", "/no/such/path"),
    ("sh", "echo text > file; ./file"),
    ("sh", "(exit 9); echo $?"),
    ("sh", "sh -c 'exit 6' || echo code $?"),
    ("sh", "false | true; echo $?"),
    ("sh", "kill -TERM $$"),
    ("sh", "kill -KILL $$"),
    ("sh", "kill -INT $$"),
    ("sh", "kill -HUP $$"),
    ("sh", "kill -PIPE $$"),
    ("sh", "kill -ALRM $$"),
    ("sh", "kill -USR1 $$"),
    ("sh", "kill -USR2 $$"),
    ("sh", "ulimit -c 0; kill -QUIT $$"),
    ("sh", "ulimit -c 0; kill -SEGV $$"),
    ("sh", "ulimit -c 0; kill -XCPU $$"),
    ("sh", "trap 'echo caught; exit 7' TERM; kill -TERM $$"),
    ("sh", "trap '' TERM; kill -TERM $$; echo alive"),
    ("sh", "trap 'echo bye' EXIT; exit 4"),
    ("sh", "timeout 60 sh -c 'exit 8'"),
    ("sh", "timeout 0.05 sleep 60"),
    ("bash", "set -o pipefail; false | true"),
    ("bash", "set -e; false; echo never"),
    ("bash", "kill -CONT $$; echo on"),
    ("python3", "import os; os._exit(77)"),
    ("python3", "import sys; sys.exit('a message')"),
    ("python3", "raise ValueError('of a kind')"),
    ("python3", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    (
        "python3",
        "import resource, os; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
    ),
    ("perl", "die qq(dead\\n)"),
    ("perl", "exit 200"),
    ("perl", "$SIG{ALRM} = sub { print qq(alarm\\n) }; kill ALRM => $$"),
    ("perl", "print system('exit 3') >> 8"),
    ("perl", "if (my $pid = fork) { waitpid $pid, 0; print $? >> 8 } else { exit 5 }"),
    // Outputs.
    ("sh", "echo hello"),
    ("sh", "printf 'no end of a line'"),
    ("sh", "printf 'a\\0b\\377c'"),
    ("sh", "echo error >&2"),
    ("sh", "seq 20000"),
    ("sh", "seq 20000 >&2"),
    ("sh", "seq 20000; seq 20000 >&2"),
    ("sh", "yes | head -n 3"),
    ("sh", "head -c 1000000 /dev/zero"),
    ("sh", "dd if=/dev/zero bs=64k count=20 2>/dev/null"),
    ("sh", "exec 1>&2; echo both"),
    ("sh", "exec 2>&1; echo out; echo error >&2"),
    ("sh", "exec 3>three; echo x >&3; cat three"),
    ("sh", "exec >&-; echo lost"),
    ("sh", "exec 2>&-; echo out; echo error >&2; echo $?"),
    ("sh", "echo one & wait; echo two"),
    ("sh", "(sleep 0.05; echo late) & wait"),
    ("sh", "nohup sh -c 'echo on'"),
    ("sh", "setsid -w sh -c 'echo in a session; exit 2'"),
    ("sh", "tee copy; cat copy"),
    ("bash", "for i in {1..100}; do echo $i; done"),
    ("bash", NOT_WAITED_FOR),
    ("bash", "echo fail > /dev/full"),
    ("bash", "printf '%q\\n' $'\\e[31m'"),
    ("python3", "import sys; print('out'); print('error', file=sys.stderr)"),
    ("python3", "import os; print(os.write(1, b'x' * 300000))"),
    (
        "python3",
        "import sys; sys.stdout.reconfigure(line_buffering=True); [print(i) for i in range(2000)]",
    ),
    (
        "python3",
        "import threading as t; [(x.start(), x.join()) for x in [t.Thread(target=print, args=(i,)) for i in range(9)]]",
    ),
    (
        "python3",
        "import subprocess; print(subprocess.run(['sh', '-c', 'echo x; exit 3']).returncode)",
    ),
    ("perl", "$| = 1; print qq(out\\n); print STDERR qq(error\\n)"),
    ("perl", "syswrite STDOUT, 'y' x 200000"),
    // Input.
    ("sh", "cat"),
    ("sh", "cat; cat"),
    ("sh", "read line; echo \"<$line>\"; cat"),
    ("sh", "head -n 2; cat"),
    ("sh", "tail -n 2"),
    ("sh", "wc"),
    ("sh", "sort -r | uniq -c"),
    ("sh", "tr a-z A-Z"),
    ("sh", "sed 's/o/0/g'"),
    ("sh", "awk '{ print NR \": \" $0 }'"),
    ("sh", "grep -n line"),
    ("sh", "grep missing"),
    ("sh", "cut -c1-3"),
    ("sh", "od -An -tx1"),
    ("sh", "xargs -n 2 echo"),
    ("sh", "exec <&-; cat"),
    ("sh", "cksum"),
    ("sh", "git hash-object --stdin"),
    ("bash", "mapfile -t lines; echo ${#lines[@]}"),
    ("bash", "read -n 3 word; echo \"$word\""),
    ("python3", "import sys; print(len(sys.stdin.buffer.read()))"),
    ("python3", "import os; os.read(0, 5); print(os.lseek(0, 0, 1))"),
    ("perl", "my @lines = <STDIN>; print scalar @lines"),
    // Files.
    ("sh", "mkdir -p a/b; echo x > a/b/c; find . | sort"),
    ("sh", "touch f; stat -c '%a %s %u %g' f"),
    ("sh", "umask 077; : > f; stat -c %a f"),
    ("sh", "ln -s nowhere link; readlink link"),
    ("sh", "mkfifo p; echo through > p & cat p; wait"),
    ("sh", "echo *"),
    (
        "sh",
        "git init -q r && cd r && git -c user.name=n -c user.email=e -c maintenance.auto=false commit -q --allow-empty -m m && git log --format=%s",
    ),
    (
        "python3",
        "import tempfile; f = tempfile.NamedTemporaryFile(dir='.'); f.write(b'x'); print(f.tell())",
    ),
    // Small tools.
    ("sh", "date -u -d @0 +%s; expr 6 \\* 7; basename /a/b.c .c"),
    ("sh", "env X=1 sh -c 'echo $X'"),
    ("sh", "env -i /bin/sh -c 'echo ${HOME-none}'"),
    ("bash", "exec -a other sh -c 'echo $0'"),
    // Whether bash tells that the job is done depends on which of the two is first.
    ("bash", "exec 2> /dev/null; set -m; sleep 0 & wait; echo $?"),
    ("perl", "print $0, join ',', @ARGV"),
];

/// What a command is given beside its arguments. Each also runs for a caller that is peculiar.
const GIVEN: &[(&str, &str)] = &[
    ("sh", "pwd; umask; nice; id; tty"),
    ("sh", "env | sort"),
    ("sh", "ulimit -a; ulimit -a -H"),
    ("sh", "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/personality"),
    ("sh", "for file in 0 1 2; do test -t $file; echo $?; done"),
    ("bash", "trap"),
    ("bash", "ulimit -a; [[ -p /dev/stdin ]]; echo $?"),
    ("python3", "import os; print(sorted(os.environ.items()))"),
    ("python3", "import signal as s; print([str(s.getsignal(i)) for i in range(1, 65)])"),
    ("python3", "import signal as s; print(sorted(i for i in s.pthread_sigmask(s.SIG_BLOCK, [])))"),
    // Without the two signals that are glibc's own: how they stand depends on how a command is started.
    ("python3", "import re
for line in open('/proc/self/status'):
    name, value = re.split(':\\\\s*', line.strip(), maxsplit=1)
    if name in ('SigBlk', 'SigIgn', 'SigPnd', 'ShdPnd'): print(name, hex(int(value, 16) & ~(3 << 31)))
    if name[:3] in ('Cap', 'Uid', 'Gid', 'Gro', 'Uma', 'NoN', 'Sec', 'Cpu', 'Mem', 'Spe'): print(line)"),
    ("python3", "import resource as r; print([(n, r.getrlimit(getattr(r, n))) for n in sorted(dir(r)) if n.startswith('RLIMIT_')])"),
    ("python3", "import os; print(os.getsid(0), os.getcwd(), os.nice(0), oct(os.umask(0)))"),
    ("python3", OWN_GROUP),
    ("python3", "import os; print(sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0), os.getpriority(0, 0))"),
    ("python3", "import fcntl, os, stat
for name in range(200):
    try: mode = os.fstat(name).st_mode
    except OSError: continue
    print(name, stat.filemode(mode), fcntl.fcntl(name, fcntl.F_GETFL), fcntl.fcntl(name, fcntl.F_GETFD))"),
    ("python3", "import ctypes
prctl, value = ctypes.CDLL(None).prctl, ctypes.c_int()
prctl(2, ctypes.byref(value))
print(value.value, [prctl(option, 0, 0, 0, 0) for option in (3, 7, 21, 27, 30, 34, 37, 39, 42)])"),
    ("python3", "import os, select; print(select.select([0], [1, 2], [], 60))"),
    ("perl", "print join ' ', map { -t $_ ? 1 : 0 } *STDIN, *STDOUT, *STDERR"),
    ("perl", "print join ' ', map { $_ . ($SIG{$_} // '') } sort keys %SIG"),
];

/// What does not do the same with `--group`: one tells its group, one does not wait for what it starts.
const NOT_IN_GROUP: [&str; 2] = [OWN_GROUP, NOT_WAITED_FOR];
const OWN_GROUP: &str = "import os; print(os.getpgrp())";
const NOT_WAITED_FOR: &str = "diff <(echo a) <(echo b)";

const INPUT: &str = "first line\nsecond line, which is longer\n\nfourth line\nend";

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Alone,
    Exec,
    NoCapture,
    Group,
}

impl How {
    /// The flag of `exec`, if it is under that.
    fn flag(self) -> Option<&'static str> {
        match self {
            How::Alone => None,
            How::Exec => Some("--no-progress"),
            How::NoCapture => Some("--no-capture"),
            How::Group => Some("--group"),
        }
    }
}

/// What can be seen of a command that has ended.
#[derive(Debug, PartialEq)]
struct Seen {
    code: i32,
    /// Escaped, as the next one.
    stdout: String,
    stderr: String,
    /// How much it took of its input.
    input_offset: u64,
    files: BTreeMap<String, Vec<u8>>,
}

/// Runs it in a directory that each way of running has at the same path.
fn see(dir: &Path, (interpreter, program): (&str, &str), how: How, is_peculiar: bool) -> Seen {
    let work = dir.join("work");
    fs::create_dir(&work).unwrap();
    let input = dir.join("input");
    fs::write(&input, INPUT).unwrap();
    let mut input = File::open(input).unwrap();

    let state = dir.join(format!("{how:?}"));
    let mut words = vec![];
    if let Some(flag) = how.flag() {
        fs::create_dir(&state).unwrap();
        let exec = [env!("CARGO_BIN_EXE_tandem"), "exec", flag, "--durability", "visible"];
        words.extend(exec);
        words.extend(["--root", state.to_str().unwrap(), "--"]);
    }
    let flag = if interpreter == "perl" { "-e" } else { "-c" };
    words.extend([interpreter, flag, program]);

    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(&work).stdin(input.try_clone().unwrap());
    command.env("PWD", &work).env("A_VARIABLE", "with spaces\nand lines").env_remove("_");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Else two of them would differ by themselves.
    command.env("PYTHONHASHSEED", "0").env("GIT_CONFIG_GLOBAL", "/dev/null");
    if is_peculiar {
        let extra = File::open("/dev/null").unwrap();
        before_start(&mut command, move || be_peculiar(&extra));
    }
    let output = Guarded::spawn(&mut command).output();
    let files = files(&work);
    fs::remove_dir_all(&work).unwrap();
    let code = output.status.code().or(output.status.signal().map(|signal| 128 + signal));
    Seen {
        code: code.unwrap(),
        stdout: output.stdout.escape_ascii().to_string(),
        stderr: output.stderr.escape_ascii().to_string(),
        input_offset: input.stream_position().unwrap(),
        files,
    }
}

/// What a caller may hand on to its commands.
fn be_peculiar(extra: &File) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limits = [
        (Resource::Core, 0),
        (Resource::Nofile, 250),
        (Resource::Fsize, 50_000_000),
        (Resource::Stack, 4_000_000),
    ];
    for (resource, limit) in limits {
        let _ = setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
    // SAFETY: system calls, and no handler is set.
    unsafe {
        libc::umask(0o027);
        libc::nice(3);
        // It stays open in the command.
        libc::dup2(extra.as_raw_fd(), 150);
        for signal in [libc::SIGHUP, libc::SIGPIPE, libc::SIGCHLD, libc::SIGUSR2, libc::SIGXFSZ] {
            libc::signal(signal, libc::SIG_IGN);
        }
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [libc::SIGUSR1, libc::SIGALRM, libc::SIGCONT] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Files below a directory with what they hold, but for git's.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && name != ".git" {
            all.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|(below, text)| (format!("{name}/{below}"), text)),
            );
        } else {
            all.insert(name, if kind.is_file() { fs::read(entry.path()).unwrap() } else { vec![] });
        }
    }
    all
}

/// Sees all of them in each way, some at a time.
fn assert_same(commands: &[(&str, &str)], is_peculiar: bool) {
    with_default_signals();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(&command) = commands.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let dir = tempfile::tempdir().unwrap();
                    let alone = see(dir.path(), command, How::Alone, is_peculiar);
                    let ways = [How::Exec, How::NoCapture, How::Group];
                    let is_same =
                        |how: &How| *how != How::Group || !NOT_IN_GROUP.contains(&command.1);
                    for how in ways.into_iter().filter(is_same) {
                        let seen = see(dir.path(), command, how, is_peculiar);
                        assert!(
                            seen == alone,
                            "{command:?}\nalone: {alone:#?}\n{how:?}: {seen:#?}"
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn commands_do_under_exec_what_they_do_alone() {
    assert!(COMMANDS.len() >= 100);
    assert_same(COMMANDS, false);
}

#[cfg(target_os = "linux")]
#[test]
fn commands_are_given_under_exec_what_they_are_given_alone() {
    assert_same(GIVEN, false);
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_peculiar_caller_hands_on_is_given_under_exec_too() {
    assert_same(GIVEN, true);
}
