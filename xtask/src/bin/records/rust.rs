//! The options, reports and errors of the host library, and what makes them of its bindings.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::docs::{Spelling, pascal, snake, wrap};
use crate::model::{Given, Item, Kind, Records, Type};

/// As rustfmt has it.
const COLUMNS: usize = 100;
/// What the library has no record for: it takes limits one by one, and never tells when to call again.
const WITHOUT: [&str; 2] = ["limits", "scheduled"];
/// Strings that are JSON texts.
const JSON: [(&str, &str); 2] = [("recovery", "document"), ("task-history", "runs")];

pub const SPELLING: Spelling = Spelling {
    field: field_name,
    function: |name| if name == "open" { String::from("open_run") } else { snake(name) },
    item: |name| if name == "limits" { String::from("Builder") } else { pascal(name) },
    case: |item, case| format!("{}::{}", pascal(item), pascal(case)),
};

/// A duration has no unit in its name, because its type has one.
fn field_name(name: &str) -> String {
    snake(name.strip_suffix("-ms").unwrap_or(name))
}

fn is_duration(name: &str, ty: &Type) -> bool {
    let is_number = *ty == Type::U64 || *ty == Type::Option(Box::new(Type::U64));
    name.ends_with("-ms") && is_number
}

/// Fails if a name in a list here names nothing: it would have no effect.
pub fn check(records: &Records) -> Result<(), String> {
    if let Some(name) = WITHOUT.iter().find(|name| records.item(name).is_none()) {
        return Err(format!("WITHOUT in rust.rs names `{name}`, which is not in wit/records"));
    }
    let is_text = |item: &str, field: &str| {
        let item = records.item(item).map_or(&[][..], Item::fields);
        item.iter().any(|it| it.name == field && type_name(&it.ty).contains("String"))
    };
    match JSON.iter().find(|(item, field)| !is_text(item, field)) {
        Some((item, field)) => Err(format!(
            "JSON in rust.rs names `{item}.{field}`, which is no field of strings in wit/records"
        )),
        None => Ok(()),
    }
}

/// `records.rs` of the library.
pub fn module(records: &Records) -> Result<String, String> {
    let mut out = format!("// {}\n\n", crate::HEADER);
    for line in SPELLING.paragraphs(records, &records.docs) {
        for line in wrap(&line, COLUMNS - 4, 0) {
            let _ = writeln!(out, "//! {line}");
        }
        out.push_str("//!\n");
    }
    out.push_str(
        "//! Durations count in whole milliseconds, rounded up.\n\nuse std::time::Duration;\n\n\
         use serde::{Deserialize, Serialize};\n\nuse crate::durations;\n\
         use crate::error::Error;\npub use crate::error_records::*;\nuse crate::json::Json;\n\
         use crate::ms;\n\n",
    );
    let of_errors = error_items(records);
    let is_here = |item: &&Item| !of_errors.contains(&&*item.name);
    write_items(&mut out, records, is_here)?;
    rustfmt(&out)
}

/// `error_records.rs` of the library. An error in a record would else need a module that needs it.
pub fn error_module(records: &Records) -> Result<String, String> {
    let mut out = format!(
        "// {}\n\n//! What errors are made of, apart from the other records, which have errors in \
         them.\n\nuse std::time::Duration;\n\nuse serde::{{Deserialize, Serialize}};\n\n\
         use crate::ms;\n\n",
        crate::HEADER
    );
    let of_errors = error_items(records);
    write_items(&mut out, records, |item| of_errors.contains(&&*item.name))?;
    rustfmt(&out)
}

/// The record of errors, and what is in it.
fn error_items(records: &Records) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut next = vec!["error"];
    while let Some(item) = next.pop().and_then(|name| records.item(name)) {
        if names.insert(&*item.name) {
            next.extend(item.fields().iter().filter_map(|field| field.ty.named()));
        }
    }
    names
}

fn write_items(
    out: &mut String,
    records: &Records,
    is_wanted: impl Fn(&&Item) -> bool,
) -> Result<(), String> {
    let items = records.items.iter().filter(|item| !WITHOUT.contains(&&*item.name));
    for item in items.filter(is_wanted) {
        match &item.kind {
            Kind::Enum(_) => choice(out, records, item),
            Kind::Record(_) if is_flags(records, item) => flags(out, records, item),
            Kind::Record(_) if item.is_argument() => options(out, records, item)?,
            Kind::Record(_) => answer(out, records, item),
        }
    }
    Ok(())
}

