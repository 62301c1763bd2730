//! The types of the package for Node, and the tables that its checks are made from.

use std::fmt::Write;

use crate::docs::{Spelling, camel, pascal, upper, wrap};
use crate::model::{Field, Given, Item, Kind, Records, Type};

const COLUMNS: usize = 100;
/// The package calls again by itself, and answers a receipt.
const BLOCKING_ONLY: &str = "scheduled";

pub const SPELLING: Spelling = Spelling {
    field: camel,
    function: |name| if name == "open" { String::from("openRun") } else { camel(name) },
    item: type_name,
    case: |item, case| format!("{case}` of `{}", type_name(item)),
};

/// The class of an error has its record's fields.
fn type_name(name: &str) -> String {
    if name == "error" { String::from("ErrorFields") } else { pascal(name) }
}

/// `records.d.ts`.
pub fn types(records: &Records) -> Result<String, String> {
    let mut text = format!("// {}\n\n", crate::HEADER);
    let out = &mut text;
    comment(out, records, &records.docs, "");
    line(out, "");
    line(out, "/** An integer of an option. It is not negative. Those of answers are numbers. */");
    line(out, "export type Integer = number | bigint;");
    for item in records.items.iter().filter(|item| item.name != BLOCKING_ONLY) {
        line(out, "");
        comment(out, records, &item.docs, "");
        let name = type_name(&item.name);
        match &item.kind {
            Kind::Enum(cases) => {
                line(out, &format!("export type {name} ="));
                for (place, case) in cases.iter().enumerate() {
                    comment(out, records, &case.docs, "    ");
                    let end = if place + 1 == cases.len() { ";" } else { "" };
                    line(out, &format!("    | '{}'{end}", case.name));
                }
            }
            Kind::Record(fields) => {
                line(out, &format!("export interface {name} {{"));
                for field in fields {
                    comment(out, records, &field.docs, "    ");
                    line(out, &format!("    {};", member(records, item, field)?));
                }
                line(out, "}");
            }
        }
    }
    Ok(text)
}

fn member(records: &Records, item: &Item, field: &Field) -> Result<String, String> {
    let name = camel(&field.name);
    if !item.is_argument() {
        return Ok(format!("{name}: {}", ty(&field.ty, ANSWERED)));
    }
    Ok(match field.given(records)? {
        Given::Required(it) => format!("{name}: {}", ty(it, GIVEN)),
        Given::Optional(it) => format!("{name}?: {} | undefined", ty(it, GIVEN)),
        Given::Flag => format!("{name}?: boolean | undefined"),
    })
}

/// The type of an integer that a caller gives.
const GIVEN: &str = "Integer";
/// And of one that a caller is told: what is counted stays far below 2^53.
const ANSWERED: &str = "number";

fn ty(it: &Type, integer: &str) -> String {
    match it {
        Type::Bool => String::from("boolean"),
        Type::U32 | Type::U64 => String::from(integer),
        Type::String => String::from("string"),
        Type::Named(name) => type_name(name),
        Type::Option(inner) => format!("{} | undefined", ty(inner, integer)),
        Type::List(inner) => match &**inner {
            Type::Option(_) => format!("({})[]", ty(inner, integer)),
            _ => format!("{}[]", ty(inner, integer)),
        },
    }
}

/// `records.js`.
pub fn tables(records: &Records) -> Result<String, String> {
    let mut text = format!("// {}\n", crate::HEADER);
    let out = &mut text;
    for item in &records.items {
        let name = upper(&item.name);
        match &item.kind {
            Kind::Enum(cases) if is_asked_for(records, item) => {
                let names = cases.iter().map(|case| format!("'{}'", case.name));
                line(out, "");
                list(out, &name, names);
            }
            Kind::Enum(_) => {}
            Kind::Record(_) if item.is_argument() => {
                line(out, "");
                shape(out, records, item)?;
            }
            Kind::Record(fields) if item.name == "error" => {
                let names = fields.iter().map(|field| format!("'{}'", camel(&field.name)));
                line(out, "");
                list(out, "ERROR_FIELDS", names);
            }
            Kind::Record(_) => {}
        }
    }
    Ok(text)
}

