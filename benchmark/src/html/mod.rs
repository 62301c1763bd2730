//! A page to look at: a chart and a table for each case, in one file that needs no other.

mod chart;

use std::fmt::Write;

use crate::markdown::notes;
use crate::report::Report;
use crate::table::Group;

pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Tandem: benchmark</title>\n<style>\n{}</style>\n<h1>Tandem: benchmark</h1>\n",
        include_str!("style.css")
    );
    // Writing to a string cannot fail.
    for note in notes(report) {
        let _ = writeln!(page, "<p>{}</p>", code(&escaped(&note)));
    }
    for group in Group::all(&report.rows) {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(&group.title()));
        if let Some(noise) = group.noise() {
            let _ = writeln!(page, "<p class=\"noise\">{}</p>", escaped(noise));
        }
        page.push_str(&chart::chart(&group));
        table(&mut page, &group);
    }
    page
}

fn table(page: &mut String, group: &Group) {
    let (heads, lines) = group.columns();
    let line = |page: &mut String, tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        page.push_str("<tr>");
        for cell in cells {
            let _ = write!(page, "<{tag}>{}</{tag}>", escaped(cell));
        }
        page.push_str("</tr>\n");
    };
    page.push_str("<details><summary>Figures</summary><div class=\"wide\"><table>\n");
    line(page, "th", &mut heads.iter().copied());
    for cells in &lines {
        line(page, "td", &mut cells.iter().map(String::as_str));
    }
    page.push_str("</table></div></details>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What is between backquotes.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(
            |(at, part)| if at % 2 == 0 { part.to_owned() } else { format!("<code>{part}</code>") },
        )
        .collect()
}
