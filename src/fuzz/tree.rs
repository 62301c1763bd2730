//! JSON as a tree that keeps the text of keys and scalars: slow, short, and independent of what it
//! is compared with.

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree<'a> {
    /// A string, number or literal.
    Scalar(&'a str),
    Array(Vec<Tree<'a>>),
    /// The text of each key, and its value.
    Object(Vec<(&'a str, Tree<'a>)>),
}

/// Why a text is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    Json,
    /// It may be JSON, but is too deep for a recursion in a test.
    Depth,
}

const LEVELS_MAX: usize = 200;

impl<'a> Tree<'a> {
    pub fn parse(text: &'a str) -> Result<Self, No> {
        let mut parser = Parser { text, at: 0 };
        let tree = parser.value(0)?;
        parser.space();
        if parser.at == text.len() { Ok(tree) } else { Err(No::Json) }
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(&'a str, Tree<'a>)]> {
        if let Tree::Object(members) = self { Some(members) } else { None }
    }

    /// The values of all members of a name.
    pub fn all(&self, name: &str) -> Vec<&Tree<'a>> {
        let members = self.members().unwrap_or_default().iter();
        members.filter(|(key, _)| unescaped(key) == name).map(|(_, value)| value).collect()
    }

    /// What a string stands for.
    pub fn string(&self) -> Option<String> {
        match self {
            Tree::Scalar(text) if text.starts_with('"') => Some(unescaped(text)),
            _ => None,
        }
    }

    /// How deep it nests; what is empty adds no level.
    pub fn depth(&self) -> usize {
        let inner = match self {
            Tree::Scalar(_) => return 0,
            Tree::Array(values) => values.iter().map(Tree::depth).max(),
            Tree::Object(members) => members.iter().map(|(_, value)| value.depth()).max(),
        };
        inner.map_or(0, |inner| inner + 1)
    }

    /// Its text, each level two spaces deeper.
    pub fn indented(&self, level: usize) -> String {
        let (open, parts, close) = match self {
            Tree::Scalar(text) => return (*text).to_owned(),
            Tree::Array(values) => {
                ('[', values.iter().map(|value| value.indented(level + 1)).collect(), ']')
            }
            Tree::Object(members) => {
                let member = |(key, value): &(&str, Tree<'_>)| {
                    format!("{key}: {}", value.indented(level + 1))
                };
                ('{', members.iter().map(member).collect::<Vec<_>>(), '}')
            }
        };
        if parts.is_empty() {
            return format!("{open}{close}");
        }
        let (outer, inner) = ("  ".repeat(level), "  ".repeat(level + 1));
        format!("{open}\n{inner}{}\n{outer}{close}", parts.join(&format!(",\n{inner}")))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_next(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn need(&mut self, byte: u8) -> Result<(), No> {
        if self.is_next(byte) { Ok(()) } else { Err(No::Json) }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, level: usize) -> Result<Tree<'a>, No> {
        if level > LEVELS_MAX {
            return Err(No::Depth);
        }
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.list(b'}', |parser| {
                    parser.space();
                    let key = parser.string()?;
                    parser.space();
                    parser.need(b':')?;
                    members.push((key, parser.value(level + 1)?));
                    Ok(())
                })?;
                return Ok(Tree::Object(members));
            }
            Some(b'[') => {
                let mut values = Vec::new();
                self.list(b']', |parser| {
                    values.push(parser.value(level + 1)?);
                    Ok(())
                })?;
                return Ok(Tree::Array(values));
            }
            Some(b'"') => return self.string().map(Tree::Scalar),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => {
                let rest = &self.text[start..];
                let literal = ["null", "true", "false"].into_iter().find(|l| rest.starts_with(l));
                self.at += literal.ok_or(No::Json)?.len();
            }
        }
        Ok(Tree::Scalar(&self.text[start..self.at]))
    }

    fn list(
        &mut self,
        close: u8,
        mut one: impl FnMut(&mut Self) -> Result<(), No>,
    ) -> Result<(), No> {
        self.at += 1;
        self.space();
        if self.is_next(close) {
            return Ok(());
        }
        loop {
            one(self)?;
            self.space();
            if self.is_next(close) {
                return Ok(());
            }
            self.need(b',')?;
        }
    }

    fn string(&mut self) -> Result<&'a str, No> {
        let start = self.at;
        self.need(b'"')?;
        loop {
            let byte = self.peek().ok_or(No::Json)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(&self.text[start..self.at]),
                b'\\' if self.is_next(b'u') => {
                    for _ in 0..4 {
                        self.peek().filter(u8::is_ascii_hexdigit).ok_or(No::Json)?;
                        self.at += 1;
                    }
                }
                b'\\' => {
                    let escape = self.peek().filter(|byte| b"\"\\/bfnrt".contains(byte));
                    escape.ok_or(No::Json)?;
                    self.at += 1;
                }
                0..0x20 => return Err(No::Json),
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), No> {
        self.is_next(b'-');
        if !self.is_next(b'0') {
            self.digits()?;
        }
        if self.is_next(b'.') {
            self.digits()?;
        }
        if self.is_next(b'e') || self.is_next(b'E') {
            if !self.is_next(b'+') {
                self.is_next(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), No> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(No::Json) }
    }
}

/// What a JSON string stands for; U+FFFD for what is no Unicode.
pub fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text[1..text.len() - 1].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next() {
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&digits, 16).expect("four digits")
            }
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => 10,
            Some('r') => 13,
            Some('t') => 9,
            literal => literal.expect("an escape") as u16,
        });
    }
    String::from_utf16_lossy(&units)
}
