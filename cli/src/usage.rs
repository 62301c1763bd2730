//! Help, and what is wrong with a command line, in one line.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::plain::plain;
use super::terminal::moves_cursor;
use super::waiting;

/// The exit code of a wrong command line.
const WRONG: u8 = 2;

/// Shows what clap answers instead of a command: help or the version on standard output, or one
/// line on standard error. `C` is the command line.
pub fn show<C: CommandFactory>(error: &Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Whoever closed the pipe has read enough.
        let help = error.render();
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let is_styled = !is_plain && io::stdout().is_terminal() && moves_cursor();
        let help = if is_styled { help.ansi().to_string() } else { help.to_string() };
        return match waiting::stdout().write_all(help.as_bytes()) {
            Err(error) if !waiting::is_reader_gone(&error) => {
                let line = format!("tandem: cannot write to standard output: {error}\n");
                let _ = waiting::stderr().write_all(line.as_bytes());
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let command = command_of::<C>(std::env::args_os());
    let line = format!("tandem: {}; see '{command} --help'\n", problem(error));
    let _ = waiting::stderr().write_all(line.as_bytes());
    ExitCode::from(WRONG)
}

/// The command that the line names, as one would type it.
fn command_of<C: CommandFactory>(args: impl Iterator<Item = OsString>) -> String {
    let named = args.skip(1).take(1).find_map(|arg| {
        let name = arg.into_string().ok()?;
        C::command().find_subcommand(&name).map(|_| name)
    });
    named.map_or_else(|| "tandem".to_owned(), |name| format!("tandem {name}"))
}

fn problem(error: &Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no command is given".to_owned();
    }
    let rendered = error.to_string();
    // clap's first paragraph tells the problem; tips and usage follow after an empty line. A line
    // break within what was typed must not look like one.
    let paragraph = rendered.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let mut problem = words.join(" ");
    if let Some(rest) = problem.strip_prefix("error: ") {
        problem = rest.to_owned();
    }
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        if let Some(suggested) = error.get(kind).and_then(first) {
            problem = format!("{problem} (did you mean '{suggested}'?)");
        }
    }
    plain(&problem)
}

fn first(value: &ContextValue) -> Option<&str> {
    match value {
        ContextValue::String(text) => Some(text),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::CommandLine;

    fn problem_of(args: &[&str]) -> String {
        problem(&CommandLine::try_parse_from(args).unwrap_err())
    }

    #[test]
    fn every_wrong_line_is_told_in_one() {
        for args in [
            &["tandem"][..],
            &["tandem", "fed"],
            &["tandem", "feed", "--rot", "x"],
            &["tandem", "feed", "--root"],
            &["tandem", "component"],
            &["tandem", "status", "a\n\nb"],
            &["tandem", "status", "\u{1b}[31m"],
        ] {
            let told = problem_of(args);
            assert!(!told.is_empty() && !told.chars().any(char::is_control), "{told:?}");
        }
    }

    #[test]
    fn a_near_miss_is_named() {
        assert!(problem_of(&["tandem", "feed", "--rot", "x"]).contains("'--root'"));
    }

    #[test]
    fn help_names_the_command_that_was_meant() {
        let args = |args: &[&str]| args.iter().map(OsString::from).collect::<Vec<_>>().into_iter();
        assert_eq!(command_of::<CommandLine>(args(&["tandem", "feed", "--rot"])), "tandem feed");
        assert_eq!(command_of::<CommandLine>(args(&["tandem", "fed"])), "tandem");
        assert_eq!(command_of::<CommandLine>(args(&[])), "tandem");
    }
}