fn docs(out: &mut String, records: &Records, docs: &[String]) {
    for (place, paragraph) in SPELLING.paragraphs(records, docs).iter().enumerate() {
        if place > 0 {
            out.push_str("///\n");
        }
        let mut text = paragraph.clone();
        for item in &records.items {
            let name = (SPELLING.item)(&item.name);
            text = text.replace(&format!("`{name}."), &format!("`{name}::"));
        }
        for line in wrap(&text, COLUMNS - 8, 0) {
            let _ = writeln!(out, "/// {line}");
        }
    }
}

fn choice(out: &mut String, records: &Records, item: &Item) {
    docs(out, records, &item.docs);
    out.push_str(
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]\n\
         #[serde(rename_all = \"kebab-case\")]\n#[non_exhaustive]\n",
    );
    let _ = writeln!(out, "pub enum {} {{", pascal(&item.name));
    for case in item.cases() {
        docs(out, records, &case.docs);
        let _ = writeln!(out, "{},", pascal(&case.name));
    }
    out.push_str("}\n\n");
}

fn is_flags(records: &Records, item: &Item) -> bool {
    let is_flag = |field: &crate::model::Field| matches!(field.given(records), Ok(Given::Flag));
    item.is_argument() && item.fields().iter().all(is_flag)
}

/// A record of booleans, each of which is false until its method is called.
fn flags(out: &mut String, records: &Records, item: &Item) {
    let name = pascal(&item.name);
    docs(out, records, &item.docs);
    out.push_str(
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]\n\
         #[serde(default, deny_unknown_fields)]\n",
    );
    let _ = writeln!(out, "pub struct {name} {{");
    for field in item.fields() {
        docs(out, records, &field.docs);
        let _ = writeln!(out, "pub {}: bool,", snake(&field.name));
    }
    let _ = writeln!(out, "}}\n\nimpl {name} {{");
    let _ = writeln!(out, "/// Nothing of it.\npub fn new() -> Self {{ {name}::default() }}\n");
    for field in item.fields() {
        let method = snake(&field.name);
        docs(out, records, &field.docs);
        let _ = writeln!(
            out,
            "pub fn {method}(self) -> Self {{ {name} {{ {method}: true, ..self }} }}\n"
        );
    }
    out.push_str("}\n\n");
}

/// Public fields, and a method for each that may be left out.
fn options(out: &mut String, records: &Records, item: &Item) -> Result<(), String> {
    let name = pascal(&item.name);
    let (mut fields, mut methods, mut durations) = (String::new(), String::new(), Vec::new());
    let (mut parameters, mut values) = (Vec::new(), Vec::new());
    for field in item.fields() {
        let member = field_name(&field.name);
        let optional = match field.given(records)? {
            Given::Required(_) => None,
            Given::Optional(ty) => Some(ty),
            Given::Flag => {
                return Err(format!("`{}.{}` cannot be left out", item.name, field.name));
            }
        };
        let Some(ty) = optional else {
            docs(&mut fields, records, &field.docs);
            let _ = writeln!(fields, "pub {member}: String,");
            parameters.push(format!("{member}: impl Into<String>"));
            values.push(format!("{member}: {member}.into()"));
            continue;
        };
        let is_duration = is_duration(&field.name, &field.ty);
        let _ = writeln!(fields, "/// See [`{name}::{member}`].");
        let serde = match is_duration {
            true => format!("default, rename = \"{}\", with = \"ms\"", snake(&field.name)),
            false => String::from("default"),
        };
        let held = if is_duration { String::from("Duration") } else { type_name(ty) };
        let _ = writeln!(fields, "#[serde({serde})]\npub {member}: Option<{held}>,");
        values.push(format!("{member}: None"));
        docs(&mut methods, records, &field.docs);
        let (parameter, value) = match ty {
            Type::String => (String::from("impl Into<String>"), format!("{member}.into()")),
            _ => (held, member.clone()),
        };
        let _ = writeln!(
            methods,
            "pub fn {member}(mut self, {member}: {parameter}) -> Self {{ self.{member} = \
             Some({value}); self }}\n"
        );
        if is_duration {
            durations.push(format!("(\"{member}\", self.{member})"));
        }
    }
    docs(out, records, &item.docs);
    out.push_str("///\n/// What is not set has the component's default, which the methods tell.\n");
    let default = if parameters.is_empty() { ", Default" } else { "" };
    let _ = writeln!(
        out,
        "#[derive(Clone, Debug{default}, PartialEq, Eq, Serialize, Deserialize)]\n\
         #[serde(deny_unknown_fields)]\n#[non_exhaustive]\npub struct {name} {{\n{fields}}}\n"
    );
    let _ = writeln!(
        out,
        "impl {name} {{\n/// Every default.\npub fn new({}) -> Self {{ {name} {{ {} }} }}\n\n{methods}",
        parameters.join(", "),
        values.join(", ")
    );
    if !durations.is_empty() {
        let _ = writeln!(
            out,
            "/// # Errors\n/// `invalid-input`: a duration does not fit.\n\
             pub(crate) fn check(&self) -> Result<(), Error> {{ durations::check([{}]) }}",
            durations.join(", ")
        );
    }
    out.push_str("}\n\n");
    Ok(())
}

