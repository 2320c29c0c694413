//! Barrister's description of the interface. The structures stand in a constant file, the functions in the table of methods.

use serde_json::{Value, json};

/// The structures, in Barrister's form.
const STRUCTS: &str = include_str!("idl.json");

/// A method as the description shows it.
pub struct Function {
    /// `Interface.Function`. A name without an interface is not described.
    pub name: &'static str,
    /// What the method does, in a few words.
    pub comment: &'static str,
    /// The structure that it takes.
    pub input: &'static str,
    /// The structure that it returns.
    pub output: &'static str,
}

/// The structures and `functions`. The functions of an interface are next to each other.
pub fn describe<'a>(functions: impl Iterator<Item = &'a Function>) -> serde_json::Result<Value> {
    let mut elements: Vec<Value> = serde_json::from_str(STRUCTS)?;
    let mut interfaces: Vec<Interface<'_>> = Vec::new();
    for function in functions {
        let Some((interface, name)) = function.name.split_once('.') else { continue };
        let described = function.describe(name);
        match interfaces.last_mut().filter(|last| last.name == interface) {
            Some(last) => last.functions.push(described),
            None => interfaces.push(Interface { name: interface, functions: vec![described] }),
        }
    }
    elements.extend(interfaces.into_iter().map(|Interface { name, functions }| {
        json!({"type": "interface", "name": name, "comment": "", "functions": functions})
    }));
    elements.push(json!({"type": "meta", "barrister_version": "0.1.6", "date_generated": 0, "checksum": ""}));
    Ok(elements.into())
}

struct Interface<'a> {
    name: &'a str,
    functions: Vec<Value>,
}

impl Function {
    fn describe(&self, name: &str) -> Value {
        json!({
            "name": name, "comment": self.comment,
            "params": [{"name": "input", "type": self.input, "is_array": false}],
            "returns": {"name": "", "type": self.output, "optional": false, "is_array": false, "comment": ""},
        })
    }
}
