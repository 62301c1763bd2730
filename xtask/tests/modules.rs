//! How modules stand to each other: no module imports one that imports it, and a type name stands
//! once in a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The directories of the sources of the crates that are looked at.
const CRATES: [&str; 3] = ["cli/src", "host/src", "src"];

/// Names that a crate has for several types, and why.
const SEVERAL: [(&str, &str, &str); 7] = [
    ("cli/src", "Args", "each command has its own, as is usual with clap"),
    ("cli/src", "Notices", "one for each system"),
    ("host/src", "Run", "the blocking front has the names of what it is a front of"),
    ("host/src", "Tandem", "the blocking front has the names of what it is a front of"),
    ("src", "Component", "one for each world"),
    ("src", "RunResource", "one for each world"),
    ("src", "Wasi", "one for each world"),
];

/// The names of a module, from the root of its crate; the root itself has none.
type Module = Vec<String>;

/// The lines of each module but for comments and tests. A module of tests stands at the end of its
/// file, or is a file or a directory named `tests` or `fuzz`.
fn modules(sources: &str) -> BTreeMap<Module, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(sources);
    let mut modules = BTreeMap::new();
    let mut directories = vec![(root, Module::new())];
    while let Some((directory, above)) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let mut module = above.clone();
            if !matches!(stem, "lib" | "mod") {
                module.push(stem.to_owned());
            }
            if matches!(stem, "main" | "tests" | "fuzz") {
                continue;
            } else if path.is_dir() {
                directories.push((path, module));
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub mod samples {"];
                let end = tests.iter().filter_map(|tests| text.find(tests)).min();
                let code = text[..end.unwrap_or(text.len())].lines();
                let code = code.map(|line| line.split("//").next().unwrap_or_default().to_owned());
                modules.insert(module, code.collect());
            }
        }
    }
    modules
}

/// What a module names of its crate.
#[derive(Default)]
struct Names {
    /// By the name that it has here.
    imported: BTreeMap<String, Module>,
    /// Whole paths. What is only handed on to others is none: it is used where they import it.
    used: Vec<Module>,
}

impl Names {
    /// Of `use` declarations, and of paths that begin with `crate`, `super` or a child.
    fn of(module: &Module, lines: &[String], is_module: impl Fn(&Module) -> bool) -> Self {
        let mut names = Names::default();
        let mut lines = lines.iter();
        while let Some(line) = lines.next() {
            let (before, tree) = line.split_once("use ").unwrap_or(("", ""));
            let is_public = before.starts_with("pub");
            let is_alone = matches!(before.trim().split('(').next(), Some("" | "pub"));
            if !tree.is_empty() && is_alone {
                let mut tree = tree.to_owned();
                while !tree.contains(';') {
                    tree += lines.next().unwrap();
                }
                for path in flat(tree.split(';').next().unwrap_or_default()) {
                    let (path, name) = path.rsplit_once(" as ").unwrap_or((&path, ""));
                    if let Some(whole) = whole(module, path, &is_module) {
                        let last = whole.last().map_or("", String::as_str);
                        let name = if name.is_empty() { last } else { name };
                        names.imported.insert(name.to_owned(), whole.clone());
                        names.used.extend(Some(whole).filter(|_| !is_public));
                    }
                }
                continue;
            }
            let line = line.replace("pub(in crate::", "pub(in ");
            let paths = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            for path in paths.filter(|path| path.contains("::")) {
                let is_macro = path.starts_with("crate::__");
                let first = path.split("::").next().unwrap_or_default();
                if !is_macro && !names.imported.contains_key(first) {
                    names.used.extend(whole(module, path, &is_module));
                }
            }
        }
        names
    }
}

/// The paths of a tree of a `use` declaration.
fn flat(tree: &str) -> Vec<String> {
    let Some((before, inner)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = inner.trim().strip_suffix('}').unwrap();
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| flat(part)).map(|part| format!("{}{part}", before.trim())).collect()
}

/// A path from the root of the crate, if it is one of this crate.
fn whole(module: &Module, path: &str, is_module: impl Fn(&Module) -> bool) -> Option<Module> {
    let mut whole = module.clone();
    let mut names = path.split("::").peekable();
    match *names.peek()? {
        "crate" => whole.clear(),
        "self" | "super" => {}
        child => {
            whole.push(child.to_owned());
            if !is_module(&whole) {
                return None;
            }
            whole.pop();
        }
    }
    for name in names {
        match name {
            "super" => drop(whole.pop()),
            "crate" | "self" | "*" | "" => {}
            name => whole.push(name.to_owned()),
        }
    }
    Some(whole)
}

/// The module that has what a path names, also where others hand it on.
fn owner(names: &BTreeMap<Module, Names>, mut path: Module) -> Module {
    for _ in 0..10 {
        let count = (0..=path.len()).rev().find(|count| names.contains_key(&path[..*count]));
        let (module, rest) = path.split_at(count.unwrap());
        let handed_on = rest.first().and_then(|name| names[module].imported.get(name));
        match handed_on.filter(|to| **to != path) {
            Some(to) => path = [to, &rest[1..]].concat(),
            None => return module.to_vec(),
        }
    }
    panic!("handed on in a circle: {path:?}");
}

/// A loop that can be reached from the last of `way`.
fn find_loop<'a>(
    imports: &'a BTreeMap<Module, BTreeSet<Module>>,
    way: &mut Vec<&'a Module>,
    done: &mut BTreeSet<&'a Module>,
) -> Option<String> {
    for next in &imports[*way.last()?] {
        if let Some(at) = way.iter().position(|module| *module == next) {
            let names = way[at..].iter().chain([&next]).map(|module| module.join("::"));
            return Some(names.collect::<Vec<_>>().join(" -> "));
        }
        if !done.contains(next) {
            way.push(next);
            let found = find_loop(imports, way, done);
            if found.is_some() {
                return found;
            }
            way.pop();
        }
    }
    done.extend(way.last());
    None
}

#[test]
fn no_module_imports_one_that_imports_it() {
    for sources in CRATES {
        let modules = modules(sources);
        let names_of = |(module, lines): (&Module, &Vec<String>)| {
            let names = Names::of(module, lines, |module| modules.contains_key(module));
            (module.clone(), names)
        };
        let names: BTreeMap<Module, Names> = modules.iter().map(names_of).collect();
        let imports_of = |(module, own): (&Module, &Names)| {
            let owners = own.used.iter().map(|path| owner(&names, path.clone()));
            (module.clone(), owners.filter(|owner| owner != module).collect())
        };
        let imports: BTreeMap<Module, BTreeSet<Module>> = names.iter().map(imports_of).collect();
        assert!(imports.values().map(BTreeSet::len).sum::<usize>() > modules.len(), "{sources}");
        let mut done = BTreeSet::new();
        for module in imports.keys() {
            assert_eq!(find_loop(&imports, &mut vec![module], &mut done), None, "{sources}");
        }
    }
}

#[test]
fn a_type_name_stands_once_in_a_crate() {
    const KINDS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];
    let mut several = BTreeSet::new();
    for sources in CRATES {
        let mut seen = BTreeSet::new();
        for line in modules(sources).values().flatten() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let is_declared = !line.starts_with(' ') && words.any(|word| KINDS.contains(&word));
            if let Some(name) = words.next().filter(|_| is_declared)
                && !seen.insert(name.to_owned())
            {
                several.insert((sources, name.to_owned()));
            }
        }
    }
    let known = SEVERAL.map(|(sources, name, _)| (sources, name.to_owned()));
    assert_eq!(several, BTreeSet::from(known));
}
