//! The enums and records of `wit/records`, for the generators of all languages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wit_parser::{Docs, PackageId, Resolve, Type as WitType, TypeDef, TypeDefKind};

/// The interface `types`.
#[derive(Debug)]
pub struct Records {
    pub docs: Vec<String>,
    /// In the order of the WIT.
    pub items: Vec<Item>,
    /// The names of the calls that take and answer them.
    pub functions: BTreeSet<String>,
}

/// All names are in kebab-case, and docs are lines.
#[derive(Debug)]
pub struct Item {
    pub name: String,
    pub docs: Vec<String>,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    Enum(Vec<Case>),
    Record(Vec<Field>),
}

#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub docs: Vec<String>,
}

#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub docs: Vec<String>,
    pub ty: Type,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Bool,
    U32,
    U64,
    String,
    /// An enum or a record.
    Named(String),
    Option(Box<Type>),
    List(Box<Type>),
}

impl Type {
    /// The enum or record that it is, or is made of.
    pub fn named(&self) -> Option<&str> {
        match self {
            Type::Named(name) => Some(name),
            Type::Option(inner) | Type::List(inner) => inner.named(),
            Type::Bool | Type::U32 | Type::U64 | Type::String => None,
        }
    }
}

impl Records {
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    pub fn is_enum(&self, name: &str) -> bool {
        self.item(name).is_some_and(|item| matches!(item.kind, Kind::Enum(_)))
    }

    /// Whether any record has a field of this name.
    pub fn has_field(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.fields().iter().any(|field| field.name == name))
    }
}

impl Item {
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Record(fields) => fields,
            Kind::Enum(_) => &[],
        }
    }

    pub fn cases(&self) -> &[Case] {
        match &self.kind {
            Kind::Enum(cases) => cases,
            Kind::Record(_) => &[],
        }
    }

    /// Whether calls take it. All other records are what calls answer.
    pub fn is_argument(&self) -> bool {
        self.name.ends_with("-options") || ["limits", "request"].contains(&&*self.name)
    }
}

/// What a caller may give for a field of an argument.
pub enum Given<'a> {
    Required(&'a Type),
    Optional(&'a Type),
    /// A boolean that is false if it is left out.
    Flag,
}

impl Field {
    /// What may be given for the field of an argument, each a plain type or an enum.
    pub fn given(&self, records: &Records) -> Result<Given<'_>, String> {
        let given = match &self.ty {
            Type::Bool => return Ok(Given::Flag),
            Type::Option(inner) => Given::Optional(inner),
            other => Given::Required(other),
        };
        let (Given::Required(ty) | Given::Optional(ty)) = &given else { return Ok(given) };
        match ty {
            Type::Named(name) if !records.is_enum(name) => {}
            Type::Option(_) | Type::List(_) => {}
            _ => return Ok(given),
        }
        Err(format!("`{}` is an option, and can only be a plain value or an enum", self.name))
    }
}

/// Reads the interface `types` of the package in `dir`, and the functions of those in `callers`.
pub fn read(dir: &Path, callers: &[PathBuf]) -> Result<Records, String> {
    let (resolve, package) = parse(dir)?;
    let interface = resolve.packages[package]
        .interfaces
        .get("types")
        .ok_or_else(|| format!("there is no interface `types` in {}", dir.display()))?;
    let interface = &resolve.interfaces[*interface];
    // The parser puts each type behind those that it uses.
    let mut types: Vec<_> =
        interface.types.iter().map(|(name, id)| (name, &resolve.types[*id])).collect();
    types.sort_by_key(|(_, definition)| definition.span.start());
    let items = types.into_iter().map(|(name, definition)| item(&resolve, name, definition));
    let items = items.collect::<Result<_, _>>()?;
    let mut functions = BTreeSet::new();
    for dir in callers {
        functions.extend(functions_in(dir)?);
    }
    Ok(Records { docs: lines(&interface.docs), items, functions })
}

fn parse(dir: &Path) -> Result<(Resolve, PackageId), String> {
    let mut resolve = Resolve::default();
    match resolve.push_dir(dir) {
        Ok((package, _)) => Ok((resolve, package)),
        Err(error) => Err(format!("cannot read the WIT in {}: {error:#}", dir.display())),
    }
}

fn functions_in(dir: &Path) -> Result<Vec<String>, String> {
    let (resolve, package) = parse(dir)?;
    let interfaces = resolve.packages[package].interfaces.values();
    let functions = interfaces.flat_map(|id| resolve.interfaces[*id].functions.values());
    Ok(functions.map(|function| function.item_name().to_owned()).collect())
}