/// Whether an argument has a field of this type, so that its values are checked.
fn is_asked_for(records: &Records, item: &Item) -> bool {
    let arguments = records.items.iter().filter(|item| item.is_argument());
    let mut fields = arguments.flat_map(Item::fields);
    fields.any(|field| match &field.ty {
        Type::Named(name) => *name == item.name,
        Type::Option(it) => matches!(&**it, Type::Named(name) if *name == item.name),
        _ => false,
    })
}

fn list(out: &mut String, name: &str, items: impl Iterator<Item = String>) {
    line(out, &format!("export const {name} = ["));
    for item in items {
        line(out, &format!("    {item},"));
    }
    line(out, "];");
}

fn shape(out: &mut String, records: &Records, item: &Item) -> Result<(), String> {
    let (mut required, mut optional, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    for field in item.fields() {
        let name = camel(&field.name);
        match field.given(records)? {
            Given::Required(it) => required.push(format!("{name}: {}", check(it))),
            Given::Optional(it) => optional.push(format!("{name}: {}", check(it))),
            Given::Flag => flags.push(format!("{name}: {}", check(&Type::Bool))),
        }
    }
    line(out, &format!("export const {} = {{", upper(&item.name)));
    for (name, members) in [("required", required), ("optional", optional), ("flags", flags)] {
        if members.is_empty() {
            line(out, &format!("    {name}: {{}},"));
            continue;
        }
        line(out, &format!("    {name}: {{"));
        for member in members {
            line(out, &format!("        {member},"));
        }
        line(out, "    },");
    }
    line(out, "};");
    Ok(())
}

/// What a value is checked for: the name of a check, or the list of what it may be.
fn check(it: &Type) -> String {
    match it {
        Type::Named(name) => upper(name),
        Type::U32 => String::from("'u32'"),
        Type::U64 => String::from("'u64'"),
        Type::String => String::from("'string'"),
        _ => String::from("'boolean'"),
    }
}

fn comment(out: &mut String, records: &Records, docs: &[String], indent: &str) {
    let paragraphs = SPELLING.paragraphs(records, docs);
    if let [only] = &paragraphs[..]
        && indent.len() + only.chars().count() + "/**  */".len() <= COLUMNS
    {
        line(out, &format!("{indent}/** {only} */"));
        return;
    }
    line(out, &format!("{indent}/**"));
    for (place, paragraph) in paragraphs.iter().enumerate() {
        if place > 0 {
            line(out, &format!("{indent} *"));
        }
        for words in wrap(paragraph, COLUMNS - indent.len() - " * ".len(), 0) {
            line(out, &format!("{indent} * {words}"));
        }
    }
    line(out, &format!("{indent} */"));
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
            task-id: string, g: option<a-b>, h: option<u32>, i: option<u64>, j: bool }
        /// Answer.
        record k { l: u32, m: option<u64>, n: list<string>, o: option<a-b>, p: list<error> }
        /// Error.
        record error { /// As `f-options.task-id`.
            q-r: bool }";

    #[test]
    fn types_tell_what_may_be_left_out() {
        let text = types(&read_items(ITEMS).unwrap()).unwrap();
        for part in [
            "/** Which. */\nexport type AB =\n    /** First. */\n    | 'c-d'\n",
            "    | 'e';\n",
            "export interface FOptions {\n    /** The task. */\n    taskId: string;\n",
            "    g?: AB | undefined;\n",
            "    h?: Integer | undefined;\n",
            "    i?: Integer | undefined;\n",
            "    j?: boolean | undefined;\n",
            "    l: number;\n",
            "    m: number | undefined;\n",
            "    n: string[];\n",
            "    o: AB | undefined;\n",
            "    p: ErrorFields[];\n",
            "export interface ErrorFields {\n    /** As `FOptions.taskId`. */\n    qR: boolean;\n}\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn tables_have_each_option_with_its_check() {
        let text = tables(&read_items(ITEMS).unwrap()).unwrap();
        let shape = "
export const F_OPTIONS = {
    required: {
        taskId: 'string',
    },
    optional: {
        g: A_B,
        h: 'u32',
        i: 'u64',
    },
    flags: {
        j: 'boolean',
    },
};
";
        assert!(text.contains("export const A_B = [\n    'c-d',\n    'e',\n];\n"), "{text}");
        assert!(text.contains(shape), "{text}");
        assert!(text.contains("export const ERROR_FIELDS = [\n    'qR',\n];\n"), "{text}");
        assert!(!text.contains(" K "), "{text}");
    }
}
