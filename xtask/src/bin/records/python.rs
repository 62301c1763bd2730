//! The enums, records and options of the Python package, and the tables its checks are made from.

use std::fmt::Write;

use crate::docs::{Spelling, pascal, snake, upper, wrap};
use crate::model::{Given, Item, Kind, Records, Type};

/// As the package's ruff has it.
const COLUMNS: usize = 100;
const INDENT: &str = "    ";

pub const SPELLING: Spelling = Spelling {
    field: snake,
    function: |name| if name == "open" { String::from("open_run") } else { snake(name) },
    item: class_name,
    case: |item, case| format!("{}.{}", class_name(item), upper(case)),
};

/// The exception has its record's fields.
fn class_name(name: &str) -> String {
    if name == "error" { String::from("TandemError") } else { pascal(name) }
}

const IMPORTS: &str = "
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from .errors import TandemError

Shape = dict[str, str | type[StrEnum]]
\"\"\"The names of all fields of a record, each with what it holds.\"\"\"
";

/// `records.py`.
pub fn module(records: &Records) -> Result<String, String> {
    let mut text = format!("# {}\n", crate::HEADER);
    let out = &mut text;
    docstring(out, "", &SPELLING.paragraphs(records, &records.docs));
    out.push_str(IMPORTS);
    for item in &records.items {
        line(out, "");
        line(out, "");
        match &item.kind {
            Kind::Enum(_) => choice(out, records, item),
            Kind::Record(_) if item.is_argument() => options(out, records, item)?,
            Kind::Record(_) => answer(out, records, item),
        }
    }
    Ok(text)
}

fn choice(out: &mut String, records: &Records, item: &Item) {
    line(out, &format!("class {}(StrEnum):", class_name(&item.name)));
    docstring(out, INDENT, &SPELLING.paragraphs(records, &item.docs));
    line(out, "");
    for case in item.cases() {
        line(out, &format!("{INDENT}{} = \"{}\"", upper(&case.name), case.name));
        docstring(out, INDENT, &SPELLING.paragraphs(records, &case.docs));
    }
}

/// A dataclass; of an error, what the exception inherits.
fn answer(out: &mut String, records: &Records, item: &Item) {
    if item.name == "error" {
        line(out, "class ErrorFields:");
    } else {
        line(out, "@dataclass(frozen=True, slots=True, kw_only=True)");
        line(out, &format!("class {}:", class_name(&item.name)));
    }
    docstring(out, INDENT, &SPELLING.paragraphs(records, &item.docs));
    line(out, "");
    for field in item.fields() {
        let default = match &field.ty {
            Type::Option(_) => " = None",
            Type::Bool if item.name == "error" => " = False",
            _ => "",
        };
        line(out, &format!("{INDENT}{}: {}{default}", snake(&field.name), answered(&field.ty)));
        docstring(out, INDENT, &SPELLING.paragraphs(records, &field.docs));
    }
}

fn answered(ty: &Type) -> String {
    match ty {
        Type::Bool => String::from("bool"),
        Type::U32 | Type::U64 => String::from("int"),
        Type::String => String::from("str"),
        Type::Named(name) => class_name(name),
        Type::Option(inner) => format!("{} | None", answered(inner)),
        Type::List(inner) => format!("tuple[{}, ...]", answered(inner)),
    }
}

/// The keywords that a method takes, and the table of all fields. `help` shows the docstring alone.
fn options(out: &mut String, records: &Records, item: &Item) -> Result<(), String> {
    let mut paragraphs = SPELLING.paragraphs(records, &item.docs);
    let (mut keywords, mut shape) = (Vec::new(), Vec::new());
    for field in item.fields() {
        let name = snake(&field.name);
        let given_field = field.given(records)?;
        let keyword_is_optional = matches!(given_field, Given::Optional(_));
        let (keyword, held) = match given_field {
            Given::Required(it) => (None, it),
            Given::Optional(it) => (Some(format!("{} | None", given(it))), it),
            Given::Flag => (Some(String::from("bool")), &Type::Bool),
        };
        if let Some(keyword) = keyword {
            let docs = SPELLING.paragraphs(records, &field.docs).join(" ");
            paragraphs.push(format!("`{name}`: {docs}"));
            keywords.push(format!("{name}: {keyword}"));
        }
        // None is a value of what may be left out.
        let kind = match (keyword_is_optional, held) {
            (true, Type::Bool) => String::from("\"optional-bool\""),
            (_, held) => held_by(held),
        };
        shape.push(format!("\"{name}\": {kind},"));
    }
    line(out, &format!("class {}(TypedDict, total=False):", class_name(&item.name)));
    docstring(out, INDENT, &paragraphs);
    line(out, "");
    for keyword in keywords {
        line(out, &format!("{INDENT}{keyword}"));
    }
    line(out, "");
    line(out, "");
    line(out, &format!("{}: Shape = {{", upper(&item.name)));
    for member in shape {
        line(out, &format!("{INDENT}{member}"));
    }
    line(out, "}");
    Ok(())
}

