//! `maelctl call`: a method of any node, by its name, or by its number when it is one of an application.

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use clap::Args;
use node_core::rpc::MAX_BODY;
use serde_json::{Value, json};

use super::client::read;
use super::error::CtlError;
use crate::api::MethodAnswer;

/// What is called.
#[derive(Clone, Debug, Args)]
pub struct CallCommand {
    /// The name or id of the node that answers.
    node: String,
    /// The method, such as NodeService.GetStatus; or the number of a method of an application, such as 0x1000.
    method: String,
    /// What the method takes, as a JSON object.
    #[arg(value_name = "JSON", value_parser = parse_params, conflicts_with = "Body")]
    params: Option<Value>,
    #[command(flatten)]
    body: Body,
}

/// What a method with a number takes: bytes, none by default.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
struct Body {
    /// What a method with a number takes, in hexadecimal digits.
    #[arg(long, value_name = "DIGITS", value_parser = parse_hex)]
    hex: Option<Hex>,
    /// What a method with a number takes, as text.
    #[arg(long)]
    text: Option<String>,
    /// The file with what a method with a number takes.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Bytes from hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hex(Vec<u8>);

impl CallCommand {
    /// The question to the node that is asked.
    pub fn question(&self) -> Result<(&'static str, Value), CtlError> {
        let Self { node, method, params, body } = self;
        let Some(number) = number(method) else {
            return match body.is_given() {
                true => Err(CtlError::BodyOfNamed { method: method.clone() }),
                false => Ok(("MaelNode.Call", json!({"node": node, "method": method, "params": params}))),
            };
        };
        if params.is_some() {
            return Err(CtlError::JsonOfNumbered { method: method.clone() });
        }
        let body = Base64::encode_string(&body.read()?);
        Ok(("MaelNode.CallMethod", json!({"node": node, "method": number, "body": body})))
    }

    /// The answer as text: JSON from a method with a name; from one with a number its bytes, as text if they are some, in hexadecimal
    /// digits otherwise.
    pub fn show(&self, result: Value, as_json: bool) -> Result<String, CtlError> {
        if as_json || number(&self.method).is_none() {
            return Ok(format!("{result:#}\n"));
        }
        let MethodAnswer { body, .. } = read(result)?;
        let bytes = Base64::decode_vec(&body)
            .map_err(|error| CtlError::Refused(format!("the node's answer is not base64: {error}")))?;
        let mut text = printable(&bytes).unwrap_or_else(|| digits(&bytes));
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}

impl Body {
    const fn is_given(&self) -> bool {
        self.hex.is_some() || self.text.is_some() || self.file.is_some()
    }

    fn read(&self) -> Result<Vec<u8>, CtlError> {
        Ok(match (&self.hex, &self.text, &self.file) {
            (Some(Hex(bytes)), ..) => bytes.clone(),
            (_, Some(text), _) => text.clone().into_bytes(),
            (.., Some(file)) => read_file(file)?,
            _ => Vec::new(),
        })
    }
}

/// The whole file, if a body may be as long.
fn read_file(path: &Path) -> Result<Vec<u8>, CtlError> {
    use std::io::Read;
    let failed = |source| CtlError::Body { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let longest = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    // One byte more: the node says how many are allowed.
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The number that a method is, if it is no name.
fn number(method: &str) -> Option<u32> {
    match method.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => method.parse().ok(),
    }
}

/// Text without control characters, apart from those that lay it out.
fn printable(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    let is_plain = |char: char| !char.is_control() || matches!(char, '\n' | '\t' | '\r');
    text.chars().all(is_plain).then(|| text.to_owned())
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex(text: &str) -> Result<Hex, String> {
    let digit = |pair: &[u8]| {
        let pair =
            core::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digit).collect();
    bytes.map(Hex).ok_or_else(|| "it is not an even number of hexadecimal digits".to_owned())
}

fn parse_params(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(params)) => Ok(params.into()),
        Ok(_) => Err("an object is needed, such as '{\"node\": \"kitchen\"}'".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use clap::Parser;
    use serde_json::json;

    use super::CallCommand;
    use crate::ctl::error::CtlError;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        call: CallCommand,
    }

    fn parse(line: &[&str]) -> Result<CallCommand, clap::Error> {
        let line = [&["maelctl", "board"], line].concat();
        Line::try_parse_from(line).map(|line| line.call)
    }

    /// The body that is sent.
    fn body(line: &[&str]) -> Vec<u8> {
        let (method, params) = parse(line).unwrap().question().unwrap();
        assert_eq!(
            (method, &params["node"], &params["method"]),
            ("MaelNode.CallMethod", &json!("board"), &json!(4096))
        );
        Base64::decode_vec(params["body"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_number_is_a_method_of_an_application_and_takes_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [0, 1, 2]).unwrap();
        assert_eq!(body(&["0x1000"]), b"");
        assert_eq!(body(&["4096", "--hex", "00fF10"]), [0, 0xff, 0x10]);
        assert_eq!(body(&["4096", "--hex", ""]), b"");
        assert_eq!(body(&["0x1000", "--text", "on"]), b"on");
        assert_eq!(body(&["0x1000", "--file", file.path().to_str().unwrap()]), [0, 1, 2]);
        let missing = parse(&["0x1000", "--file", "/nothing/here"]).unwrap().question();
        assert!(matches!(missing, Err(CtlError::Body { .. })));
    }

    #[test]
    fn a_name_is_a_method_of_json_rpc() {
        let (method, params) = parse(&["MaelNode.Ping", "{}"]).unwrap().question().unwrap();
        assert_eq!(
            (method, &params["method"], &params["params"]),
            ("MaelNode.Call", &json!("MaelNode.Ping"), &json!({}))
        );
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        for line in [
            &["0x1000", "--hex", "0"][..],
            &["0x1000", "--hex", "+1"],
            &["0x1000", "--hex", "0g"],
            &["0x1000", "--hex", "00", "--text", "on"],
            &["0x1000", "{}", "--text", "on"],
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        let named = parse(&["MaelNode.Ping", "--text", "on"]).unwrap().question();
        assert!(matches!(named, Err(CtlError::BodyOfNamed { .. })));
        let numbered = parse(&["0x1000", "{}"]).unwrap().question();
        assert!(matches!(numbered, Err(CtlError::JsonOfNumbered { .. })));
    }

    #[test]
    fn an_answer_is_text_if_it_can_be() {
        let call = parse(&["0x1000"]).unwrap();
        let show = |bytes: &[u8]| {
            let result = json!({"nodeId": "00", "body": Base64::encode_string(bytes)});
            call.show(result, false).unwrap()
        };
        assert_eq!(show(b""), "");
        assert_eq!(show("21,5 \u{b0}C".as_bytes()), "21,5 \u{b0}C\n");
        assert_eq!(show(b"two\nlines\n"), "two\nlines\n");
        assert_eq!(show(&[0, 0xff]), "00ff\n");
        assert_eq!(show(b"\x1b[2J"), "1b5b324a\n");
        assert!(call.show(json!({"nodeId": "00", "body": "?"}), false).is_err());
        assert!(call.show(json!({"nodeId": "00", "body": "AA=="}), true).unwrap().contains("AA=="));
    }
}
