//! Names and docs of the WIT in the spelling of another language.

use crate::model::Records;

/// How a language spells the names of the WIT.
pub struct Spelling {
    /// A field.
    pub field: fn(&str) -> String,
    /// A function.
    pub function: fn(&str) -> String,
    /// An enum or a record.
    pub item: fn(&str) -> String,
    /// A case of an enum, both in kebab-case, between backticks.
    pub case: fn(&str, &str) -> String,
}

/// `keep-last` as `keepLast`.
pub fn camel(name: &str) -> String {
    let mut words = name.split('-');
    words.next().into_iter().map(str::to_owned).chain(words.map(capital)).collect()
}

/// `keep-last` as `KeepLast`.
pub fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

/// `keep-last` as `keep_last`.
pub fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `keep-last` as `KEEP_LAST`.
pub fn upper(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

impl Spelling {
    /// The paragraphs of docs, each on one line, with the language's names between backticks.
    pub fn paragraphs(&self, records: &Records, docs: &[String]) -> Vec<String> {
        let paragraphs = docs.split(String::is_empty).filter(|lines| !lines.is_empty());
        paragraphs.map(|lines| self.text(records, &lines.join(" "))).collect()
    }

    fn text(&self, records: &Records, text: &str) -> String {
        let parts = text.split('`').enumerate().map(|(place, part)| {
            if place % 2 == 0 { part.to_owned() } else { self.code(records, part) }
        });
        parts.collect::<Vec<_>>().join("`")
    }

    /// What stands between backticks.
    fn code(&self, records: &Records, code: &str) -> String {
        if let Some((item, member)) = code.split_once('.')
            && let Some(item) = records.item(item)
        {
            if item.fields().iter().any(|field| field.name == member) {
                return format!("{}.{}", (self.item)(&item.name), (self.field)(member));
            }
            if item.cases().iter().any(|case| case.name == member) {
                return (self.case)(&item.name, member);
            }
        }
        if records.functions.contains(code) {
            (self.function)(code)
        } else if records.has_field(code) {
            (self.field)(code)
        } else if records.item(code).is_some() {
            (self.item)(code)
        } else {
            self.path(records, code)
        }
    }

    /// A path whose parts in angle brackets may be fields.
    fn path(&self, records: &Records, code: &str) -> String {
        let mut parts = code.split('<');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            path.push('<');
            match part.split_once('>') {
                Some((name, rest)) if records.has_field(name) => {
                    path.push_str(&(self.field)(name));
                    path.push('>');
                    path.push_str(rest);
                }
                _ => path.push_str(part),
            }
        }
        path
    }
}

/// A paragraph in lines of at most so many characters, of which the first has `first` fewer. What
/// stands between backticks is not broken.
pub fn wrap(paragraph: &str, width: usize, first: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = first;
    for word in words(paragraph) {
        let length = word.chars().count();
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
            used += length;
        } else if used + 1 + length <= width {
            line.push(' ');
            line.push_str(word);
            used += 1 + length;
        } else {
            lines.push(word.to_owned());
            used = length;
        }
    }
    lines
}

fn words(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    paragraph.split(move |letter| {
        is_code ^= letter == '`';
        letter == ' ' && !is_code
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::read_items;
    use crate::{python, typescript};

    const ITEMS: &str = "
        enum durability { visible, durable }
        record limits { max-document-bytes: u64 }
        record record-options { keep-last: u32, runs-root: string, open: bool }
        record error { kind: durability }";

    fn spelled(spelling: &Spelling, docs: &str) -> Vec<String> {
        let docs: Vec<_> = docs.lines().map(str::to_owned).collect();
        spelling.paragraphs(&read_items(ITEMS).unwrap(), &docs)
    }

    #[test]
    fn names_have_the_spelling_of_each_language() {
        let name = "max-total-document-bytes";
        assert_eq!(camel(name), "maxTotalDocumentBytes");
        assert_eq!(pascal(name), "MaxTotalDocumentBytes");
        assert_eq!(snake(name), "max_total_document_bytes");
        assert_eq!(upper(name), "MAX_TOTAL_DOCUMENT_BYTES");
        assert_eq!((camel("run"), pascal("run")), (String::from("run"), String::from("Run")));
    }

    #[test]
    fn fields_functions_and_records_are_spelled_between_backticks() {
        let cases = [
            ("`keep-last`", "`keepLast`", "`keep_last`"),
            ("`record-run`, `open`", "`recordRun`, `openRun`", "`record_run`, `open_run`"),
            ("`record-options`", "`RecordOptions`", "`RecordOptions`"),
            (
                "`limits.max-document-bytes`",
                "`Limits.maxDocumentBytes`",
                "`Limits.max_document_bytes`",
            ),
            ("`error.kind`", "`ErrorFields.kind`", "`TandemError.kind`"),
            ("`<runs-root>/<task>`", "`<runsRoot>/<task>`", "`<runs_root>/<task>`"),
            ("`durability.visible`", "`visible` of `Durability`", "`Durability.VISIBLE`"),
        ];
        for (wit, js, python) in cases {
            assert_eq!(spelled(&typescript::SPELLING, wit), [js]);
            assert_eq!(spelled(&python::SPELLING, wit), [python]);
        }
    }

    #[test]
    fn other_words_stay_as_they_are() {
        for docs in [
            "keep-last and record-run",
            "`data-synced`, `durable`, `insufficient-space`",
            "`write: insufficient-space`, `.runs`, `state.json`, `tandem:persistence`",
            "`< > : \" | ? *`, `/` and `\\`",
            "`keep-last-runs`, `limits.keep-last`",
        ] {
            assert_eq!(spelled(&typescript::SPELLING, docs), [docs]);
            assert_eq!(spelled(&python::SPELLING, docs), [docs]);
        }
    }

    #[test]
    fn a_paragraph_ends_at_an_empty_line() {
        let docs = "`keep-last`\nis one.\n\nTwo.";
        assert_eq!(spelled(&python::SPELLING, docs), ["`keep_last` is one.", "Two."]);
    }

    #[test]
    fn lines_are_wrapped_outside_of_backticks() {
        assert_eq!(wrap("aa bb cc", 5, 0), ["aa bb", "cc"]);
        assert_eq!(wrap("aa bb cc", 5, 3), ["aa", "bb cc"]);
        assert_eq!(wrap("a `b c d` e", 5, 0), ["a", "`b c d`", "e"]);
        assert_eq!(wrap("ääää b", 6, 0), ["ääää b"]);
    }
}
