//! The support table.

use std::fmt::Write;

use super::cases::{Behaviours, Done, Known};

/// How many of the behaviours each host has, by area, and which it has not. It tells nothing that
/// differs between two runs.
pub fn render(behaviours: &Behaviours) -> String {
    let Behaviours { areas, hosts } = behaviours;
    let mut text = String::from("| behaviours |");
    for host in hosts {
        append(&mut text, format_args!(" {} |", host.title));
    }
    append(&mut text, format_args!("\n|---|{}\n", "---:|".repeat(hosts.len())));
    for (area, names) in areas {
        append(&mut text, format_args!("| {area} |"));
        for host in hosts {
            let passed = names.iter().filter(|name| host.passed.contains(name)).count();
            append(&mut text, format_args!(" {passed}/{} |", names.len()));
        }
        text.push('\n');
    }
    let all: usize = areas.values().map(Vec::len).sum();
    text.push_str("| all |");
    for host in hosts {
        append(&mut text, format_args!(" {}/{all} |", host.passed.len()));
    }
    text.push('\n');
    let exceptions = exceptions(hosts);
    if !exceptions.is_empty() {
        text.push_str("\nWhat is missing, and why:\n\n");
    }
    for Exception { hosts, cases, known } in exceptions {
        let cases: Vec<_> = cases.iter().map(|case| format!("`{case}`")).collect();
        append(&mut text, format_args!("- {}: {}", hosts.join("; "), known.reason));
        if let Some(link) = &known.link {
            append(&mut text, format_args!(" ([more]({link}))"));
        }
        append(&mut text, format_args!(". {}.\n", cases.join(", ")));
    }
    text
}

/// Behaviours that some hosts do not have for one reason.
struct Exception<'a> {
    hosts: Vec<&'a str>,
    cases: Vec<&'a str>,
    known: &'a Known,
}

fn exceptions(hosts: &[Done]) -> Vec<Exception<'_>> {
    let mut all: Vec<Exception<'_>> = Vec::new();
    for host in hosts {
        for mut exception in exceptions_of(host) {
            let same = all.iter_mut().find(|other| {
                is_same_reason(other.known, exception.known) && other.cases == exception.cases
            });
            match same {
                Some(same) => same.hosts.append(&mut exception.hosts),
                None => all.push(exception),
            }
        }
    }
    all
}

fn exceptions_of(host: &Done) -> Vec<Exception<'_>> {
    let mut of_host: Vec<Exception<'_>> = Vec::new();
    for known in &host.failed {
        match of_host.iter_mut().find(|exception| is_same_reason(exception.known, known)) {
            Some(exception) => exception.cases.push(&known.case),
            None => of_host.push(Exception {
                hosts: vec![&host.title],
                cases: vec![&known.case],
                known,
            }),
        }
    }
    of_host
}

fn is_same_reason(a: &Known, b: &Known) -> bool {
    (&a.reason, &a.link) == (&b.reason, &b.link)
}

fn append(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A text takes all that is written to it.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(case: &str, reason: &str, link: Option<&str>) -> Known {
        let (case, reason, link) = (case.into(), reason.into(), link.map(Into::into));
        Known { case, reason, link }
    }

    #[test]
    fn areas_are_counted_and_exceptions_with_one_reason_are_told_once() {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let areas = [("Files", &["a", "b"][..]), ("Locks", &["c"])];
        let areas = areas.map(|(area, cases)| (area.to_owned(), names(cases))).into();
        let done = |title: &str, passed: &[&str], failed| Done {
            title: title.into(),
            passed: names(passed),
            failed,
        };
        let blocks = || vec![known("b", "a call blocks", None), known("c", "a call blocks", None)];
        let hosts = vec![
            done("One", &["a", "b", "c"], vec![]),
            done("Two", &["a"], blocks()),
            done("Three", &["a"], blocks()),
            done("Four", &["a", "b"], vec![known("c", "it is new", Some("link"))]),
        ];
        let expected = "\
| behaviours | One | Two | Three | Four |
|---|---:|---:|---:|---:|
| Files | 2/2 | 1/2 | 1/2 | 2/2 |
| Locks | 1/1 | 0/1 | 0/1 | 0/1 |
| all | 3/3 | 1/3 | 1/3 | 2/3 |

What is missing, and why:

- Two; Three: a call blocks. `b`, `c`.
- Four: it is new ([more](link)). `c`.
";
        assert_eq!(render(&Behaviours { areas, hosts }), expected);
    }
}