fn item(resolve: &Resolve, name: &str, definition: &TypeDef) -> Result<Item, String> {
    let kind = match &definition.kind {
        TypeDefKind::Enum(it) => {
            let cases = it.cases.iter();
            let case = |case: &wit_parser::EnumCase| Case {
                name: case.name.clone(),
                docs: lines(&case.docs),
            };
            Kind::Enum(cases.map(case).collect())
        }
        TypeDefKind::Record(it) => {
            let field = |field: &wit_parser::Field| {
                Ok::<_, String>(Field {
                    name: field.name.clone(),
                    docs: lines(&field.docs),
                    ty: ty(resolve, &field.ty)
                        .map_err(|error| format!("`{name}.{}`: {error}", field.name))?,
                })
            };
            Kind::Record(it.fields.iter().map(field).collect::<Result<_, _>>()?)
        }
        other => {
            return Err(format!("`{name}` is neither an enum nor a record: {}", other.as_str()));
        }
    };
    Ok(Item { name: name.to_owned(), docs: lines(&definition.docs), kind })
}

fn ty(resolve: &Resolve, it: &WitType) -> Result<Type, String> {
    let id = match it {
        WitType::Bool => return Ok(Type::Bool),
        WitType::U32 => return Ok(Type::U32),
        WitType::U64 => return Ok(Type::U64),
        WitType::String => return Ok(Type::String),
        WitType::Id(id) => *id,
        other => return Err(format!("there is no generator for this type: {other:?}")),
    };
    let definition = &resolve.types[id];
    if let Some(name) = &definition.name {
        return Ok(Type::Named(name.clone()));
    }
    match &definition.kind {
        TypeDefKind::Option(inner) => Ok(Type::Option(Box::new(ty(resolve, inner)?))),
        TypeDefKind::List(inner) => Ok(Type::List(Box::new(ty(resolve, inner)?))),
        other => Err(format!("there is no generator for this type: {}", other.as_str())),
    }
}

fn lines(docs: &Docs) -> Vec<String> {
    let text = docs.contents.as_deref().unwrap_or_default();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What a package with these items in its interface is read as. Another one has two functions.
    pub fn read_items(items: &str) -> Result<Records, String> {
        let dir = tempfile::tempdir().unwrap();
        let [thing, calls] = ["thing", "calls"].map(|name| {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        });
        let text =
            format!("package some:thing@1.2.3;\n/// About.\ninterface types {{\n{items}\n}}\n");
        std::fs::write(thing.join("types.wit"), text).unwrap();
        let text = "package some:calls; interface calls { record-run: func();
            resource run { open: static func(); } }";
        std::fs::write(calls.join("calls.wit"), text).unwrap();
        read(&thing, &[calls])
    }

    #[test]
    fn functions_are_known_by_their_names() {
        let records = read_items("").unwrap();
        assert_eq!(records.functions.iter().collect::<Vec<_>>(), ["open", "record-run"]);
    }

    #[test]
    fn items_keep_their_order_names_docs_and_types() {
        let records = read_items(
            "/// One.\n/// Two.\n///\n/// Three.\nrecord b-c { %list: list<string>, d: option<a> }\n\
             enum a { /// First.\n e-f, g }",
        )
        .unwrap();
        assert_eq!(records.docs, ["About."]);
        let [record, choice] = &records.items[..] else { panic!("{records:?}") };
        assert_eq!((&*record.name, &*choice.name), ("b-c", "a"));
        assert_eq!(record.docs, ["One.", "Two.", "", "Three."]);
        let fields: Vec<_> = record.fields().iter().map(|it| (&*it.name, it.ty.clone())).collect();
        let (text, choice_type) = (Type::String, Type::Named("a".into()));
        assert_eq!(
            fields,
            [("list", Type::List(text.into())), ("d", Type::Option(choice_type.into()))]
        );
        let cases: Vec<_> = choice.cases().iter().map(|it| (&*it.name, it.docs.len())).collect();
        assert_eq!(cases, [("e-f", 1), ("g", 0)]);
    }

    #[test]
    fn what_no_generator_knows_is_refused_with_its_name() {
        for (items, expected) in [
            ("record a { b: s8 }", "`a.b`: there is no generator for this type: S8"),
            ("record a { b: tuple<u32> }", "`a.b`: there is no generator for this type: tuple"),
            ("flags a { b }", "`a` is neither an enum nor a record: flags"),
        ] {
            assert_eq!(read_items(items).unwrap_err(), expected);
        }
    }

    #[test]
    fn an_option_is_a_plain_value_or_an_enum() {
        let items = "enum a { b } record c-options {
            d: bool, e: u32, f: option<a>, g: option<d>, h: list<u32>, i: option<bool> }
            record d { e: u32 }";
        let records = read_items(items).unwrap();
        let fields = records.item("c-options").unwrap().fields();
        let given: Vec<_> = fields
            .iter()
            .map(|field| match field.given(&records) {
                Ok(Given::Flag) => "flag",
                Ok(Given::Required(_)) => "required",
                Ok(Given::Optional(_)) => "optional",
                Err(_) => "refused",
            })
            .collect();
        assert_eq!(given, ["flag", "required", "optional", "refused", "refused", "optional"]);
    }
}
