//! Trailers on their way. Those of every leg are read here and written anew, so that a hop never passes bytes on that it has not
//! understood, nor a field that its head could not have had.

use node_core::http::{
    BadTrailers, Connection, Field, MAX_TRAILERS, Trailers, connection_options, lists, may_trail,
};

use super::field::Kind;
use super::request::put;

/// The message that trailers belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// The names of other fields in the `Connection` fields of a head: trailers of these names end at this hop, too.
pub(super) fn named(fields: &[Field<'_>], connection: Connection<'_, '_>) -> Vec<u8> {
    if !connection.names {
        return Vec::new();
    }
    connection_options(fields).collect::<Vec<_>>().join(&b","[..])
}

/// Those of `lines` that go to the next hop. The head has [`named`] others.
///
/// # Errors
/// The lines are no trailers: nothing of them goes on.
pub(super) fn passed(lines: &[u8], message: Message, named: &[u8]) -> Result<Vec<u8>, BadTrailers> {
    let mut text = Vec::new();
    for Field { name, value } in Trailers::parse(lines)? {
        let is_for_all = match Kind::of(name) {
            Kind::Other => true,
            // As in heads: only a component takes a field for a variable of a program.
            Kind::Underscore => message == Message::Response,
            _ => false,
        };
        if is_for_all && may_trail(name) && !lists(named, name) {
            put(&mut text, name, value);
        }
    }
    if text.len() > MAX_TRAILERS { Err(BadTrailers::Long) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_head_could_not_have_is_no_trailer_either() {
        let all = |names: &[&str]| names.iter().map(|name| format!("{name}: 1\r\n")).collect::<String>();
        let kept = ["X-Sum", "grpc-status", "ETag"];
        let never = [
            "MAELSTROM-COMPONENT",
            "maelstrom-error",
            "Maelstrom-New",
            "Proxy",
            "Via",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "TE",
            "Trailer",
            "Connection",
            "Keep-Alive",
            "Upgrade",
            "HTTP2-Settings",
            "Proxy-Authorization",
            "Authorization",
            "X-Hop",
        ];
        let lines = all(&kept) + &all(&never) + &all(&["x_real_ip"]);
        let passed =
            |message| String::from_utf8(passed(lines.as_bytes(), message, b"close, x-hop").unwrap()).unwrap();
        assert_eq!(passed(Message::Request), all(&kept));
        assert_eq!(passed(Message::Response), all(&kept) + "x_real_ip: 1\r\n");
    }

    #[test]
    fn trailers_do_not_outgrow_their_limit_when_they_are_written_anew() {
        let lines = "a:b\r\n".repeat(3000);
        assert_eq!(passed(lines.as_bytes(), Message::Response, b""), Err(BadTrailers::Long));
    }
}
