//! A YAML text as a tree whose every part knows its place.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::fault::{Fault, Place};

/// Longest file, in bytes. A bundle of CAs may stand in it.
pub const MAX_FILE: usize = 1 << 20;
/// Most values in a file, each use of an alias counted anew: a few lines of aliases could stand for billions.
const MAX_NODES: usize = 20_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 32;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub value: Value,
    pub place: Place,
}

/// A value as it is written. What a scalar means is for the setting to say that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or `null` or `~`.
    Null,
    /// A text, a number or a switch.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub place: Place,
}

impl Node {
    /// What it is, for a message.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The same with every place where `to` moves it.
    pub fn moved(self, to: &impl Fn(Place) -> Place) -> Self {
        let value = match self.value {
            Value::List(nodes) => Value::List(nodes.into_iter().map(|node| node.moved(to)).collect()),
            Value::Map(entries) => {
                let entry = |(key, node): (Key, Self)| (Key { place: to(key.place), ..key }, node.moved(to));
                Value::Map(entries.into_iter().map(entry).collect())
            }
            other => other,
        };
        Self { value, place: to(self.place) }
    }
}

/// Reads the one document of a text; nothing in it is an empty map.
///
/// # Errors
/// It is not YAML, holds several documents, or is too big. The fault names the place.
pub fn parse(text: &str) -> Result<Node, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            Fault::at(place, format!("this is not YAML: {}", error.info()))
        })?;
        builder.take(event, span)?;
    }
    let empty = Node { value: Value::Map(Vec::new()), place: Place::START };
    Ok(builder.root.filter(|root| root.value != Value::Null).unwrap_or(empty))
}

/// A list or map that is not at its end yet.
struct Open {
    place: Place,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = Place { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Fault::at(place, "a second document begins here: put everything into one"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if is_null { Value::Null } else { Value::Scalar(text.into_owned()) };
                self.put(Node { value, place }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place, anchor, Parts::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(place, anchor, Parts::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                // A list or map that is still open is not known yet, so none contains itself.
                let target = self.anchors.get(&anchor).cloned();
                let target = target.ok_or_else(|| {
                    Fault::at(place, "this alias stands inside of what it stands for: write the value itself")
                })?;
                self.count(&target, place)?;
                self.put(Node { place, ..target }, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, parts: Parts) -> Result<(), Fault> {
        if self.open.len() == MAX_DEPTH {
            return Err(Fault::at(place, format!("more than {MAX_DEPTH} lists and maps are nested here")));
        }
        self.open.push(Open { place, anchor, parts });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { place, anchor, parts }) = self.open.pop() else { return Ok(()) };
        let value = match parts {
            Parts::List(nodes) => Value::List(nodes),
            Parts::Map { entries, .. } => Value::Map(entries),
        };
        self.put(Node { value, place }, anchor)
    }

    /// Puts a whole value into the innermost open list or map, as a key or as a value.
    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault::at(node.place, format!("there are more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(node),
            Some(Parts::List(nodes)) => nodes.push(node),
            Some(Parts::Map { entries, key }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let (Value::Scalar(name), place) = (node.value, node.place) else {
                        return Err(Fault::at(node.place, "a key is a name"));
                    };
                    if let Some((first, _)) = entries.iter().find(|(key, _)| key.name == name) {
                        let line = first.place.line;
                        return Err(Fault::at(
                            place,
                            format!("{name} stands here again, first in line {line}: drop one"),
                        ));
                    }
                    *key = Some(Key { name, place });
                }
            },
        }
        Ok(())
    }

    /// Counts the values of a node that an alias repeats.
    fn count(&mut self, node: &Node, place: Place) -> Result<(), Fault> {
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return Err(Fault::at(
                    place,
                    format!("with its aliases the file has more than {MAX_NODES} values"),
                ));
            }
            match &node.value {
                Value::Null | Value::Scalar(_) => {}
                Value::List(nodes) => left.extend(nodes),
                Value::Map(entries) => left.extend(entries.iter().map(|(_, node)| node)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_value_knows_its_place() {
        let Value::Map(root) =
            parse("\u{feff}# note\ntls:\n  mtls: true\n  list: [a, 'b']\nempty:\n").unwrap().value
        else {
            panic!()
        };
        let (tls, node) = &root[0];
        assert_eq!((tls.name.as_str(), tls.place), ("tls", Place { line: 2, column: 1 }));
        let Value::Map(inner) = &node.value else { panic!() };
        assert_eq!(
            inner[0].1,
            Node { value: Value::Scalar("true".into()), place: Place { line: 3, column: 9 } }
        );
        let Value::List(list) = &inner[1].1.value else { panic!() };
        assert_eq!(list[1], Node { value: Value::Scalar("b".into()), place: Place { line: 4, column: 13 } });
        assert_eq!(root[1].1.value, Value::Null);
        assert_eq!(parse("# nothing\n").unwrap().value, Value::Map(vec![]));
    }

    #[test]
    fn aliases_stand_for_their_values_and_are_counted() {
        let Value::Map(root) = parse("a: &x {k: v}\nb: *x\n").unwrap().value else { panic!() };
        assert_eq!(root[0].1.value, root[1].1.value);
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, before) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
            bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
        }
        assert!(fault(&bomb).contains("more than 20000 values"), "{}", fault(&bomb));
        assert!(
            fault("a: &a [*a]\n").starts_with("1:8: this alias stands inside"),
            "{}",
            fault("a: &a [*a]\n")
        );
        assert!(fault("a: *b\n").starts_with("1:4: this is not YAML"), "{}", fault("a: *b\n"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "3:1: a stands here again, first in line 1"),
            ("a:\n\tb: 1\n", "2:"),
            ("a: [1\nb: 2\n", "2:"),
            ("a: 1\n---\nb: 2\n", "2:1: a second document"),
            ("? [a]\n: b\n", "1:3: a key is a name"),
            ("a: \"x\n", ""),
        ] {
            let said = fault(text);
            assert!(said.starts_with(expected), "{text:?}: {said}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(fault(&deep).contains("nested"), "{}", fault(&deep));
        assert!(fault(&format!("a: [{}]", "x,".repeat(30_000))).contains("more than 20000 values"));
    }
}
