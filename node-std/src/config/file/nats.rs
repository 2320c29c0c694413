//! NATS's notation of maps as YAML. NATS separates the entries of a map by the end of the line, and needs no colon before a map; YAML
//! wants commas and colons there.

use super::fault::{Fault, Place};
use super::tree::{self, Node};

/// Reads a text in this notation. Places are those of the text itself.
///
/// # Errors
/// As [`tree::parse`].
pub fn parse(text: &str) -> Result<Node, Fault> {
    let Yaml { text, colons } = to_yaml(text);
    let mut places = Vec::new();
    let mut place = Place::START;
    for (offset, c) in text.char_indices() {
        if colons.get(places.len()) == Some(&offset) {
            places.push(place);
        }
        place = if c == '\n' {
            Place { line: place.line + 1, column: 1 }
        } else {
            Place { column: place.column + 1, ..place }
        };
    }
    // A comma ends its line, so only colons move anything.
    let original = |place: Place| {
        let moved = places.partition_point(|colon| *colon < place)
            - places.partition_point(|colon| colon.line < place.line);
        Place { column: place.column - moved, ..place }
    };
    match tree::parse(&text) {
        Ok(root) => Ok(root.moved(&original)),
        Err(fault) => Err(Fault { place: original(fault.place), ..fault }),
    }
}

/// A text as YAML, in lines of the same numbers.
struct Yaml {
    text: String,
    /// Where the colons are that the text did not have, in bytes.
    colons: Vec<usize>,
}

fn to_yaml(text: &str) -> Yaml {
    let mut colons = Vec::new();
    let mut yaml = String::with_capacity(text.len() + text.len() / 16);
    let mut chars = text.chars().peekable();
    // The last character that is neither blank nor comment, and where it ends.
    let (mut last, mut end) = (None, 0);
    let mut depth = 0_usize;
    while let Some(c) = chars.next() {
        let starts_word = yaml.ends_with(|c: char| c.is_whitespace()) || yaml.is_empty();
        match c {
            '#' | '/' if starts_word && (c == '#' || chars.peek() == Some(&'/')) => {
                yaml.push('#');
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    yaml.push(c);
                }
                continue;
            }
            '"' | '\'' => {
                separate(&mut yaml, depth, last, end, c);
                yaml.push(c);
                let mut escaped = false;
                for inner in chars.by_ref() {
                    yaml.push(inner);
                    if inner == c && !escaped {
                        break;
                    }
                    escaped = c == '"' && inner == '\\' && !escaped;
                }
            }
            '{' | '[' => {
                separate(&mut yaml, depth, last, end, c);
                let after_name = last.is_some_and(|last: char| last.is_alphanumeric() || last == '_');
                if after_name && is_same_line(&yaml, end) {
                    yaml.insert(end, ':');
                    colons.push(end);
                }
                yaml.push(c);
                depth += 1;
            }
            '}' | ']' => {
                yaml.push(c);
                depth = depth.saturating_sub(1);
            }
            c if c.is_whitespace() => {
                yaml.push(c);
                continue;
            }
            c => {
                separate(&mut yaml, depth, last, end, c);
                yaml.push(c);
            }
        }
        (last, end) = (Some(c), yaml.len());
    }
    Yaml { text: yaml, colons }
}

/// Puts a comma behind an entry of a map or list that the end of the line ended, when `next` begins another one.
fn separate(yaml: &mut String, depth: usize, last: Option<char>, end: usize, next: char) {
    let ends = last.is_some_and(|last| !"{[,:".contains(last));
    if depth > 0 && ends && !",:".contains(next) && !is_same_line(yaml, end) {
        yaml.insert(end, ',');
    }
}

fn is_same_line(yaml: &str, end: usize) -> bool {
    yaml.get(end..).is_some_and(|between| !between.contains('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_document_become_yaml() {
        for (nats, yaml) in [
            (
                "tls: {\n  cert_file: \"./a.pem\"\n  key_file: ./k.pem\n}\n",
                "tls: {\n  cert_file: \"./a.pem\",\n  key_file: ./k.pem\n}\n",
            ),
            ("tls {\n    a: 1\n\n    b: \"300ms\"\n}", "tls: {\n    a: 1,\n\n    b: \"300ms\"\n}"),
            ("tls {}\nallow_non_tls: true\n", "tls: {}\nallow_non_tls: true\n"),
            (
                "tls: {\n  # x, {\n  a: 0.0001 # y\n  b: true // z\n}",
                "tls: {\n  # x, {\n  a: 0.0001, # y\n  b: true #/ z\n}",
            ),
            ("a: [\n  \"x\"\n  \"y}\\\"\"\n]", "a: [\n  \"x\",\n  \"y}\\\"\"\n]"),
            (
                "t {\n c [\n  {x: 1}\n  {x: 2}\n ]\n d: 1\n}",
                "t: {\n c: [\n  {x: 1},\n  {x: 2}\n ],\n d: 1\n}",
            ),
            ("a: {b: http://h//x,\n c: 1}", "a: {b: http://h//x,\n c: 1}"),
            ("cluster {\n tls: {}\n}", "cluster: {\n tls: {}\n}"),
        ] {
            assert_eq!(to_yaml(nats).text, yaml);
        }
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "# é {\na { b { c: 1 }, d: x }\né { f: [1\n2] }\n";
        let mut found = Vec::new();
        let root = parse(text).unwrap();
        let mut left = vec![&root];
        while let Some(node) = left.pop() {
            match &node.value {
                tree::Value::Null => {}
                tree::Value::Scalar(value) => found.push((value.as_str(), node.place)),
                tree::Value::List(nodes) => left.extend(nodes),
                tree::Value::Map(entries) => {
                    found.extend(entries.iter().map(|(key, _)| (key.name.as_str(), key.place)));
                    left.extend(entries.iter().map(|(_, node)| node));
                }
            }
        }
        found.sort_unstable();
        let in_text = |(value, Place { line, column }): &(&str, Place)| {
            let line: String = text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect();
            line.starts_with(value)
        };
        assert!(found.len() == 10 && found.iter().all(in_text), "{found:?}");
    }
}
