//! The tables as Markdown.

use std::fmt::Write;

use crate::kind::BASE;
use crate::report::Report;
use crate::table::{Group, is_text};

/// What a reader must know of the figures.
pub fn notes(report: &Report) -> Vec<String> {
    let mut notes = vec![
        format!(
            "The contenders took turns, round by round, on one machine with {} CPUs ({}). The \
             ratio is of the medians, to `{}`; below 1 is faster.",
            report.cpus,
            report.system,
            BASE.name()
        ),
        "A round is the pairs of all runs at once, and its time that of the last one. CPU time is \
         of all threads, for one pair. Peak memory is of a process that does only this. Who syncs \
         less promises less: `syncs` counts them for one pair."
            .to_owned(),
    ];
    if report.rows.iter().any(|row| row.syncs.is_some()) {
        notes.push(
            "For a pair Tandem is given a new document on one line in each turn, makes it the \
             manifest's text and writes that; the others are given the text. For a flush all write \
             the same text in each turn, and Tandem's document is set once."
                .to_owned(),
        );
    }
    if report.rows.iter().any(|row| row.entries.is_some()) {
        notes.push(
            "Of the runs that are recorded a third are new, a third are older than half of the \
             others, and a third were recorded before. For a run that comes the oldest one goes. \
             Native Rust knows where each stands, so it parses nothing, and takes no lock."
                .to_owned(),
        );
    }
    if report.rows.iter().any(|row| row.pairs_written.is_some()) {
        notes.push(format!(
            "A replay is of runs with a burst of six forced pairs within 100 ms at the start and the \
             end, four stages with three within 15 ms, and heartbeats between; the manifest grows \
             from 2 to 120 KiB. Requests are made at their times, without waiting for earlier \
             ones. Idle gaps, and Tandem's throttle with them, are {} times shorter than in a real \
             run. Times are of forced requests until they are answered, CPU time of a whole \
             replay. Both files are durable, but for `node-rename`, which syncs nothing, and \
             `write-file-atomic`, which syncs no directory.",
            crate::replay::IDLE_GAPS_SHORTER_TIMES
        ));
    }
    if report.rows.iter().any(|row| row.runs_open.is_some()) {
        notes.push(
            "While runs are open in one instance, one after the other is flushed, and as many \
             directories by native Rust in turn, in memory where the system has such a place. What \
             a run takes is beside its document, in the component and its host."
                .to_owned(),
        );
    }
    if report.rows.iter().any(|row| row.case == crate::startup::CASE) {
        notes.push(
            "`tandem-exec-true` is the program `true` under `tandem exec`, with four durable \
             files; `instance` is a new instance of the component, in a process that has loaded \
             it, and its first call. The ratio is to the program alone."
                .to_owned(),
        );
    }
    if report.rows.iter().any(|row| row.case == crate::steps::CASE) {
        notes.push(
            "The steps are those of one pair, as its disk sees them; the ratio is to the pair. Some \
             are under way side by side, so they are more than the whole. For the rest of the time \
             none is: that is the component, the way to it and back, and one copy of what is \
             written, which only the measurement makes."
                .to_owned(),
        );
    }
    for left_out in &report.left_out {
        notes.push(format!("`{}` is left out: {}.", left_out.contender, left_out.reason));
    }
    notes
}

pub fn page(report: &Report) -> String {
    let mut page = String::from("# Benchmark\n");
    for note in notes(report) {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n{note}\n");
    }
    for group in Group::all(&report.rows) {
        let _ = write!(page, "\n## {}\n\n", group.title());
        let (heads, lines) = group.columns();
        let rule = (0..heads.len()).map(|at| if is_text(at) { "---" } else { "---:" });
        table_line(&mut page, &heads.into_iter().map(str::to_owned).collect::<Vec<_>>());
        table_line(&mut page, &rule.map(str::to_owned).collect::<Vec<_>>());
        for line in &lines {
            table_line(&mut page, line);
        }
        if let Some(noise) = group.noise() {
            let _ = write!(page, "\n**{noise}**\n");
        }
    }
    page
}

fn table_line(page: &mut String, cells: &[String]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