fn given(ty: &Type) -> String {
    match ty {
        Type::Named(name) => format!("{} | str", class_name(name)),
        plain => answered(plain),
    }
}

fn held_by(ty: &Type) -> String {
    match ty {
        Type::Named(name) => class_name(name),
        Type::U32 => String::from("\"u32\""),
        Type::U64 => String::from("\"u64\""),
        Type::String => String::from("\"str\""),
        _ => String::from("\"bool\""),
    }
}

fn docstring(out: &mut String, indent: &str, paragraphs: &[String]) {
    const QUOTES: &str = "\"\"\"";
    if paragraphs.is_empty() {
        return;
    }
    let escaped = paragraphs.iter().map(|paragraph| paragraph.replace('\\', "\\\\"));
    let mut lines = Vec::new();
    for paragraph in escaped {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let first = if lines.is_empty() { QUOTES.len() } else { 0 };
        lines.extend(wrap(&paragraph, COLUMNS - indent.len(), first));
    }
    let is_one_paragraph = paragraphs.len() == 1;
    let last_fits = lines.last().is_some_and(|last| {
        let opened = if lines.len() == 1 { QUOTES.len() } else { 0 };
        indent.len() + opened + last.chars().count() + QUOTES.len() <= COLUMNS
    });
    lines[0].insert_str(0, QUOTES);
    if is_one_paragraph && last_fits {
        lines.last_mut().expect("there is a line").push_str(QUOTES);
    } else {
        lines.push(String::from(QUOTES));
    }
    for text in lines {
        line(out, format!("{indent}{text}").trim_end());
    }
}

fn line(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a string takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::read_items;

    const ITEMS: &str = "
        /// Which.
        enum a-b { /// First.
            c-d, e }
        /// Options.
        record f-options { /// The task.
            task-id: string, /// Not `\\`.
            g-h: option<a-b>, /// See `task-id`.
            i: option<u32>, /// Now.
            j: bool }
        /// Answer.
        record k { /// Bytes.
            l: u32, m: option<u64>, n: list<string>, o: option<error>, p: bool }
        /// Error.
        record error { kind: a-b, q: option<string>, r: bool }";

    #[test]
    fn options_are_keywords_a_docstring_and_a_table() {
        let text = module(&read_items(ITEMS).unwrap()).unwrap();
        let expected = r#"

class FOptions(TypedDict, total=False):
    """Options.

    `g_h`: Not `\\`.

    `i`: See `task_id`.

    `j`: Now.
    """

    g_h: AB | str | None
    i: int | None
    j: bool


F_OPTIONS: Shape = {
    "task_id": "str",
    "g_h": AB,
    "i": "u32",
    "j": "bool",
}
"#;
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn enums_and_answers_are_classes() {
        let text = module(&read_items(ITEMS).unwrap()).unwrap();
        for part in [
            "class AB(StrEnum):\n    \"\"\"Which.\"\"\"\n\n    C_D = \"c-d\"\n    \"\"\"First.\"\"\"\n",
            "class K:\n    \"\"\"Answer.\"\"\"\n\n    l: int\n    \"\"\"Bytes.\"\"\"\n",
            "    m: int | None = None\n    n: tuple[str, ...]\n    o: TandemError | None = None\n",
            "    p: bool\n",
            "class ErrorFields:\n    \"\"\"Error.\"\"\"\n\n    kind: AB\n    q: str | None = None\n",
            "    r: bool = False\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_docstring_keeps_the_columns() {
        let mut text = String::new();
        let words = "word ".repeat(18);
        docstring(&mut text, INDENT, &[format!("{}word", words)]);
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert!(text.ends_with("\"\"\"\n") && text.starts_with("    \"\"\"word"), "{text}");
    }
}