/// What a call answers; of an error, what the library's own type holds.
fn answer(out: &mut String, records: &Records, item: &Item) {
    let is_error = item.name == "error";
    docs(out, records, &item.docs);
    let mut derives = String::from("Clone");
    for (derive, has) in
        [("Copy", is_copy(records, item)), ("Debug", true), ("Default", has_default(records, item))]
    {
        if has {
            let _ = write!(derives, ", {derive}");
        }
    }
    let _ = writeln!(out, "#[derive({derives}, PartialEq, Eq, Serialize)]");
    let visibility = if is_error { "pub(crate)" } else { "pub" };
    let name = if is_error { String::from("ErrorFields") } else { pascal(&item.name) };
    if !is_error {
        out.push_str("#[non_exhaustive]\n");
    }
    let _ = writeln!(out, "{visibility} struct {name} {{");
    for field in item.fields() {
        docs(out, records, &field.docs);
        let is_optional = matches!(field.ty, Type::Option(_));
        let held = if is_duration(&field.name, &field.ty) {
            let (with, held) = match is_optional {
                true => ("ms::serialize", "Option<Duration>"),
                false => ("ms::serialize_some", "Duration"),
            };
            let key = snake(&field.name);
            let _ = writeln!(out, "#[serde(rename = \"{key}\", serialize_with = \"{with}\")]");
            String::from(held)
        } else if JSON.contains(&(&*item.name, &*field.name)) {
            type_name(&field.ty).replace("String", "Json")
        } else {
            type_name(&field.ty)
        };
        let _ = writeln!(out, "pub {}: {held},", field_name(&field.name));
    }
    out.push_str("}\n\n");
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Bool => String::from("bool"),
        Type::U32 => String::from("u32"),
        Type::U64 => String::from("u64"),
        Type::String => String::from("String"),
        Type::Named(name) => pascal(name),
        Type::Option(inner) => format!("Option<{}>", type_name(inner)),
        Type::List(inner) => format!("Vec<{}>", type_name(inner)),
    }
}

fn is_copy(records: &Records, item: &Item) -> bool {
    fn of(records: &Records, ty: &Type) -> bool {
        match ty {
            Type::Bool | Type::U32 | Type::U64 => true,
            Type::Named(name) => records.item(name).is_some_and(|item| is_copy(records, item)),
            Type::Option(inner) => of(records, inner),
            Type::String | Type::List(_) => false,
        }
    }
    item.fields().iter().all(|field| of(records, &field.ty))
}

fn has_default(records: &Records, item: &Item) -> bool {
    item.fields().iter().all(|field| match &field.ty {
        Type::Named(name) => {
            !records.is_enum(name)
                && records.item(name).is_some_and(|item| has_default(records, item))
        }
        _ => true,
    })
}

/// `convert.rs` of the library's glue.
pub fn conversions(records: &Records) -> Result<String, String> {
    let mut out = format!(
        "// {}\n\n//! Between the records of the bindings and those of the public interface.\n\n\
         use std::time::Duration;\n\nuse super::bindings::records as wit;\n\
         use crate::error::Error;\nuse crate::json::Json;\nuse crate::ms::to_ms;\n\
         use crate::records::*;\n\n",
        crate::HEADER
    );
    for item in records.items.iter().filter(|item| !WITHOUT.contains(&&*item.name)) {
        let name = pascal(&item.name);
        match &item.kind {
            Kind::Enum(_) if is_given(records, &item.name) => {
                convert_enum(&mut out, item, &name, &format!("wit::{name}"));
            }
            Kind::Enum(_) => convert_enum(&mut out, item, &format!("wit::{name}"), &name),
            Kind::Record(_) => convert_record(&mut out, item),
        }
    }
    rustfmt(&out)
}

