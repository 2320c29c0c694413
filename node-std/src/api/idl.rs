//! Barrister's description of the interface. The structures stand in a constant file, the functions in the table of methods.

use node_core::rpc::Method;
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

/// The comment on the interface [`LINK`].
const LINK_COMMENT: &str = "Spoken between nodes over links, in postcard, by number (PROTOCOL.md, section 8); not by JSON-RPC, \
                            where MaelNode has the same";

/// The interface of the methods that nodes ask of each other.
const LINK: &str = "Link";

/// The structures and `functions`, and the methods between nodes. The functions of an interface are next to each other.
pub fn describe<'a>(functions: impl Iterator<Item = &'a Function>) -> serde_json::Result<Value> {
    let mut elements: Vec<Value> = serde_json::from_str(STRUCTS)?;
    let mut interfaces: Vec<Interface<'_>> = Vec::new();
    for function in functions {
        let Some((interface, name)) = function.name.split_once('.') else { continue };
        let described = function.describe(name);
        match interfaces.last_mut().filter(|last| last.name == interface) {
            Some(last) => last.functions.push(described),
            None => interfaces.push(Interface { name: interface, comment: "", functions: vec![described] }),
        }
    }
    let functions = Method::ALL.iter().map(|method| describe_link(*method)).collect();
    interfaces.push(Interface { name: LINK, comment: LINK_COMMENT, functions });
    elements.extend(interfaces.into_iter().map(|Interface { name, comment, functions }| {
        json!({"type": "interface", "name": name, "comment": comment, "functions": functions})
    }));
    elements.push(json!({"type": "meta", "barrister_version": "0.1.6", "date_generated": 0, "checksum": ""}));
    Ok(elements.into())
}

/// A method between nodes.
fn describe_link(method: Method) -> Value {
    let (name, what, input, output) = match method {
        Method::Ping => ("Ping", "the bytes of the request come back", "LinkBytes", "LinkBytes"),
        Method::Status => ("Status", "MaelNode.GetStatus", "LinkNothing", "NodeBrief"),
        Method::Members => ("Members", "MaelNode.ListMembers", "LinkNothing", "ListMembersOutput"),
        Method::Components => {
            ("Components", "MaelNode.ListComponents", "LinkNothing", "ListComponentsOutput")
        }
        Method::Counters => ("Counters", "MaelNode.GetCounters", "LinkNothing", "BoardCounters"),
        Method::KeysList => ("KeysList", "MaelNode.ListKeys", "LinkNothing", "ListKeysOutput"),
        Method::KeysReplace => ("KeysReplace", "MaelNode.PushKeys", "LinkBytes", "LinkBytes"),
        Method::JsonRpc => ("JsonRpc", "MaelNode.Call: JSON-RPC as text", "LinkBytes", "LinkBytes"),
        Method::Logs => ("Logs", "GET /_mael/logs: the log as it grows", "LinkLogs", "LinkBytes"),
        Method::Subscribe => ("Subscribe", "to a topic of the node", "LinkSubscribe", "LinkLease"),
        Method::Event => ("Event", "of a topic, to a node that subscribed", "LinkEvent", "LinkNothing"),
    };
    function(name, &format!("method {}; {what}", method.number()), input, output)
}

struct Interface<'a> {
    name: &'a str,
    comment: &'a str,
    functions: Vec<Value>,
}

impl Function {
    fn describe(&self, name: &str) -> Value {
        function(name, self.comment, self.input, self.output)
    }
}

fn function(name: &str, comment: &str, input: &str, output: &str) -> Value {
    json!({
        "name": name, "comment": comment,
        "params": [{"name": "input", "type": input, "is_array": false}],
        "returns": {"name": "", "type": output, "optional": false, "is_array": false, "comment": ""},
    })
}
