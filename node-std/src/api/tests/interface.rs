//! The interface that a node shows describes what it does.

use super::*;

/// The methods that clients call, by name.
pub(super) const METHODS: [&str; 17] = [
    "MaelNode.Call",
    "MaelNode.CallMethod",
    "MaelNode.GetCounters",
    "MaelNode.GetStatus",
    "MaelNode.Leave",
    "MaelNode.ListComponents",
    "MaelNode.ListEvents",
    "MaelNode.ListKeys",
    "MaelNode.ListLinks",
    "MaelNode.ListMembers",
    "MaelNode.Ping",
    "MaelNode.PushKeys",
    "MaelNode.RemoveNode",
    "MaelNode.ShowConfig",
    "NodeService.GetStatus",
    "NodeService.ListNodeStatus",
    "barrister-idl",
];

/// The functions that the interface describes, `Interface.Function`, each with structures that it describes, too.
async fn described() -> Vec<Value> {
    let idl = call("barrister-idl", json!([])).await["result"].clone();
    let elements = idl.as_array().unwrap();
    let mut described = Vec::new();
    for interface in elements.iter().filter(|element| element["type"] == "interface") {
        for function in interface["functions"].as_array().unwrap() {
            for used in [&function["params"][0]["type"], &function["returns"]["type"]] {
                assert!(elements.iter().any(|e| e["type"] == "struct" && e["name"] == *used), "{used}");
            }
            let mut function = function.clone();
            let name =
                format!("{}.{}", interface["name"].as_str().unwrap(), function["name"].as_str().unwrap());
            function["name"] = name.into();
            described.push(function);
        }
    }
    for structure in elements.iter().filter(|element| element["type"] == "struct") {
        for field in structure["fields"].as_array().unwrap() {
            let known = ["string", "int", "bool", "float"].contains(&field["type"].as_str().unwrap())
                || elements.iter().any(|e| e["type"] == "struct" && e["name"] == field["type"]);
            assert!(known, "{}: {field}", structure["name"]);
        }
    }
    described
}

#[tokio::test]
async fn the_interface_describes_every_method() {
    let described = described().await;
    let names = described.iter().map(|function| function["name"].as_str().unwrap());
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with("Link.")).collect();
    names.push("barrister-idl");
    names.sort_unstable();
    let methods = Api::<Others>::METHODS.iter();
    let mut table: Vec<&str> = methods.map(|method| method.function.name).collect();
    table.sort_unstable();
    assert_eq!(names, table);
    assert_eq!(table, METHODS);
}

#[tokio::test]
async fn the_interface_describes_the_methods_between_nodes() {
    let described = described().await;
    let between: Vec<&Value> =
        described.iter().filter(|function| function["name"].as_str().unwrap().starts_with("Link.")).collect();
    assert_eq!(between.len(), rpc::Method::ALL.len());
    for (function, method) in between.iter().zip(rpc::Method::ALL) {
        // The names are those of the core and of PROTOCOL.md, without blanks.
        assert_eq!(function["name"], format!("Link.{method:?}"));
        let comment = function["comment"].as_str().unwrap();
        assert!(comment.starts_with(&format!("method {};", method.number())), "{function}");
    }
}

/// The names of a structure's fields, inherited ones included.
async fn fields(name: &str) -> Vec<String> {
    let idl = call("barrister-idl", json!([])).await["result"].clone();
    let element = idl.as_array().unwrap().iter().find(|element| element["name"] == name).unwrap().clone();
    let own = element["fields"].as_array().unwrap().iter();
    let mut names: Vec<String> = own.map(|field| field["name"].as_str().unwrap().to_owned()).collect();
    if element["extends"] != "" {
        names.extend(Box::pin(fields(element["extends"].as_str().unwrap())).await);
    }
    names.sort();
    names
}

fn keys(value: impl serde::Serialize) -> Vec<String> {
    let Value::Object(object) = serde_json::to_value(value).unwrap() else { panic!("no object") };
    let mut keys: Vec<String> = object.keys().cloned().collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn the_interface_describes_every_field() {
    let node = NodeStatus {
        started_at: Some(1),
        software_version: Some("1".into()),
        ..NodeStatus::new(&member(1, "a"), true)
    };
    assert_eq!(keys(&node), fields("NodeStatus").await);
    let status = crate::api::NodeDetails {
        node,
        observed_at: 1,
        machine: crate::api::Machine::default(),
        running_components: Vec::new(),
        cluster_id: "c".into(),
        plaintext: false,
        refused_for_role: 0,
        tls: TlsStatus::default(),
    };
    assert_eq!(keys(&status), fields("NodeDetails").await);
    assert_eq!(keys(&status.tls), fields("TlsStatus").await);
    for (method, output) in [
        ("NodeService.ListNodeStatus", "ListNodeStatusOutput"),
        ("MaelNode.ListEvents", "ListEventsOutput"),
        ("MaelNode.ListLinks", "ListLinksOutput"),
        ("MaelNode.GetStatus", "NodeBrief"),
        ("MaelNode.GetCounters", "BoardCounters"),
        ("MaelNode.ListComponents", "ListComponentsOutput"),
    ] {
        assert_eq!(keys(&call(method, json!({})).await["result"]), fields(output).await);
    }
    let slot: KeySlot = serde_json::from_value(json!({
        "name": "a", "certificateSha256": "", "spkiSha256": "", "notBefore": 0, "notAfter": 0, "algorithm": "",
        "pair": true, "active": true,
    }))
    .unwrap();
    assert_eq!(keys(slot), fields("KeySlot").await);
}