/// Whether an enum is what callers give, and not what calls answer.
fn is_given(records: &Records, name: &str) -> bool {
    let names = |ty: &Type| match ty {
        Type::Option(inner) => **inner == Type::Named(name.to_owned()),
        other => *other == Type::Named(name.to_owned()),
    };
    let arguments = records.items.iter().filter(|item| item.is_argument());
    arguments.flat_map(Item::fields).any(|field| names(&field.ty))
}

fn convert_enum(out: &mut String, item: &Item, from: &str, to: &str) {
    let _ = writeln!(
        out,
        "impl From<{from}> for {to} {{ fn from(value: {from}) -> Self {{ match value {{"
    );
    for case in item.cases() {
        let case = pascal(&case.name);
        let _ = writeln!(out, "{from}::{case} => Self::{case},");
    }
    out.push_str("} } }\n\n");
}

fn convert_record(out: &mut String, item: &Item) {
    let (public, wit) = (pascal(&item.name), format!("wit::{}", pascal(&item.name)));
    let is_argument = item.is_argument();
    let (from, to) = if is_argument { (&public, &wit) } else { (&wit, &public) };
    let _ = write!(out, "impl From<{from}> for {to} {{ fn from(record: {from}) -> Self {{ ");
    let made = match (is_argument, &*item.name) {
        (true, _) => wit.clone(),
        (false, "error") => String::from("ErrorFields"),
        (false, _) => public.clone(),
    };
    let mut body = format!("{made} {{ ");
    for field in item.fields() {
        let (public, wit) = (field_name(&field.name), snake(&field.name));
        let (from, to) = if is_argument { (&public, &wit) } else { (&wit, &public) };
        let value = format!("record.{from}");
        let is_json = JSON.contains(&(&*item.name, &*field.name));
        let is_optional = matches!(field.ty, Type::Option(_));
        let value = match (is_duration(&field.name, &field.ty), is_argument) {
            (true, true) => format!("{value}.map(to_ms)"),
            (true, false) if is_optional => format!("{value}.map(Duration::from_millis)"),
            (true, false) => format!("Duration::from_millis({value})"),
            (false, _) => converted(&field.ty, &value, is_json),
        };
        let _ = write!(body, "{to}: {value}, ");
    }
    body.push('}');
    match &*item.name {
        "error" => {
            let _ = write!(out, "Error::from({body})");
        }
        _ => out.push_str(&body),
    }
    out.push_str(" } }\n\n");
}

fn converted(ty: &Type, value: &str, is_json: bool) -> String {
    let each = |inner: &Type| match inner {
        Type::Named(name) => Some(if name == "error" { "Error::from" } else { "Into::into" }),
        Type::String if is_json => Some("Json::new"),
        _ => None,
    };
    match ty {
        Type::Named(_) => format!("{value}.into()"),
        Type::Option(inner) => match each(inner) {
            Some(convert) => format!("{value}.map({convert})"),
            None => value.to_owned(),
        },
        Type::List(inner) => match each(inner) {
            Some(convert) => format!("{value}.into_iter().map({convert}).collect()"),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// As `cargo fmt` leaves it.
fn rustfmt(text: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("rustfmt cannot be run: {error}");
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", concat!(env!("CARGO_MANIFEST_DIR"), "/..")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut stdin = child.stdin.take().ok_or("rustfmt takes no input")?;
    let input = text.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    let written = writing.join().map_err(|_| "rustfmt took no input")?;
    written.map_err(failed)?;
    if !output.status.success() {
        return Err(String::from("rustfmt cannot read what was generated"));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("rustfmt made no text: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::read_items;

    #[test]
    fn a_name_in_a_list_that_names_nothing_is_told() {
        let whole = "record limits { a: bool } record scheduled { a: bool }
            record recovery { document: option<string> } record task-history { runs: list<string> }";
        assert_eq!(check(&read_items(whole).unwrap()), Ok(()));
        let without = "WITHOUT in rust.rs names `scheduled`, which is not in wit/records";
        let json = |name: &str| {
            format!("JSON in rust.rs names `{name}`, which is no field of strings in wit/records")
        };
        for (old, new, message) in [
            ("scheduled", "planned", String::from(without)),
            ("task-history", "history", json("task-history.runs")),
            ("document:", "manifest:", json("recovery.document")),
            ("list<string>", "list<u32>", json("task-history.runs")),
        ] {
            assert_eq!(check(&read_items(&whole.replace(old, new)).unwrap()), Err(message));
        }
    }
}
